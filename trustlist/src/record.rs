//! A record: a certificate, or parts of one, and its function.

use std::fmt;
use std::net::Ipv4Addr;

use bytes::Bytes;

use super::certificate::{Certificate, CertificateError};
use super::digest;
use super::error::{BuildError, DecodeError};
use super::header::SignerId;
use super::key::{PublicKey, RsaKey};
use super::name::{self, Style};
use super::printable::printable;
use super::tlv::{self, Element, Place, Reader, record_tag as tag};

/// What a record's certificate may do: the value of FUNCTION (tag 4). Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
pub struct Function(pub u16);

/// Declares functions: number, name, and what it is.
macro_rules! functions {
    ($($function:ident = $number:literal, $name:literal, $what:literal;)*) => {
        $(#[doc = $what] pub const $function: Function = Function($number);)*
        /// The functions that have a name.
        pub const NAMED: [(Function, &str); [$($name),*].len()] = [$((Function::$function, $name)),*];
    };
}

impl Function {
    functions! {
        SAST = 0, "SAST", "System Administrator Security Token: may sign trust lists.";
        CCM = 1, "CCM", "CallManager (or a firewall).";
        CCM_TFTP = 2, "CCM+TFTP", "CallManager and TFTP: signs configuration files.";
        TFTP = 3, "TFTP", "TFTP server.";
        CAPF = 4, "CAPF", "Certificate Authority Proxy Function.";
        APP_SERVER = 7, "APP-SERVER", "Application server.";
        TVS = 21, "TVS", "Trust Verification Service.";
    }

    /// Its name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        Function::NAMED.iter().find(|(function, _)| *function == self).map(|(_, name)| *name)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name().unwrap_or(&self.0.to_string()))
    }
}

/// A well-formed record. Its bytes are written back unchanged, unknown elements included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    bytes: Bytes,
    function: Function,
}

impl Record {
    /// Takes the record that begins at `offset` of the file; `number` counts from 1.
    pub(super) fn decode_at(file: &Bytes, offset: usize, number: usize) -> Result<Self, DecodeError> {
        let rest = file.slice(offset.min(file.len())..);
        let place = Place::Record(number);
        let cut_short = |what, says| Err(DecodeError::CutShort { what, says, left: rest.len(), offset });
        let says = match *rest {
            [tag::RECORD_LENGTH, 0, 2, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
            [tag::RECORD_LENGTH, 0, 2, ..] | [tag::RECORD_LENGTH, 0] | [tag::RECORD_LENGTH] => {
                return cut_short(place.element(tag::RECORD_LENGTH), 5);
            }
            _ => {
                let found = digest::hex(rest.get(..3).unwrap_or(&rest), " ");
                let should = format!("record {number} should begin with RECORDLENGTH (01 00 02)");
                return Err(DecodeError::Damaged { what: format!("{should}, but there is {found}"), offset });
            }
        };
        if says < 5 {
            let how = format!("is {says}, less than the 5 bytes of the element itself");
            return Err(place.damaged(tag::RECORD_LENGTH, &how, offset));
        }
        if says > rest.len() {
            return cut_short(format!("record {number}"), says);
        }
        Self::decode(rest.slice(..says), offset, place)
    }

    /// Checks the elements of a whole record.
    fn decode(bytes: Bytes, offset: usize, place: Place) -> Result<Self, DecodeError> {
        // Only for known elements.
        let mut seen = Vec::new();
        let mut function = None;
        let mut reader = Reader::new(&bytes, offset);
        while reader.peek().is_some() {
            let element = reader.element(place, Some("RECORDLENGTH"))?;
            if seen.contains(&element.tag) {
                return Err(place.damaged(element.tag, "is there twice", element.offset));
            }
            if tlv::record_tag_name(element.tag).is_some() {
                seen.push(element.tag);
            }
            if element.tag == tag::FUNCTION {
                function = Some(Function(u16::from_be_bytes(place.fixed(&element)?)));
            }
            if element.tag == tag::HASH_ALGORITHM {
                place.fixed::<1>(&element)?;
            }
        }
        let missing = |tag: u8| place.damaged(tag, "is missing", offset);
        // A phone looks certificates up by issuer and serial: so a record with a key or certificate needs both.
        if [tag::PUBLIC_KEY, tag::CERTIFICATE, tag::CERT_HASH].iter().any(|tag| seen.contains(tag)) {
            for needed in [tag::SUBJECT_NAME, tag::ISSUER_NAME, tag::SERIAL_NUMBER] {
                if !seen.contains(&needed) {
                    return Err(missing(needed));
                }
            }
        }
        let function = function.ok_or_else(|| missing(tag::FUNCTION))?;
        Ok(Record { bytes, function })
    }

    /// The record's bytes, RECORDLENGTH included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// FUNCTION.
    pub fn function(&self) -> Function {
        self.function
    }

    /// The elements in their order; offsets from the start of the record.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        let mut reader = Reader::new(&self.bytes, 0);
        // Checked when the record was decoded.
        std::iter::from_fn(move || reader.peek().and_then(|_| reader.element(Place::Header, None).ok()))
    }

