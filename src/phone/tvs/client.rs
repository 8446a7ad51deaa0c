//! One question to one server.

use std::fmt;
use std::io::{self, Read, Write as _};
use std::time::Duration;

use openssl::ssl::SslStream;

use super::super::reason::names;
use super::error::TvsError;
use super::tls::{ServerCertificate, Timed, Tls, TvsAddress, io_error, open};
use super::wire::{self, HEADER_BYTES, Message, Status};
use crate::trustlist::{Certificate, Function, SignerId};

/// The kind of request: a query has the names and serial of a certificate, a verify request the whole certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// As phones ask about the signer of a list
    Query,
    /// As phones ask about a server; old TVS servers know this request, too
    Verify,
}

/// What is asked, and how.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub certificate: &'a Certificate,
    /// How the list spells it.
    pub signer: &'a SignerId,
    pub ask: Ask,
    /// The name of the phone in the request: `CP-7965-SEP001122334455`.
    pub device_name: &'a str,
    pub tls: Tls<'a>,
}

/// What TVS answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub server: String,
    pub asked: Ask,
    pub valid: bool,
    pub roles: Vec<Function>,
    /// How long a phone keeps the answer, in seconds.
    pub ttl: Option<u32>,
    pub shown: ServerCertificate,
    pub tls_version: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TVS on {} says {}", self.server, if self.valid { "valid" } else { "invalid" })?;
        if !self.roles.is_empty() {
            write!(f, ", as {}", names(&self.roles, ", "))?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, ", for {ttl} s")?;
        }
        Ok(())
    }
}

/// Asks one server about one certificate.
pub fn ask(address: &TvsAddress, question: &Question<'_>) -> Result<Answer, TvsError> {
    let server = address.to_string();
    let (mut tls, shown) = open(address, &server, &question.tls)?;
    exchange(server, &mut tls, question, shown).map_err(|why| match (question.ask, why) {
        // Servers that do not know the query react like this.
        (
            Ask::Query,
            why @ (TvsError::Timeout { .. }
            | TvsError::HalfAnAnswer { got: 0, .. }
            | TvsError::Io { .. }
            | TvsError::WrongCommand { .. }),
        ) => TvsError::NoAnswerToQuery { server: address.to_string(), source: Box::new(why) },
        (_, why) => why,
    })
}

fn exchange(
    server: String,
    tls: &mut SslStream<Timed>,
    question: &Question<'_>,
    shown: ServerCertificate,
) -> Result<Answer, TvsError> {
    let (session, device, limit) = (session_id(), question.device_name, question.tls.timeout);
    let request = match question.ask {
        Ask::Query => wire::query_request(session, device, question.signer),
        Ask::Verify => wire::verify_request(session, device, question.certificate.der()),
    };
    let request = request.ok_or(TvsError::TooLong)?;
    tls.write_all(&request)
        .and_then(|()| tls.flush())
        .map_err(|e| io_error(&server, limit, "sending the question", e))?;
    let message = read_answer(&server, tls, limit)?;
    if message.session != session {
        return Err(TvsError::WrongSession { server, got: message.session, expected: session });
    }
    let expected = request.get(2).map_or(0, |command| command.saturating_add(1));
    if message.command != expected {
        return Err(TvsError::WrongCommand { server, command: message.command, expected });
    }
    // TVS may know another certificate with this issuer and serial; a phone would verify the list with that key.
    if message.certificate.is_some_and(|der| der != question.certificate.der()[..]) {
        return Err(TvsError::AboutAnother { server });
    }
    let valid = match message.status {
        Some(Status::Valid) => true,
        Some(Status::Invalid) => false,
        Some(Status::Other(code)) => {
            return Err(TvsError::NoStatus { server, status: format!("status {code}") });
        }
        None => return Err(TvsError::NoStatus { server, status: "no status".to_owned() }),
    };
    let tls_version = tls.ssl().version_str().to_owned();
    Ok(Answer {
        server,
        asked: question.ask,
        valid,
        roles: message.roles,
        ttl: message.ttl,
        shown,
        tls_version,
    })
}

fn read_answer(server: &str, tls: &mut SslStream<Timed>, limit: Duration) -> Result<Message, TvsError> {
    let garbage = |source| TvsError::Garbage { server: server.to_owned(), source };
    let mut answer = Vec::new();
    read_up_to(server, tls, &mut answer, HEADER_BYTES, limit)?;
    let (command, session, length) = wire::decode_header(&answer).map_err(garbage)?;
    read_up_to(server, tls, &mut answer, HEADER_BYTES.saturating_add(length), limit)?;
    Message::decode(command, session, answer.get(HEADER_BYTES..).unwrap_or_default()).map_err(garbage)
}

/// Reads until `expected` bytes of the answer are there; if fewer arrive, the error says how many.
fn read_up_to(
    server: &str,
    tls: &mut impl Read,
    answer: &mut Vec<u8>,
    expected: usize,
    limit: Duration,
) -> Result<(), TvsError> {
    let missing = u64::try_from(expected.saturating_sub(answer.len())).unwrap_or(u64::MAX);
    match tls.take(missing).read_to_end(answer) {
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => {
            Err(io_error(server, limit, "waiting for the answer", e))
        }
        _ if answer.len() == expected => Ok(()),
        _ => Err(TvsError::HalfAnAnswer { server: server.to_owned(), got: answer.len(), expected }),
    }
}

/// An id that an answer must repeat: random, else the process id.
fn session_id() -> u32 {
    let mut bytes = [0; 4];
    match openssl::rand::rand_bytes(&mut bytes) {
        Ok(()) => u32::from_be_bytes(bytes),
        Err(_) => std::process::id(),
    }
}
