//! Names in trust lists: each certificate name has two spellings.
//!
//! CUCM and the CTL Client pick the same six attributes in the same order, whatever the order in the
//! certificate, and differ in case and quoting (`docs/format.md`, "Names and serials").

use std::str::FromStr as _;

use x509_cert::attr::AttributeTypeAndValue;
use x509_parser::der_parser::asn1_rs::Tag as AsnTag;
use x509_parser::x509::X509Name;

use super::printable::printable;
use super::tlv;

/// How a name, a serial and a server record are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// As CUCM writes server records, tokenless signers and ITL files: `CN=…;OU=…`, no quotes.
    Cucm,
    /// As the CTL Client writes token records: `cn=…;ou=…`, RFC 1779 quotes, the serial reversed.
    CtlClient,
}

/// The attributes of a name in a trust list, in this order: key and X.520 OID (dotted).
const ATTRIBUTES: [(&str, &str); 6] = [
    ("CN", "2.5.4.3"),
    ("OU", "2.5.4.11"),
    ("O", "2.5.4.10"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("C", "2.5.4.6"),
];

/// A name with more attributes matches only if the bytes are the same.
const MOST_ATTRIBUTES: usize = 64;

/// A subject or issuer name of a certificate: every attribute as text, in the certificate's order, whatever its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Dotted OID and value.
    attributes: Vec<(String, String)>,
}

impl Name {
    /// A name of these attributes, each a dotted OID and its value, in this order.
    pub fn new(attributes: Vec<(String, String)>) -> Self {
        Name { attributes }
    }

    /// Takes the attributes out of a parsed X.509 name.
    pub(super) fn from_x509(name: &X509Name<'_>) -> Self {
        let attributes = name.iter_attributes();
        let read = attributes
            .map(|a| (a.attr_type().to_id_string(), text(a.attr_value().tag(), a.attr_value().data)));
        Name::new(read.collect())
    }

    /// The first common name, as the certificate has it.
    pub fn common_name(&self) -> Option<&str> {
        self.values("2.5.4.3").next()
    }

    /// The name for people, printable: the common name without padding, else the whole name.
    pub fn short(&self) -> String {
        match self.common_name().map(|cn| cn.trim_matches([' ', '\0'])) {
            Some(cn) if !cn.is_empty() => printable(cn),
            _ => printable(&self.spelled(Style::Cucm)),
        }
    }

    /// The name as a file holds it, without the NUL at its end. The CTL Client uses C strings, so a NUL inside a value ends the
    /// name there, before the closing quote: `…;o="Cisco Systems`. Signers are looked up by these bytes, so this spelling is
    /// kept.
    pub fn spelled(&self, style: Style) -> String {
        let spelled = |key: &str, value: &str| match style {
            Style::Cucm => format!("{key}={value}"),
            Style::CtlClient => format!("{}={}", key.to_lowercase(), quoted(value)),
        };
        let all = ATTRIBUTES.iter().flat_map(|(key, oid)| self.values(oid).map(|value| spelled(key, value)));
        all.collect::<Vec<_>>().join(";").split('\0').next().unwrap_or_default().to_owned()
    }

    /// Whether a text in a file is this name, with or without a NUL: as CUCM or the CTL Client spells it, or by RFC 4514 or
    /// RFC 1779, with all attributes or only the six above, in any order of keys.
    pub fn matches(&self, value: &[u8]) -> bool {
        let value = tlv::without_nul(value);
        if [Style::Cucm, Style::CtlClient].into_iter().any(|style| value == self.spelled(style).as_bytes()) {
            return true;
        }
        let parts = std::str::from_utf8(value).map(parts).unwrap_or_default();
        if parts.len() > MOST_ATTRIBUTES {
            return false;
        }
        // In CUCM's order; attributes of one key stay in the writer's order, or in its reverse.
        let rank = |oid: &str| ATTRIBUTES.iter().position(|(_, one)| *one == oid).unwrap_or(usize::MAX);
        let mut read: Vec<_> =
            parts.iter().map(|p| (p.oid().unwrap_or_default(), p.raw, p.value())).collect();
        let mut own: Vec<_> = self.attributes.iter().collect();
        own.sort_by_key(|(oid, _)| rank(oid));
        let six = own.iter().filter(|(oid, _)| rank(oid) < usize::MAX).count();
        [own.len(), six].contains(&read.len())
            && (0..2).any(|_| {
                read.reverse();
                read.sort_by_key(|(oid, ..)| rank(oid));
                own.iter().zip(&read).all(|(own, r)| r.0 == own.0 && (r.1 == own.1 || r.2 == own.1))
            })
    }