    /// The value of an element.
    pub fn get(&self, tag: u8) -> Option<&[u8]> {
        self.elements().find(|e| e.tag == tag).map(|e| e.value)
    }

    fn text(&self, tag: u8) -> Option<String> {
        self.get(tag).map(tlv::c_text)
    }

    /// DNSNAME as text: host name or dotted address; empty in token records.
    pub fn dns_name(&self) -> Option<String> {
        self.text(tag::DNS_NAME)
    }

    /// SUBJECTNAME as text.
    pub fn subject_name(&self) -> Option<String> {
        self.text(tag::SUBJECT_NAME)
    }

    /// ISSUERNAME as text.
    pub fn issuer_name(&self) -> Option<String> {
        self.text(tag::ISSUER_NAME)
    }

    /// IPADDRESS, if it is the four bytes of an IPv4 address.
    pub fn ip_address(&self) -> Option<Ipv4Addr> {
        self.get(tag::IP_ADDRESS).and_then(|ip| <[u8; 4]>::try_from(ip).ok()).map(Ipv4Addr::from)
    }

    /// Where its server is: the address, else the host name; empty where it has neither.
    pub fn place(&self) -> String {
        let address = self.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
        address.or_else(|| self.dns_name()).unwrap_or_default()
    }

    /// The certificate, where the record carries one whole.
    pub fn certificate(&self) -> Option<Result<Certificate, CertificateError>> {
        self.get(tag::CERTIFICATE).map(|der| Certificate::from_der(self.bytes.slice_ref(der)))
    }

    /// The public key: the certificate's, else PUBLICKEY. `None` if neither parses.
    pub fn public_key(&self) -> Option<PublicKey> {
        match self.certificate() {
            Some(certificate) => certificate.ok().map(|c| c.public_key.clone()),
            None => self.get(tag::PUBLIC_KEY).and_then(RsaKey::from_pkcs1).map(PublicKey::Rsa),
        }
    }

    /// Issuer (without a NUL at its end) and serial, as the file spells them: phones look up a record by these.
    pub fn id(&self) -> Option<(&[u8], &[u8])> {
        Some((tlv::without_nul(self.get(tag::ISSUER_NAME)?), self.get(tag::SERIAL_NUMBER)?))
    }

    /// The signer's names and serial in the header of a list that this record's key signs.
    pub fn signer_id(&self) -> SignerId {
        let value = |tag| self.get(tag).map(|value| self.bytes.slice_ref(value)).unwrap_or_default();
        SignerId {
            name: value(tag::SUBJECT_NAME),
            serial: value(tag::SERIAL_NUMBER),
            issuer: value(tag::ISSUER_NAME),
        }
    }

    /// Whether the record has this issuer and serial.
    pub fn is_for(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.id() == Some((tlv::without_nul(issuer), serial))
    }

