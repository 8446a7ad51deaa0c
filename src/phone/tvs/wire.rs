//! The bytes of TVS: a header of 10 bytes and elements, big-endian (`docs/phones.md`, "TVS on the wire").

use crate::trustlist::{Function, SignerId};

/// First byte of every message.
const PROTOCOL: u8 = 87;
/// Second byte.
const VERSION: u8 = 1;
/// Length of the header in bytes.
pub(super) const HEADER_BYTES: usize = 10;

/// The commands of requests.
const VERIFY_REQUEST: u8 = 1;
const QUERY_REQUEST: u8 = 3;

mod tag {
    pub const DEVICE_NAME: u8 = 1;
    pub const CERTIFICATE: u8 = 2;
    pub const SUBJECT: u8 = 3;
    pub const ISSUER: u8 = 4;
    pub const SERIAL: u8 = 5;
    pub const STATUS: u8 = 7;
    pub const ROLES: u8 = 8;
    pub const TTL: u8 = 9;
}

/// The byte before a device name (seen in clients that TVS servers answer).
const DEVICE_NAME_PREFIX: u8 = 1;

/// A status, element 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: the certificate is valid.
    Valid,
    /// 1: it is not.
    Invalid,
    /// Any other value.
    Other(u8),
}

/// A decoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Command byte.
    pub command: u8,
    /// The session id, which an answer repeats.
    pub session: u32,
    /// Element 2, DER: the certificate that the answer is about.
    pub certificate: Option<Vec<u8>>,
    /// Element 7.
    pub status: Option<Status>,
    /// Element 8.
    pub roles: Vec<Function>,
    /// Element 9, seconds.
    pub ttl: Option<u32>,
}

/// Why bytes are no message of this protocol. `at` is an offset, and `length` and `expected` are lengths, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMessage {
    #[error("it does not begin with {PROTOCOL} and {VERSION} but with {first} and {second}")]
    NotTvs { first: u8, second: u8 },
    #[error("it ends at byte {at}, in the middle of {what}")]
    Cut { at: usize, what: &'static str },
    #[error("element {tag} has {length} bytes instead of {expected} (byte {at})")]
    Length { tag: u8, length: usize, expected: usize, at: usize },
    #[error("element {tag} occurs twice (byte {at})")]
    Twice { tag: u8, at: usize },
}

/// A verify request, as phones ask about a server, for a certificate (DER); `None` where a part has over 65535 bytes.
pub fn verify_request(session: u32, device_name: &str, certificate: &[u8]) -> Option<Vec<u8>> {
    request(VERIFY_REQUEST, session, device_name, &[(tag::CERTIFICATE, certificate)])
}

/// A query, as phones ask about the signer of a list: names and serial as the file spells them. `None` as above.
pub fn query_request(session: u32, device_name: &str, signer: &SignerId) -> Option<Vec<u8>> {
    let elements = [
        (tag::SUBJECT, &signer.name[..]),
        (tag::ISSUER, &signer.issuer[..]),
        (tag::SERIAL, &signer.serial[..]),
    ];
    request(QUERY_REQUEST, session, device_name, &elements)
}

fn request(command: u8, session: u32, device_name: &str, elements: &[(u8, &[u8])]) -> Option<Vec<u8>> {
    let name = [&[DEVICE_NAME_PREFIX], device_name.as_bytes()].concat();
    let mut body = Vec::new();
    for (tag, value) in [(tag::DEVICE_NAME, &name[..])].iter().chain(elements) {
        body.push(*tag);
        body.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
        body.extend(*value);
    }
    let length = u16::try_from(body.len()).ok()?;
    let mut message = vec![PROTOCOL, VERSION, command, 0];
    message.extend(session.to_be_bytes());
    message.extend(length.to_be_bytes());
    message.extend(body);
    Some(message)
}

/// Command, session id and body length (bytes) of a header. Its fourth byte is 0 in requests; in an answer 0xF7 was seen.
pub fn decode_header(header: &[u8]) -> Result<(u8, u32, usize), NotAMessage> {
    let &[first, second, command, _, s1, s2, s3, s4, l1, l2] = header else {
        return Err(NotAMessage::Cut { at: header.len(), what: "the header" });
    };
    if (first, second) != (PROTOCOL, VERSION) {
        return Err(NotAMessage::NotTvs { first, second });
    }
    Ok((command, u32::from_be_bytes([s1, s2, s3, s4]), usize::from(u16::from_be_bytes([l1, l2]))))
}

impl Message {
    /// Decodes the elements after a header. Unknown elements are skipped.
    pub fn decode(command: u8, session: u32, body: &[u8]) -> Result<Self, NotAMessage> {
        let mut message =
            Message { command, session, certificate: None, status: None, roles: vec![], ttl: None };
        let mut seen = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let at = HEADER_BYTES.saturating_add(body.len().saturating_sub(rest.len()));
            let cut = |what| NotAMessage::Cut { at: HEADER_BYTES.saturating_add(body.len()), what };
            let (&[tag, l1, l2], behind) =
                rest.split_first_chunk::<3>().ok_or_else(|| cut("an element's head"))?;
            let length = usize::from(u16::from_be_bytes([l1, l2]));
            let (value, behind) = behind.split_at_checked(length).ok_or_else(|| cut("an element's value"))?;
            if seen.contains(&tag) {
                return Err(NotAMessage::Twice { tag, at });
            }
            seen.push(tag);
            let wrong = |expected| NotAMessage::Length { tag, length, expected, at };
            match tag {
                tag::STATUS => {
                    let [status] = *value else { return Err(wrong(1)) };
                    message.status = Some(match status {
                        0 => Status::Valid,
                        1 => Status::Invalid,
                        other => Status::Other(other),
                    });
                }
                tag::CERTIFICATE => message.certificate = Some(value.to_vec()),
                tag::ROLES => message.roles = value.iter().map(|r| Function(u16::from(*r))).collect(),
                tag::TTL => {
                    let ttl = <[u8; 4]>::try_from(value).map_err(|_| wrong(4))?;
                    message.ttl = Some(u32::from_be_bytes(ttl));
                }
                _ => {}
            }
            rest = behind;
        }
        Ok(message)
    }
}
