//! Names as trust lists write them: one certificate name, two spellings.
//!
//! CUCM and the CTL Client pick the same six attributes in the same order, whatever the order in the
//! certificate, and differ in case and quoting (`docs/format.md`, "Names and serials").

use x509_parser::der_parser::asn1_rs::Tag as AsnTag;
use x509_parser::x509::X509Name;

use super::printable::printable;
use super::tlv;

/// How a name, a serial and a server record are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As CUCM writes server records, tokenless signers and ITL files: `CN=…;OU=…`, no quotes.
    Cucm,
    /// As the CTL Client writes token records: `cn=…;ou=…`, RFC 1779 quotes, the serial reversed.
    CtlClient,
}

/// The attributes that stand in a name of a trust list, in this order: key and X.520 OID (dotted).
const ATTRIBUTES: [(&str, &str); 6] = [
    ("CN", "2.5.4.3"),
    ("OU", "2.5.4.11"),
    ("O", "2.5.4.10"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("C", "2.5.4.6"),
];

/// A subject or issuer name, decoded from a certificate.
///
/// Keeps every attribute as text, in the certificate's order; an attribute of an odd type does not lose the
/// name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Dotted OID and value.
    attributes: Vec<(String, String)>,
}

impl Name {
    /// Takes the attributes out of a parsed X.509 name.
    pub(super) fn from_x509(name: &X509Name<'_>) -> Self {
        let attributes = name
            .iter_attributes()
            .map(|a| (a.attr_type().to_id_string(), text(a.attr_value().tag(), a.attr_value().data)))
            .collect();
        Name { attributes }
    }

    /// The first common name, as the certificate has it.
    pub fn common_name(&self) -> Option<&str> {
        self.values("2.5.4.3").next()
    }

    /// A name to call this by, printable: the common name without padding, else the whole name.
    pub fn short(&self) -> String {
        match self.common_name().map(|cn| cn.trim_matches([' ', '\0'])) {
            Some(cn) if !cn.is_empty() => printable(cn),
            _ => printable(&self.spelled(Style::Cucm)),
        }
    }

    /// The name as a file holds it, without the NUL at its end.
    ///
    /// The CTL Client hands its string to C, so a NUL inside a value ends the name there, before the closing
    /// quote: `…;o="Cisco Systems`. Signers are looked up by these bytes, so the cut is kept.
    pub fn spelled(&self, style: Style) -> String {
        let mut parts = Vec::new();
        for (key, oid) in ATTRIBUTES {
            for value in self.values(oid) {
                parts.push(match style {
                    Style::Cucm => format!("{key}={value}"),
                    Style::CtlClient => format!("{}={}", key.to_lowercase(), quoted(value)),
                });
            }
        }
        until_nul(parts.join(";"))
    }

    /// Whether a file that spells serials in this style may call the name so, with or without a NUL: beside CUCM,
    /// certutils writes serials big-endian, and the attributes in the certificate's order, with `;` or `,` between.
    pub fn is_spelled(&self, value: &[u8], style: Style) -> bool {
        let value = tlv::without_nul(value);
        let in_order = |between| {
            let key = |wanted: &String| ATTRIBUTES.iter().find(|(_, oid)| oid == wanted).map(|(key, _)| key);
            let parts = self.attributes.iter().filter_map(|(oid, v)| Some(format!("{}={v}", key(oid)?)));
            until_nul(parts.collect::<Vec<_>>().join(between))
        };
        value == self.spelled(style).as_bytes()
            || (style == Style::Cucm && [";", ","].into_iter().any(|b| value == in_order(b).as_bytes()))
    }

    fn values<'a>(&'a self, oid: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |(o, _)| o == oid).map(|(_, v)| v.as_str())
    }
}

/// The common name out of a spelled name: `CN=x;…`, `cn="x   ";…` or `CN=x,…`.
pub(super) fn common_name(spelled: &str) -> Option<String> {
    let value = spelled.get(..3).filter(|key| key.eq_ignore_ascii_case("cn=")).and(spelled.get(3..))?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split([';', ',']).next(),
    };
    value.map(|v| v.trim_matches(' ').to_owned()).filter(|v| !v.is_empty())
}