    /// Whether the record holds this certificate, or its hash.
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        match (self.get(tag::CERTIFICATE), self.get(tag::CERT_HASH)) {
            (Some(der), _) => der == &certificate.der()[..],
            (None, Some(hash)) => hash == certificate.sha1(),
            (None, None) => false,
        }
    }

    /// Whether its SUBJECTNAME is this certificate's subject, in any spelling.
    pub fn is_about(&self, certificate: &Certificate) -> bool {
        self.get(tag::SUBJECT_NAME).is_some_and(|subject| certificate.subject.matches(subject))
    }

    /// The whole subject, else the short name.
    pub fn long_name(&self) -> String {
        self.subject_name().unwrap_or_else(|| self.short_name())
    }

    /// The name for people, printable: the common name without padding, else host name or address.
    pub fn short_name(&self) -> String {
        let cn = self.subject_name().and_then(|subject| name::common_name(&subject));
        let dns = self.dns_name().filter(|dns| !dns.is_empty());
        cn.or(dns)
            .map(|name| printable(&name))
            .or_else(|| self.ip_address().map(|ip| ip.to_string()))
            .unwrap_or_else(|| "(no name)".to_owned())
    }

    /// Whether this is a token record of a CTL: SAST without a host. SAST records of servers (tokenless) have a host; those of
    /// an ITL need not.
    pub fn is_token(&self) -> bool {
        self.function == Function::SAST
            && self.dns_name().is_none_or(|dns| dns.is_empty())
            && self.ip_address().is_none_or(|ip| ip.is_unspecified())
    }

    /// The SAST record of a cluster's ITLRecovery certificate.
    pub fn is_itl_recovery(&self) -> bool {
        self.function == Function::SAST && self.short_name().to_lowercase().starts_with("itlrecovery")
    }

    /// The same record with one element replaced, or inserted by ascending tag.
    pub fn with(&self, tag: u8, value: &[u8]) -> Result<Record, BuildError> {
        let mut elements: Vec<(u8, Vec<u8>)> = self.own_elements().collect();
        match elements.iter_mut().find(|(t, _)| *t == tag) {
            Some((_, old)) => *old = value.to_vec(),
            None => {
                let at = elements.iter().position(|(t, _)| *t > tag).unwrap_or(elements.len());
                elements.insert(at, (tag, value.to_vec()));
            }
        }
        Record::from_elements(&elements)
    }

    /// The same record with only the elements that `keep` selects, and RECORDLENGTH.
    pub fn only(&self, keep: impl Fn(u8) -> bool) -> Result<Record, BuildError> {
        let elements: Vec<_> = self.own_elements().filter(|(tag, _)| keep(*tag)).collect();
        Record::from_elements(&elements)
    }

    fn own_elements(&self) -> impl Iterator<Item = (u8, Vec<u8>)> {
        self.elements().filter(|e| e.tag != tag::RECORD_LENGTH).map(|e| (e.tag, e.value.to_vec()))
    }

    /// Builds a record from its elements in this order, without RECORDLENGTH, which is added.
    fn from_elements(elements: &[(u8, Vec<u8>)]) -> Result<Record, BuildError> {
        let mut body = Vec::new();
        for (tag, value) in elements {
            tlv::put(&mut body, *tag, value)?;
        }
        let total = body.len().saturating_add(5);
        let length = u16::try_from(total)
            .map_err(|_| BuildError::TooLong { what: "the record".to_owned(), bytes: total })?;
        let mut bytes = Vec::with_capacity(total);
        tlv::put(&mut bytes, tag::RECORD_LENGTH, &length.to_be_bytes())?;
        bytes.extend(body);
        Record::decode(bytes.into(), 0, Place::Record(1))
            .map_err(|e| BuildError::BadText(format!("a record that {e}")))
    }

    /// The record of a SAST token as the CTL Client makes it: no host, address 0.0.0.0, no tag 8. Names and serial in `style`;
    /// [`Certificate::sast_style`] says which one fits the certificate.
    pub fn token(certificate: &Certificate, style: Style) -> Result<Record, BuildError> {
        let mut elements = vec![(tag::DNS_NAME, vec![0])];
        elements.extend(identity(certificate, Function::SAST, style));
        elements.push((tag::CERTIFICATE, certificate.der().to_vec()));
        elements.push((tag::IP_ADDRESS, vec![0; 4]));
        Record::from_elements(&elements)
    }

    /// The record of a server. See [`ServerRecord`].
    pub fn server(server: &ServerRecord<'_>) -> Result<Record, BuildError> {
        let mut elements = vec![(tag::DNS_NAME, dns_value(server.dns_name)?)];
        // The CTL Client spells server names as CUCM does.
        elements.extend(identity(server.certificate, server.function, Style::Cucm));
        let signature = || (tag::SIGNATURE, server.certificate.signature.to_vec());
        elements.extend((server.style == Style::Cucm).then(signature));
        let whole = || (tag::CERTIFICATE, server.certificate.der().to_vec());
        elements.extend((!server.hash_only).then(whole));
        elements.extend(server.ip_address.map(|ip| (tag::IP_ADDRESS, ip.octets().to_vec())));
        if server.hash_only {
            elements.push((tag::CERT_HASH, server.certificate.sha1().to_vec()));
            elements.push((tag::HASH_ALGORITHM, vec![1]));
        }
        Record::from_elements(&elements)
    }

    /// A server's record in non-secure mode: DNSNAME, FUNCTION and IPADDRESS only.
    pub fn emptied_server(
        function: Function,
        dns_name: &str,
        ip_address: Option<Ipv4Addr>,
    ) -> Result<Record, BuildError> {
        let mut elements =
            vec![(tag::DNS_NAME, dns_value(dns_name)?), (tag::FUNCTION, function.0.to_be_bytes().to_vec())];
        elements.extend(ip_address.map(|ip| (tag::IP_ADDRESS, ip.octets().to_vec())));
        Record::from_elements(&elements)
    }

    /// A server's record as the CTL Client writes it: the dotted address, if there is one, as DNSNAME, no tag 8.
    pub fn as_ctl_client_server(&self) -> Result<Record, BuildError> {
        let record = self.only(|t| t != tag::SIGNATURE)?;
        match self.ip_address() {
            Some(ip) => record.with(tag::DNS_NAME, format!("{ip}\0").as_bytes()),
            None => Ok(record),
        }
    }

    /// The same record in non-secure mode: DNSNAME, FUNCTION and IPADDRESS only.
    pub fn as_non_secure(&self) -> Result<Record, BuildError> {
        self.only(|t| matches!(t, tag::DNS_NAME | tag::FUNCTION | tag::IP_ADDRESS))
    }

    /// Whether this is a record without a certificate, as non-secure mode leaves it.
    pub fn is_emptied(&self) -> bool {
        self.get(tag::SERIAL_NUMBER).is_none()
    }

    /// The same record for a renewed certificate: names, serial, key, hash and signature are replaced, the rest stays.
    pub fn refreshed(&self, certificate: &Certificate) -> Result<Record, BuildError> {
        let style = if self.is_token() { certificate.sast_style() } else { Style::Cucm };
        let mut record = self.clone();
        for (tag, value) in identity(certificate, self.function, style) {
            record = record.with(tag, &value)?;
        }
        if record.get(tag::SIGNATURE).is_some() {
            record = record.with(tag::SIGNATURE, &certificate.signature)?;
        }
        if record.get(tag::CERT_HASH).is_some() {
            record = record.with(tag::CERT_HASH, &certificate.sha1())?.with(tag::HASH_ALGORITHM, &[1])?;
        }
        if record.get(tag::CERTIFICATE).is_some() || record.get(tag::CERT_HASH).is_none() {
            record = record.with(tag::CERTIFICATE, certificate.der())?;
        }
        Ok(record)
    }
}

