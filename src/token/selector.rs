//! Which token is meant: a SAST name, a label, a serial number, or an RFC 7512 URI.

use std::fmt;
use std::str::FromStr;

use crate::trustlist::digest;

/// Names one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A SAST name (the certificate's CN without blanks), a token label or a token serial number.
    Name(String),
    /// A `pkcs11:` URI.
    Uri(Uri),
}

/// The path attributes of an RFC 7512 URI that say which token, and which certificate on it; all that are there must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    text: String,
    token: Option<String>,
    serial: Option<String>,
    model: Option<String>,
    manufacturer: Option<String>,
    slot_description: Option<String>,
    slot_id: Option<u64>,
    object: Option<String>,
    id: Option<Vec<u8>>,
    /// A key is meant, whose label is its own: its certificate has the same CKA_ID.
    of_key: bool,
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
    /// Slot number, which may be another one in the next run.
    pub slot_id: u64,
}

/// What a certificate on a token is compared by.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// CKA_ID.
    pub id: &'a [u8],
    /// CKA_LABEL.
    pub label: &'a str,
    /// The certificate's SAST name.
    pub sast_name: &'a str,
    /// The certificate's serial number.
    pub serial: &'a [u8],
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
        let path = rest.split_once('?').map_or(rest, |(path, _)| path);
        // By the names alone: a token may be called what it likes.
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
                "token" => uri.token = Some(value),
                "serial" => uri.serial = Some(value),
                "model" => uri.model = Some(value),
                "manufacturer" => uri.manufacturer = Some(value),
                "slot-description" => uri.slot_description = Some(value),
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
    Some(bytes)
}

/// Percent-encoding of everything that a value of a URI would not take as it is.
pub(super) fn encode(text: &str) -> String {
    let one = |b: u8| match b {
        b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        _ if b.is_ascii_alphanumeric() => char::from(b).to_string(),
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
                    && uri.slot_id.is_none_or(|id| id == token.slot_id)
            }
        }
    }

    /// Whether it names a certificate and not the token alone.
    pub fn names_an_object(&self) -> bool {
        matches!(self, Selector::Uri(uri) if uri.object.is_some() || uri.id.is_some())
    }

    /// Whether a certificate of the token is meant: by its SAST name or serial number (`44:6E:…`), or by what a URI says of
    /// the object.
    pub fn matches_certificate(&self, object: &Object<'_>) -> bool {
        match self {
            Selector::Name(name) => {
                object.sast_name == name || digest::hex(object.serial, ":").eq_ignore_ascii_case(name)
            }
            Selector::Uri(uri) => {
                let by_id = uri.of_key && uri.id.is_some();
                let is_called = |name: &String| by_id || object.label == name || object.sast_name == name;
                self.names_an_object()
                    && uri.object.as_ref().is_none_or(is_called)
                    && uri.id.as_ref().is_none_or(|id| object.id == id)
            }
        }
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
        slot_id: 7,
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
        assert!(matches("pkcs11:token=SAST%20token%20A%00%00%00;serial=02aea1d3%20%20"), "padded");
        assert!(matches("pkcs11:slot-id=7") && !matches("pkcs11:slot-id=8;serial=02aea1d3"));
    }

    #[test]
    fn certificates_are_named_by_sast_name_or_by_what_a_uri_says_of_the_object() {
        let object =
            Object { id: &[1, 0xFF], label: "key 1", sast_name: "SAST-ADN008580ef", serial: &[0xa, 1] };
        let is_meant = |selector: &str| selector.parse::<Selector>().unwrap().matches_certificate(&object);
        assert!(is_meant("SAST-ADN008580ef") && !is_meant("key 1"));
        assert!(is_meant("0A:01") && is_meant("0a:01") && !is_meant("0a"));
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
    fn a_pin_in_a_uri_is_refused_and_not_repeated() {
        for uri in [
            "pkcs11:token=x?pin-value=Cisco123",
            "pkcs11:pin-value=Cisco123",
            "pkcs11:token=x;pin-source=file:Cisco123",
            "pkcs11:token=x?module-name=y&pin-value=Cisco123",
            "pkcs11:token=x&PIN-VALUE=Cisco123",
        ] {
            let error = uri.parse::<Selector>().unwrap_err();
            assert_eq!(error, NotASelector::PinInUri);
            assert!(!error.to_string().contains("Cisco123"));
        }
    }

    #[test]
    fn a_token_may_be_called_what_sounds_like_a_pin() {
        let selector: Selector = "pkcs11:token=spin-doctor;serial=pin-1?module-name=pin-x".parse().unwrap();
        let token = Candidate { label: "spin-doctor", serial: "pin-1", ..TOKEN };
        assert!(selector.matches_token(&token));
    }

    #[test]
    fn malformed_selectors_are_refused() {
        assert_eq!(" ".parse::<Selector>(), Err(NotASelector::Empty));
        for uri in
            ["pkcs11:token=%2", "pkcs11:token=%zz", "pkcs11:token=%+1", "pkcs11:token", "pkcs11:slot-id=x"]
        {
            assert!(matches!(uri.parse::<Selector>(), Err(NotASelector::BadEncoding(_))), "{uri}");
        }
        assert!(matches!("pkcs11:slot=1".parse::<Selector>(), Err(NotASelector::UnknownAttribute(_))));
    }
}