fn until_nul(mut text: String) -> String {
    if let Some(nul) = text.find('\0') {
        text.truncate(nul);
    }
    text
}

/// RFC 1779: a value with leading or trailing blanks or a special character stands in quotes.
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
        // T.61 in the field is Latin-1 (or ASCII, which is both).
        AsnTag::T61String if std::str::from_utf8(data).is_err() => {
            data.iter().map(|b| char::from(*b)).collect()
        }
        _ => String::from_utf8_lossy(data).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(attributes: &[(&str, &str)]) -> Name {
        Name { attributes: attributes.iter().map(|(o, v)| ((*o).to_owned(), (*v).to_owned())).collect() }
    }

    #[test]
    fn a_token_name_is_padded_quoted_and_cut_at_its_nul() {
        let token = name(&[
            ("2.5.4.10", "Cisco Systems\0"),
            ("2.5.4.11", "IPCBU"),
            ("2.5.4.3", "SAST-ADN008580ef        "),
        ]);
        assert_eq!(
            token.spelled(Style::CtlClient),
            "cn=\"SAST-ADN008580ef        \";ou=IPCBU;o=\"Cisco Systems"
        );
        assert_eq!(token.short(), "SAST-ADN008580ef");
    }

    #[test]
    fn directory_strings_of_every_kind_are_read() {
        let wide = "Žižkov \u{1F4DE}";
        let bmp: Vec<u8> = wide.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(AsnTag::BmpString, &bmp), wide);
        let universal: Vec<u8> = wide.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        assert_eq!(text(AsnTag::UniversalString, &universal), wide);
        assert_eq!(text(AsnTag::UniversalString, &[0, 0x11, 0, 0]), "\u{FFFD}");
        assert_eq!(text(AsnTag::T61String, b"M\xFCnchen"), "München", "Latin-1");
        assert_eq!(text(AsnTag::T61String, "München".as_bytes()), "München", "in the field UTF-8, too");
        assert_eq!(text(AsnTag::Utf8String, b"M\xFCnchen"), "M\u{FFFD}nchen");
    }

    #[test]
    fn a_name_of_nothing_but_padding_is_called_by_all_of_it() {
        let padded = name(&[("2.5.4.3", "  \0"), ("2.5.4.11", "IPCBU")]);
        assert_eq!(padded.short(), padded.spelled(Style::Cucm));
    }

    #[test]
    fn cucm_orders_the_attributes_and_leaves_domain_components_out() {
        let issuer = name(&[
            ("0.9.2342.19200300.100.1.25", "lab"),
            ("0.9.2342.19200300.100.1.25", "bbburns"),
            ("2.5.4.3", "JASBURNS-AD"),
        ]);
        assert_eq!(issuer.spelled(Style::Cucm), "CN=JASBURNS-AD");
        let server = name(&[("2.5.4.6", "PL"), ("2.5.4.3", "pub"), ("2.5.4.11", "a"), ("2.5.4.11", "b")]);
        assert_eq!(server.spelled(Style::Cucm), "CN=pub;OU=a;OU=b;C=PL");
    }

    #[test]
    fn quotes_follow_rfc_1779() {
        assert_eq!(quoted("plain value"), "plain value");
        assert_eq!(quoted(" lead"), "\" lead\"");
        assert_eq!(quoted("a;b"), "\"a;b\"");
        assert_eq!(quoted("say \"x\""), "\"say \\\"x\\\"\"");
    }

    #[test]
    fn wide_strings_are_read() {
        assert_eq!(text(AsnTag::BmpString, &[0, b'C', 0, b'N']), "CN");
        assert_eq!(text(AsnTag::BmpString, &[0xd8, 0x00, 0]), "\u{fffd}\0");
        assert_eq!(text(AsnTag::UniversalString, &[0, 0, 0, b'C']), "C");
        assert_eq!(text(AsnTag::T61String, &[b'M', 0xfc]), "Mü");
    }
}