/// The parts of a server's record.
#[derive(Debug, Clone)]
pub struct ServerRecord<'a> {
    /// What the server may do.
    pub function: Function,
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// Host name (CUCM) or dotted address (CTL Client), without a NUL.
    pub dns_name: &'a str,
    /// Its address; left out in ITL files.
    pub ip_address: Option<Ipv4Addr>,
    /// CUCM's style has the certificate's signature (tag 8), the CTL Client's has not.
    pub style: Style,
    /// The certificate's SHA-1 instead of the certificate.
    pub hash_only: bool,
}

/// A DNSNAME with its NUL.
fn dns_value(name: &str) -> Result<Vec<u8>, BuildError> {
    if name.contains('\0') {
        return Err(BuildError::BadText("DNSNAME".to_owned()));
    }
    Ok([name.as_bytes(), &[0]].concat())
}

/// The elements that say whose certificate it is: tags 3 to 7.
fn identity(certificate: &Certificate, function: Function, style: Style) -> [(u8, Vec<u8>); 5] {
    let name = |n: &super::Name| format!("{}\0", n.spelled(style)).into_bytes();
    [
        (tag::SUBJECT_NAME, name(&certificate.subject)),
        (tag::FUNCTION, function.0.to_be_bytes().to_vec()),
        (tag::ISSUER_NAME, name(&certificate.issuer)),
        (tag::SERIAL_NUMBER, certificate.serial_spelled(style)),
        (tag::PUBLIC_KEY, certificate.public_key_bytes.to_vec()),
    ]
}
