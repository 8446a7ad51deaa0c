//! Which token and which certificate on it is selected, and how several are distinguished.

use super::contents::{TokenCertificate, TokenContents};
use super::error::{CertificateChoice, TokenChoice};
use super::selector::{Selector, encode};
use super::slot::Token;
use crate::trustlist::{Certificate, day, digest};

/// A certificate object whose certificate parses.
pub(super) type Readable<'a> = (&'a TokenCertificate, &'a Certificate);

/// Whether the selector matches this token, or a certificate on it.
pub fn is_chosen(selector: Option<&Selector>, contents: &TokenContents) -> bool {
    let Some(selector) = selector else { return true };
    let token = selector.matches_token(&contents.token);
    let certificate = contents.holds(selector);
    if selector.names_an_object() { token && certificate } else { token || certificate }
}

/// Whether it names the token, or a certificate on it, letter by letter. Where it names one so, others do not count.
pub(super) fn is_spelled(selector: Option<&Selector>, contents: &TokenContents) -> bool {
    selector.is_some_and(|selector| {
        let mut certificates = contents.readable().into_iter().map(|(_, certificate)| certificate);
        selector.spells_token(&contents.token) || certificates.any(|c| selector.spells_certificate(c))
    })
}

/// A selector for one of several tokens. If the given selector matches a certificate, the new one does, too.
pub fn token_choice(one: &TokenContents, all: &[TokenContents], selector: Option<&Selector>) -> TokenChoice {
    let token = &one.token;
    let meant = selector
        .and_then(|selector| one.certificates.iter().find(|entry| selector.matches_certificate(entry)));
    let candidates = match meant {
        Some(entry) => vec![uri(token, Some(&entry.id), None), whole_uri(token) + &id_of_uri(&entry.id)],
        None if !token.initialized => vec![token.uri()],
        None => {
            vec![token.serial.to_owned(), token.label.to_owned(), uri(token, None, None), whole_uri(token)]
        }
    };
    let means_one = |text: &String| {
        let selector = text.parse::<Selector>().ok();
        selector.is_some_and(|selector| {
            let mut hits = all.iter().filter(|contents| is_chosen(Some(&selector), contents));
            is_chosen(Some(&selector), one) && hits.next().is_some() && hits.next().is_none()
        })
    };
    TokenChoice { token: token.name(), selector: candidates.into_iter().find(means_one) }
}

impl Token {
    /// Its label and serial number as an RFC 7512 URI; for a blank token, only its slot.
    pub fn uri(&self) -> String {
        match self.initialized {
            true => format!("pkcs11:token={};serial={}", encode(&self.label), encode(&self.serial)),
            false => format!("pkcs11:slot-id={}", self.slot_id),
        }
    }
}

/// A URI with label, serial number and reader of a token.
fn whole_uri(token: &Token) -> String {
    let uri = token.uri();
    match &token.reader[..] {
        "" => uri,
        reader => format!("{uri};slot-description={}", encode(reader)),
    }
}

/// A URI that names a token by its serial number, or else its label, and an object on it by CKA_ID and CKA_LABEL (RFC 7512).
fn uri(token: &Token, id: Option<&[u8]>, object: Option<&str>) -> String {
    let token = match &token.serial[..] {
        "" => format!("pkcs11:token={}", encode(&token.label)),
        serial => format!("pkcs11:serial={}", encode(serial)),
    };
    let object = object.map(|object| format!(";object={}", encode(object)));
    token + &id.map(id_of_uri).unwrap_or_default() + &object.unwrap_or_default()
}

/// CKA_ID as an attribute of a URI.
fn id_of_uri(id: &[u8]) -> String {
    let bytes: String = id.iter().map(|b| format!("%{b:02x}")).collect();
    format!(";id={bytes}")
}

