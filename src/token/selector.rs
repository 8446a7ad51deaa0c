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

/// A selector that is not one. A URI with a PIN in it is not repeated.
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

    /// Whether it matches the token itself, by label, serial or URI.
    pub(super) fn matches_token(&self, token: &Token) -> bool {
        let uri = match self {
            Selector::Name(name) => {
                return token.label == *name || token.serial.eq_ignore_ascii_case(name);
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
                sast_name == *name || digest::hex(serial, ":").eq_ignore_ascii_case(name)
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

#[cfg(test)]
mod tests {
    use super::super::contents::read;
    use super::super::raw::Info;
    use super::*;

    fn token(label: &str, serial: &str) -> Token {
        let info = Info {
            label: label.to_owned(),
            serial: serial.to_owned(),
            manufacturer: "SafeNet, Inc.".to_owned(),
            ..Info::default()
        };
        Token::new(7_u64.try_into().unwrap(), None, Ok(info))
    }

    fn matches(selector: &str) -> bool {
        selector.parse::<Selector>().unwrap().matches_token(&token("SAST token A", "02aea1d3"))
    }

    #[test]
    fn tokens_are_named_by_label_serial_or_uri() {
        assert!(matches("SAST token A"));
        assert!(matches("02AEA1D3"), "serials are hexadecimal");
        assert!(!matches("SAST token"), "no prefixes: they would be ambiguous one day");
        assert!(matches("pkcs11:token=SAST%20token%20A;serial=02aea1d3"));
        assert!(matches("pkcs11:manufacturer=SafeNet%2C%20Inc.;type=cert?module-name=x"));
        assert!(!matches("pkcs11:token=SAST%20token%20A;serial=ffffffff"));
        assert!(matches("pkcs11:token=SAST%20token%20A%00%00%00;serial=02aea1d3%20%20"), "padded");
        assert!(matches("pkcs11:slot-id=7") && !matches("pkcs11:slot-id=8;serial=02aea1d3"));
    }

    #[test]
    fn certificates_are_named_by_sast_name_or_by_what_a_uri_says_of_the_object() {
        let certificate = read("softhsm-fixtures/SAST-ADN008580ef.der");
        let serial = digest::hex(&certificate.serial, ":");
        let entry = TokenCertificate::new(&[1, 0xFF], certificate);
        let entry = TokenCertificate { label: "key 1".to_owned(), ..entry };
        let is_meant = |selector: &str| selector.parse::<Selector>().unwrap().matches_certificate(&entry);
        assert!(is_meant("SAST-ADN008580ef") && !is_meant("key 1"));
        assert!(is_meant(&serial.to_uppercase()) && is_meant(&serial) && !is_meant(&serial[..2]));
        assert!(is_meant("pkcs11:object=SAST-ADN008580ef") && is_meant("pkcs11:object=key%201"));
        assert!(is_meant("pkcs11:serial=1;id=%01%ff") && is_meant("pkcs11:id=%01%FF;object=key%201"));
        assert!(!is_meant("pkcs11:id=%01") && !is_meant("pkcs11:object=key%201;id=%02"));
        assert!(!is_meant("pkcs11:serial=1"), "the token alone is named");
        // As p11tool prints a key: the label is the key's own.
        assert!(is_meant("pkcs11:serial=1;id=%01%ff;object=k;type=private"));
        assert!(!is_meant("pkcs11:serial=1;id=%01;object=key%201;type=private"));
        assert!(
            !is_meant("pkcs11:id=%01%ff;object=k;type=cert") && !is_meant("pkcs11:object=k;type=private")
        );
    }

    #[test]
    fn what_is_encoded_reads_as_it_was() {
        for text in ["SAST token A", "a;b?c=%20'ü", "02aea1d3"] {
            assert_eq!(decode(&encode(text)), Some(text.as_bytes().to_vec()));
        }
        assert_eq!(encode("a b-1;"), "a%20b-1%3b");
    }

    #[test]
    fn a_token_may_be_called_what_sounds_like_a_pin() {
        let selector: Selector = "pkcs11:token=spin-doctor;serial=pin-1?module-name=pin-x".parse().unwrap();
        assert!(selector.matches_token(&token("spin-doctor", "pin-1")));
    }
}
