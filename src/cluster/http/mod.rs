//! Reading a file from a node's HTTP server on port 6970, certificates into its trust store by REST, and the pages of phones.

pub mod page;
mod pinned;

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use ureq::tls::{TlsConfig, TlsProvider};

use crate::trustlist::Certificate;

/// The time limit for a whole request.
const LIMIT: Duration = Duration::from_secs(30);
/// Each buffer of a connection, in bytes.
const BUFFER: usize = 8 * 1024;
/// The longest answer of the REST interface that is read, in bytes.
const LONGEST_ANSWER: u64 = 256 * 1024;

/// Why a request failed. `url` is the request, `says` the server's words, `limit` is in bytes.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{url} cannot be reached: {why}")]
    Reach { url: String, why: String },
    #[error("{url} answered {status}: {says}")]
    Refused { url: String, status: u16, says: String },
    #[error("{url} has more than {limit} bytes")]
    TooLarge { url: String, limit: usize },
    /// The certificate of the server is not the pinned one, or not one that is trusted.
    #[error("the TLS certificate of {host} is not trusted: {why}")]
    NotTrusted { host: String, why: String },
}

fn config(limit: Duration) -> ureq::config::Config {
    ureq::Agent::config_builder()
        // Many phones are asked at once.
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .max_idle_connections(0)
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .tls_config(TlsConfig::builder().provider(TlsProvider::NativeTls).build())
        .build()
}

/// Reads `http://HOST:PORT/FILE`, at most `limit` bytes.
pub fn get(host: &str, port: u16, file: &str, limit: usize) -> Result<Vec<u8>, HttpError> {
    let url = format!("http://{}:{port}/{file}", bracketed(host));
    let reach = |e: ureq::Error| HttpError::Reach { url: url.clone(), why: e.to_string() };
    let mut answer = ureq::Agent::from(config(LIMIT)).get(&url).call().map_err(reach)?;
    let status = answer.status().as_u16();
    if status != 200 {
        let says = answer.status().canonical_reason().unwrap_or_default().to_owned();
        return Err(HttpError::Refused { url, status, says });
    }
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    match answer.body_mut().with_config().limit(most).read_to_vec() {
        Ok(bytes) => Ok(bytes),
        Err(ureq::Error::BodyExceedsLimit(_)) => Err(HttpError::TooLarge { url, limit }),
        Err(e) => Err(reach(e)),
    }
}

/// How a node's web server is authenticated.
#[derive(Debug, Clone)]
pub enum TlsTrust {
    /// By the system's authorities.
    System,
    /// By the SHA-256 of its certificate, hexadecimal: the operator compared it.
    Fingerprint(String),
}

/// A node's certificate interface (release 14 and later).
pub struct TrustStore {
    base: String,
    host: String,
    user: String,
    password: SecretString,
    trust: TlsTrust,
    /// The time limit for a whole request.
    pub limit: Duration,
}

impl TrustStore {
    /// `https://HOST:PORT`, with the OS administrator's account.
    pub fn new(host: &str, port: u16, user: &str, password: SecretString, trust: TlsTrust) -> Self {
        let base = format!("https://{}:{port}/platformcom/api/v1/certmgr/config", bracketed(host));
        TrustStore { base, host: host.to_owned(), user: user.to_owned(), password, trust, limit: LIMIT }
    }

    /// Stores a certificate in a trust unit (`Phone-SAST-trust`).
    pub fn upload(&self, unit: &str, certificate: &Certificate) -> Result<(), HttpError> {
        let url = format!("{}/trust/certificates", self.base);
        let body = serde_json::json!({
            "service": [unit],
            "certificates": [certificate.to_pem()],
            "description": certificate.sast_name(),
        });
        let login = format!("{}:{}", self.user, self.password.expose_secret());
        let login = zeroize::Zeroizing::new(data_encoding::BASE64.encode(login.as_bytes()));
        let request = self
            .agent()
            .post(&url)
            .header("Authorization", format!("Basic {}", login.as_str()))
            .header("Accept", "application/json");
        let loaded = crate::system::openssl::load().map_err(ureq::Error::Io);
        let mut answer = loaded.and_then(|()| request.send_json(&body)).map_err(|e| self.failed(&url, e))?;
        let status = answer.status().as_u16();
        if matches!(status, 200 | 201) {
            return Ok(());
        }
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string().unwrap_or_default();
        Err(HttpError::Refused { url, status, says: says(&text) })
    }

    fn agent(&self) -> ureq::Agent {
        match &self.trust {
            TlsTrust::System => config(self.limit).into(),
            TlsTrust::Fingerprint(fingerprint) => pinned::agent(config(self.limit), &self.host, fingerprint),
        }
    }

    /// The error of a failed request.
    fn failed(&self, url: &str, error: ureq::Error) -> HttpError {
        let why = match error {
            ureq::Error::Other(e) if e.is::<pinned::OtherCertificate>() => {
                return HttpError::NotTrusted { host: self.host.clone(), why: e.to_string() };
            }
            ureq::Error::Other(e) => e.to_string(),
            e => e.to_string(),
        };
        HttpError::Reach { url: url.to_owned(), why }
    }
}

/// The readable part of an answer: its `message` or `messages`, else its beginning; without control characters.
pub fn says(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let words = match (value.get("message"), value.get("messages")) {
        (Some(serde_json::Value::String(message)), _) => message.clone(),
        (_, Some(serde_json::Value::Array(messages))) => {
            let text = |m: &serde_json::Value| m.as_str().map_or_else(|| m.to_string(), str::to_owned);
            messages.iter().map(text).collect::<Vec<_>>().join("; ")
        }
        _ => text.chars().take(200).collect(),
    };
    words.chars().filter(|c| !c.is_control()).collect()
}

/// IPv6 addresses are written in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