/// The certificate that may sign: the only one that the selector matches, or the newest of one key; if it matches none, the only
/// one on the token, else the only one issued by Cisco, else the only one that issued no other. The error contains the choices.
pub(super) fn pick<'a>(
    readable: &[Readable<'a>],
    selector: Option<&Selector>,
) -> Result<Readable<'a>, Vec<Readable<'a>>> {
    if let Some(selector) = selector {
        let meant = readable.iter().filter(|(entry, _)| selector.matches_certificate(entry)).copied();
        let mut meant: Vec<_> = meant.collect();
        if meant.iter().any(|(_, certificate)| selector.spells_certificate(certificate)) {
            meant.retain(|(_, certificate)| selector.spells_certificate(certificate));
        }
        let meant = newest(meant, |a, b| a.public_key_bytes == b.public_key_bytes);
        // Another certificate never replaces a named one.
        match meant[..] {
            [] if !selector.names_an_object() => {}
            [only] => return Ok(only),
            _ => return Err(meant),
        }
    }
    let all = newest(readable.to_vec(), |a, b| {
        a.public_key_bytes == b.public_key_bytes && a.sast_name() == b.sast_name()
    });
    let any = |_: &Readable<'_>| true;
    let cisco = |(_, c): &Readable<'_>| c.is_cisco_token();
    let no_issuer = |one: &Readable<'_>| !issued_another(one, &all);
    let rules: [&dyn Fn(&Readable<'_>) -> bool; 3] = [&any, &cisco, &no_issuer];
    for rule in rules {
        let hits: Vec<_> = all.iter().filter(|c| rule(c)).collect();
        if let [only] = hits[..] {
            return Ok(*only);
        }
    }
    Err(all)
}

/// Whether it issued another certificate on the token: a CA certificate.
fn issued_another((_, one): &Readable<'_>, all: &[Readable<'_>]) -> bool {
    all.iter().any(|(_, other)| other.subject != one.subject && other.issuer == one.subject)
}

/// The newest certificate of each kind: a CA may have renewed a certificate.
fn newest<'a>(
    all: Vec<Readable<'a>>,
    same: impl Fn(&Certificate, &Certificate) -> bool,
) -> Vec<Readable<'a>> {
    let age = |c: &Certificate| (c.not_before, c.not_after, c.serial.to_vec());
    let mut kept: Vec<Readable<'a>> = Vec::new();
    for entry in all {
        match kept.iter_mut().find(|(_, other)| same(other, entry.1)) {
            Some(other) if age(entry.1) > age(other.1) => *other = entry,
            Some(_) => {}
            None => kept.push(entry),
        }
    }
    kept
}

/// The choices for an error, each with a selector that matches only this one, if there is one.
pub(super) fn choices(
    token: &Token,
    readable: &[Readable<'_>],
    among: &[Readable<'_>],
) -> Vec<CertificateChoice> {
    among
        .iter()
        .map(|(entry, certificate)| {
            let name = certificate.sast_name();
            let means_it = |text: &String| {
                let selector = text.parse::<Selector>().ok();
                let picked = selector.and_then(|selector| pick(readable, Some(&selector)).ok());
                picked.is_some_and(|(_, picked)| picked.der() == certificate.der())
            };
            let serial = digest::colons(&certificate.serial);
            let by_id = uri(token, Some(&entry.id), None);
            let by_label = uri(token, Some(&entry.id), Some(&entry.label));
            CertificateChoice {
                id: digest::hex(&entry.id, ""),
                from: day(certificate.not_before),
                selector: [name.clone(), by_id, by_label, serial.clone()].into_iter().find(means_it),
                serial,
                name,
            }
        })
        .collect()
}

impl TokenContents {
    /// The certificates that parse.
    pub(super) fn readable(&self) -> Vec<Readable<'_>> {
        self.certificates.iter().filter_map(|entry| Some((entry, entry.certificate.as_ref().ok()?))).collect()
    }

    /// The certificates that may be exported: all but those that issued another.
    pub fn may_be_named(&self) -> Vec<Certificate> {
        let readable = self.readable();
        let named = readable.iter().filter(|one| !issued_another(one, &readable));
        named.map(|(_, certificate)| (*certificate).clone()).collect()
    }

    /// Whether it has a certificate that the selector matches.
    pub(super) fn holds(&self, selector: &Selector) -> bool {
        self.certificates.iter().any(|entry| selector.matches_certificate(entry))
    }

    /// Whether it has a certificate of the same name with another key: the name would be ambiguous.
    pub fn has_other_key_called(&self, certificate: &Certificate) -> bool {
        self.readable().iter().any(|(_, there)| {
            there.sast_name() == certificate.sast_name()
                && there.public_key_bytes != certificate.public_key_bytes
        })
    }
}
