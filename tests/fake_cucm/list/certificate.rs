//! Certificates in the spelling of lists.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::x509::{X509, X509NameRef};

/// The parts of a certificate that lists need.
#[derive(Clone)]
pub struct Certificate {
    pub der: Vec<u8>,
    /// RSAPublicKey, in DER.
    pub key: Vec<u8>,
    pub signature: Vec<u8>,
    /// Big-endian, without leading zeros.
    pub serial: Vec<u8>,
    subject: Vec<(&'static str, String)>,
    issuer: Vec<(&'static str, String)>,
    pub not_before: i64,
    pub not_after: i64,
}

/// Names and serial in the spelling of one of the two writers; names end with a NUL.
pub struct Spelled {
    pub subject: Vec<u8>,
    pub issuer: Vec<u8>,
    pub serial: Vec<u8>,
}

impl Certificate {
    pub fn read(der: &[u8]) -> Option<Self> {
        let read = X509::from_der(der).ok()?;
        let key = read.public_key().ok()?.rsa().ok();
        Some(Certificate {
            der: der.to_vec(),
            key: key.and_then(|k| k.public_key_to_der_pkcs1().ok()).unwrap_or_default(),
            signature: read.signature().as_slice().to_vec(),
            serial: read.serial_number().to_bn().ok()?.to_vec(),
            subject: attributes(read.subject_name()),
            issuer: attributes(read.issuer_name()),
            not_before: seconds(read.not_before()),
            not_after: seconds(read.not_after()),
        })
    }

    /// From PEM.
    pub fn read_pem(text: &str) -> Option<Self> {
        Self::read(&X509::from_pem(text.as_bytes()).ok()?.to_der().ok()?)
    }

    pub fn common_name(&self) -> String {
        self.subject.iter().find(|(key, _)| *key == "CN").map(|(_, v)| trimmed(v)).unwrap_or_default()
    }

    /// With the blanks after it.
    pub fn whole_common_name(&self) -> String {
        let name = self.subject.iter().find(|(key, _)| *key == "CN");
        name.map(|(_, v)| v.trim_end_matches('\0').to_owned()).unwrap_or_default()
    }

    pub fn issuer_name(&self) -> String {
        self.issuer.iter().find(|(key, _)| *key == "CN").map(|(_, v)| trimmed(v)).unwrap_or_default()
    }

    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether it is a token that Cisco sold.
    pub fn is_a_token_of_cisco(&self) -> bool {
        self.issuer_name() == "Cisco Manufacturing CA"
    }

    /// `CN=…;OU=…`, and the serial big-endian.
    pub fn spelled_by_cucm(&self) -> Spelled {
        let name = |of: &[(&str, String)]| {
            let parts: Vec<String> = of.iter().map(|(key, v)| format!("{key}={v}")).collect();
            [parts.join(";").as_bytes(), &[0]].concat()
        };
        Spelled { subject: name(&self.subject), issuer: name(&self.issuer), serial: self.serial.clone() }
    }

    /// `cn=…;ou=…`, with quotes if needed, cut at a NUL inside, and the serial reversed.
    pub fn spelled_by_the_client(&self) -> Spelled {
        let name = |of: &[(&str, String)]| {
            let parts: Vec<String> = of
                .iter()
                .map(|(key, v)| {
                    let odd = |c: char| "\0,+=\"<>#;\r\n".contains(c);
                    let quoted = v.starts_with(' ') || v.ends_with(' ') || v.contains(odd);
                    let mark = if quoted { "\"" } else { "" };
                    format!("{}={mark}{v}{mark}", key.to_lowercase())
                })
                .collect();
            let text = parts.join(";");
            let end = text.find('\0').unwrap_or(text.len());
            [&text.as_bytes()[..end], &[0]].concat()
        };
        let serial = self.serial.iter().rev().copied().collect();
        Spelled { subject: name(&self.subject), issuer: name(&self.issuer), serial }
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches(['\0', ' ']).to_owned()
}

/// Since 1970.
fn seconds(time: &Asn1TimeRef) -> i64 {
    let since = Asn1Time::from_unix(0).unwrap().diff(time).unwrap();
    i64::from(since.days) * 86_400 + i64::from(since.secs)
}

/// In the order of both writers; other attributes are omitted.
fn attributes(name: &X509NameRef) -> Vec<(&'static str, String)> {
    let keys = [
        ("CN", Nid::COMMONNAME),
        ("OU", Nid::ORGANIZATIONALUNITNAME),
        ("O", Nid::ORGANIZATIONNAME),
        ("L", Nid::LOCALITYNAME),
        ("ST", Nid::STATEORPROVINCENAME),
        ("C", Nid::COUNTRYNAME),
    ];
    let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    keys.into_iter()
        .flat_map(|(key, nid)| {
            name.entries_by_nid(nid).map(move |entry| (key, text(entry.data().as_slice())))
        })
        .collect()
}