    fn values<'a>(&'a self, oid: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |(o, _)| o == oid).map(|(_, v)| v.as_str())
    }
}

/// The common name of a name in a file, without padding: `y` of `C=US,O=x,CN=y`.
pub fn common_name(spelled: &str) -> Option<String> {
    let is_cn = |part: &Part<'_>| part.key.eq_ignore_ascii_case("CN") || part.key == "2.5.4.3";
    let value = parts(spelled).into_iter().find(is_cn)?.value();
    Some(value.trim_matches([' ', '\0']).to_owned()).filter(|v| !v.is_empty())
}

/// An attribute in a name as a file spells it.
struct Part<'a> {
    key: &'a str,
    /// The value as written.
    raw: &'a str,
}

/// The attributes of a name in text. `;` separates where there is one, as in CUCM's and the CTL Client's names, else `,`:
/// each only outside of quotes, not behind a backslash, and before a further `key=`.
fn parts(text: &str) -> Vec<Part<'_>> {
    let by_semicolon = split(text, &[';']);
    if by_semicolon.len() > 1 { by_semicolon } else { split(text, &[',', '+']) }
}

fn split<'a>(text: &'a str, separators: &[char]) -> Vec<Part<'a>> {
    let mut found = Vec::new();
    let mut begin = 0;
    let (mut quoted, mut escaped, mut before) = (false, false, '=');
    let ends = text.char_indices().chain([(text.len(), '\0')]);
    for (at, c) in ends {
        let rest = text.get(at..).unwrap_or_default();
        let ends =
            rest.is_empty() || (separators.contains(&c) && key(rest.get(1..).unwrap_or_default()).is_some());
        if ends && (rest.is_empty() || !(quoted || escaped)) {
            let part = text.get(begin..at).unwrap_or_default();
            // A part that is not an attribute gets an empty key, which no certificate has.
            let attribute = key(part).zip(part.split_once('=').map(|(_, raw)| raw));
            let (key, raw) = attribute.unwrap_or(("", part));
            found.push(Part { key, raw });
            begin = at.saturating_add(1);
        }
        // A quote in the middle of a value is an ordinary character.
        quoted ^= c == '"' && !escaped && (quoted || before == '=');
        escaped = c == '\\' && !escaped;
        before = if c == ' ' && before == '=' { '=' } else { c };
    }
    found
}

/// The key at the beginning of an attribute: a short name or an OID, before `=`.
fn key(part: &str) -> Option<&str> {
    let part = part.trim_start_matches(' ');
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let end = part.find(|c| !is_key(c)).filter(|end| *end > 0)?;
    part.get(end..)?.trim_start_matches(' ').starts_with('=').then(|| part.get(..end)).flatten()
}

impl Part<'_> {
    /// Which attribute it is, as a dotted OID.
    fn oid(&self) -> Option<String> {
        AttributeTypeAndValue::from_str(&format!("{}=", self.key)).ok().map(|a| a.oid.to_string())
    }

    /// The value without quotes and escapes.
    fn value(&self) -> String {
        let value = self.raw.trim_start_matches(' ');
        let inside = value.strip_prefix('"').map(|value| value.trim_end_matches(' '));
        let inside = inside.map_or(value, |value| value.strip_suffix('"').unwrap_or(value));
        let read = AttributeTypeAndValue::from_str(&format!("{}={inside}", self.key)).ok();
        let text = read.and_then(|a| String::from_utf8(a.value.value().to_vec()).ok());
        text.unwrap_or_else(|| inside.to_owned())
    }
}

/// RFC 1779: a value with leading or trailing blanks or a special character is quoted.
fn quoted(value: &str) -> String {
    let special =
        |c: char| matches!(c, ',' | '=' | '+' | '<' | '>' | '#' | ';' | '\\' | '"' | '\n' | '\r' | '\0');
    if value.starts_with(' ') || value.ends_with(' ') || value.contains(special) {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        value.to_owned()
    }
}

/// The text of a directory string. BMP and universal strings are big-endian code units (X.690, 8.23.9).
fn text(tag: AsnTag, data: &[u8]) -> String {
    match tag {
        AsnTag::BmpString => {
            let units = data.chunks(2).map(|c| c.iter().fold(0u16, |n, b| n << 8 | u16::from(*b)));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        AsnTag::UniversalString => data
            .chunks(4)
            .map(|c| c.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)))
            .map(|n| char::from_u32(n).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        // In practice T.61 strings contain Latin-1 or ASCII.
        AsnTag::T61String if std::str::from_utf8(data).is_err() => {
            data.iter().map(|b| char::from(*b)).collect()
        }
        _ => String::from_utf8_lossy(data).into_owned(),
    }
}
