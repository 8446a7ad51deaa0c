//! Token selectors: a SAST name, a label, a serial number, or an RFC 7512 URI.

use std::collections::BTreeMap;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::contents::TokenCertificate;
use super::slot::Token;
use crate::trustlist::{Certificate, digest};

/// Selects a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Selector {
    /// A SAST name (the certificate's CN without blanks), a token label or a token serial number.
    #[error("{0}")]
    Name(String),
    /// A `pkcs11:` URI.
    #[error("{}", .0.text)]
    Uri(Uri),
}

/// The path attributes of an RFC 7512 URI that select a token and a certificate on it; all must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    text: String,
    /// Attributes of the token: name and value.
    token: BTreeMap<String, String>,
    slot_id: Option<u64>,
    object: Option<String>,
    id: Option<Vec<u8>>,
    /// The URI names a key, whose label may differ from its certificate's; CKA_ID is the same.
    of_key: bool,
}

/// An invalid selector. The message does not repeat a URI that contains a PIN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum NotASelector {
    #[error("a token selector is a SAST name, a label, a serial number or a pkcs11: URI; this one is empty")]
    Empty,
    #[error("a pkcs11: URI with a PIN in it is refused: a PIN is never an argument")]
    PinInUri,
    #[error("the pkcs11: URI has the attribute {0:?}, which does not say which token")]
    UnknownAttribute(String),
    #[error("the pkcs11: URI is not well-formed: {0:?}")]
    BadEncoding(String),
}

impl FromStr for Selector {
    type Err = NotASelector;

    fn from_str(text: &str) -> Result<Self, NotASelector> {
        if text.trim().is_empty() {
            return Err(NotASelector::Empty);
        }
        match text.strip_prefix("pkcs11:") {
            Some(rest) => Uri::parse(text, rest).map(Selector::Uri),
            None => Ok(Selector::Name(text.to_owned())),
        }
    }
}

impl Uri {
    fn parse(text: &str, rest: &str) -> Result<Self, NotASelector> {
        let path = rest.split_once('?').map_or(rest, |(path, _)| path);
        // Names only: a token's label may contain anything.
        let mut names = rest.split([';', '?', '&']).filter_map(|attribute| attribute.split('=').next());
        if names.any(|name| name.to_ascii_lowercase().starts_with("pin-")) {
            return Err(NotASelector::PinInUri);
        }
        let mut uri = Uri { text: text.to_owned(), ..Uri::default() };
        for attribute in path.split(';').filter(|a| !a.is_empty()) {
            let (key, value) =
                attribute.split_once('=').ok_or_else(|| NotASelector::BadEncoding(attribute.to_owned()))?;
            let wrong = || NotASelector::BadEncoding(attribute.to_owned());
            let bytes = decode(value).ok_or_else(wrong)?;
            if key == "id" {
                uri.id = Some(bytes);
                continue;
            }
            let value = String::from_utf8(bytes).map_err(|_| wrong())?;
            // Labels and serial numbers are padded on the token, and some tools print that, too.
            let value = value.trim_end_matches(['\0', ' ']).to_owned();
            match key {
                "token" | "serial" | "model" | "manufacturer" | "slot-description" => {
                    uri.token.insert(key.to_owned(), value);
                }
                "slot-id" => uri.slot_id = Some(value.parse().map_err(|_| wrong())?),
                "object" => uri.object = Some(value),
                "type" => uri.of_key = matches!(&value[..], "private" | "public"),
                other => return Err(NotASelector::UnknownAttribute(other.to_owned())),
            }
        }
        Ok(uri)
    }
}

/// Names are the same in capital and in small letters.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Percent-decoding (RFC 3986, section 2.1).
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.as_bytes().split(|b| *b == b'%');
    let mut bytes = parts.next()?.to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.extend(HEXLOWER_PERMISSIVE.decode(digits).ok()?);
        bytes.extend(rest);
    }
    Some(bytes)
}

/// Percent-encoding of everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let one = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        _ => format!("%{b:02x}"),
    };
    text.bytes().map(one).collect()
}

impl Selector {
    /// The name, where it is not a URI.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Selector::Name(name) => Some(name),
            Selector::Uri(_) => None,
        }
    }

    /// Whether it is the name of the token, letter by letter.
    pub(super) fn spells_token(&self, token: &Token) -> bool {
        self.name().is_some_and(|name| token.label == name || token.serial == name)
    }

    /// Whether it is the SAST name of the certificate, letter by letter.
    pub(super) fn spells_certificate(&self, certificate: &Certificate) -> bool {
        self.name() == Some(&certificate.sast_name()[..])
    }

    /// Whether it matches the token itself, by label, serial or URI.
    pub fn matches_token(&self, token: &Token) -> bool {
        let uri = match self {
            Selector::Name(name) => {
                return same(&token.label, name) || same(&token.serial, name);
            }
            Selector::Uri(uri) => uri,
        };
        let called = |attribute: &str| match attribute {
            "token" => &token.label,
            "serial" => &token.serial,
            "model" => &token.model,
            "manufacturer" => &token.manufacturer,
            _ => &token.reader,
        };
        uri.token.iter().all(|(attribute, wanted)| called(attribute) == wanted)
            && uri.slot_id.is_none_or(|id| id == token.slot_id)
    }

    /// Whether it names a certificate, not only the token.
    pub fn names_an_object(&self) -> bool {
        matches!(self, Selector::Uri(uri) if uri.object.is_some() || uri.id.is_some())
    }

    /// Whether it matches a certificate: by SAST name or serial number (`44:6E:…`), or by the object attributes of a URI.
    pub fn matches_certificate(&self, entry: &TokenCertificate) -> bool {
        let certificate = entry.certificate.as_ref();
        let sast_name = certificate.map(Certificate::sast_name).unwrap_or_default();
        match self {
            Selector::Name(name) => {
                let serial = certificate.map(|c| &c.serial[..]).unwrap_or_default();
                same(&sast_name, name) || same(&digest::hex(serial, ":"), name)
            }
            Selector::Uri(uri) => {
                let by_id = uri.of_key && uri.id.is_some();
                let is_called = |name: &String| by_id || entry.label == *name || sast_name == *name;
                self.names_an_object()
                    && uri.object.as_ref().is_none_or(is_called)
                    && uri.id.as_ref().is_none_or(|id| entry.id == *id)
            }
        }
    }
}
