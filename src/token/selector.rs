//! Which token is meant: a SAST name, a label, a serial number, or an RFC 7512 URI.

use std::fmt;
use std::str::FromStr;

/// Names one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A SAST name (the certificate's CN without blanks), a token label or a token serial number.
    Name(String),
    /// A `pkcs11:` URI.
    Uri(Uri),
}

/// The path attributes of an RFC 7512 URI that say which token; all that are there must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    text: String,
    token: Option<String>,
    serial: Option<String>,
    model: Option<String>,
    manufacturer: Option<String>,
    slot_description: Option<String>,
}

/// What a token is compared by; padding is gone.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Token label.
    pub label: &'a str,
    /// Token serial number.
    pub serial: &'a str,
    /// Token model.
    pub model: &'a str,
    /// Token manufacturer.
    pub manufacturer: &'a str,
    /// Slot description.
    pub reader: &'a str,
}

/// A selector that is not one. A URI with a PIN in it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASelector {
    /// Nothing at all.
    #[error("a token selector is a SAST name, a label, a serial number or a pkcs11: URI; this one is empty")]
    Empty,
    /// A PIN in the URI.
    #[error("a pkcs11: URI with a PIN in it is refused: a PIN is never an argument (use --pin-source)")]
    PinInUri,
    /// A path attribute that does not say which token.
    #[error("the pkcs11: URI has the attribute {0:?}, which does not say which token")]
    UnknownAttribute(String),
    /// Not percent-encoded text.
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
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if query.contains("pin-") || path.contains("pin-") {
            return Err(NotASelector::PinInUri);
        }
        let mut uri = Uri { text: text.to_owned(), ..Uri::default() };
        for attribute in path.split(';').filter(|a| !a.is_empty()) {
            let (key, value) =
                attribute.split_once('=').ok_or_else(|| NotASelector::BadEncoding(attribute.to_owned()))?;
            let value = decode(value).ok_or_else(|| NotASelector::BadEncoding(attribute.to_owned()))?;
            match key {
                "token" => uri.token = Some(value),
                "serial" => uri.serial = Some(value),
                "model" => uri.model = Some(value),
                "manufacturer" => uri.manufacturer = Some(value),
                "slot-description" => uri.slot_description = Some(value),
                // What kind of object is meant does not change which token.
                "type" | "object" | "id" => {}
                other => return Err(NotASelector::UnknownAttribute(other.to_owned())),
            }
        }
        Ok(uri)
    }
}

/// Percent-decoding (RFC 3986, section 2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

impl Selector {
    /// The name, where it is not a URI.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Selector::Name(name) => Some(name),
            Selector::Uri(_) => None,
        }
    }

    /// Whether the token itself is meant, by label, serial or URI.
    pub fn matches_token(&self, token: &Candidate<'_>) -> bool {
        match self {
            Selector::Name(name) => token.label == name || token.serial.eq_ignore_ascii_case(name),
            Selector::Uri(uri) => {
                let fits = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|w| w == value);
                fits(&uri.token, token.label)
                    && fits(&uri.serial, token.serial)
                    && fits(&uri.model, token.model)
                    && fits(&uri.manufacturer, token.manufacturer)
                    && fits(&uri.slot_description, token.reader)
            }
        }
    }

    /// Whether a certificate of the token is meant, by its SAST name.
    pub fn matches_certificate(&self, sast_name: &str) -> bool {
        matches!(self, Selector::Name(name) if name == sast_name)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Selector::Name(name) => name,
            Selector::Uri(uri) => &uri.text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_reads_as_it_was_written() {
        for text in ["SAST token A", "pkcs11:token=SAST%20token%20A;serial=02aea1d3"] {
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
    }

    const TOKEN: Candidate<'_> = Candidate {
        label: "SAST token A",
        serial: "02aea1d3",
        model: "eToken",
        manufacturer: "SafeNet, Inc.",
        reader: "AKS ifdh 00 00",
    };

    fn matches(selector: &str) -> bool {
        selector.parse::<Selector>().unwrap().matches_token(&TOKEN)
    }

    #[test]
    fn tokens_are_named_by_label_serial_or_uri() {
        assert!(matches("SAST token A"));
        assert!(matches("02AEA1D3"), "serials are hexadecimal");
        assert!(!matches("SAST token"), "no prefixes: they would be ambiguous one day");
        assert!(matches("pkcs11:token=SAST%20token%20A;serial=02aea1d3"));
        assert!(matches("pkcs11:manufacturer=SafeNet%2C%20Inc.;type=cert?module-name=x"));
        assert!(!matches("pkcs11:token=SAST%20token%20A;serial=ffffffff"));
        assert!("SAST-ADN008580ef".parse::<Selector>().unwrap().matches_certificate("SAST-ADN008580ef"));
    }

    #[test]
    fn a_pin_in_a_uri_is_refused_and_not_repeated() {
        for uri in ["pkcs11:token=x?pin-value=Cisco123", "pkcs11:pin-value=Cisco123"] {
            let error = uri.parse::<Selector>().unwrap_err();
            assert_eq!(error, NotASelector::PinInUri);
            assert!(!error.to_string().contains("Cisco123"));
        }
    }

    #[test]
    fn malformed_selectors_are_refused() {
        assert_eq!(" ".parse::<Selector>(), Err(NotASelector::Empty));
        for uri in ["pkcs11:token=%2", "pkcs11:token=%zz", "pkcs11:token=%+1", "pkcs11:token"] {
            assert!(matches!(uri.parse::<Selector>(), Err(NotASelector::BadEncoding(_))), "{uri}");
        }
        assert!(matches!("pkcs11:slot=1".parse::<Selector>(), Err(NotASelector::UnknownAttribute(_))));
    }
}
