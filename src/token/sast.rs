//! The SAST certificate of a token, and the selection of a token.

use cryptoki::slot::Slot;

use super::choice::{choices, is_chosen, pick, token_choice};
use super::contents::TokenContents;
use super::error::TokenError;
use super::module::Module;
use super::selector::Selector;
use super::slot::Token;
use crate::trustlist::Certificate;

/// A token's SAST certificate, which signs after a login.
#[derive(Debug, Clone)]
pub struct Sast {
    token: Token,
    certificate: Certificate,
    pub(super) id: Vec<u8>,
    /// Other certificates of its key that match as well, each with its CKA_ID.
    of_same_key: Vec<(Certificate, Vec<u8>)>,
}

impl Sast {
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Takes the certificate of the same key that a list contains, if the list does not contain the selected one.
    pub fn known_by(mut self, knows: impl Fn(&Certificate) -> bool) -> Sast {
        let known = self.of_same_key.iter().find(|(certificate, _)| knows(certificate)).cloned();
        if let Some((certificate, id)) = known.filter(|_| !knows(&self.certificate)) {
            (self.certificate, self.id) = (certificate, id);
        }
        self
    }

    /// Whether it is the same certificate on the same token, in any slot.
    pub fn is_same(&self, other: &Sast) -> bool {
        self.certificate.der() == other.certificate.der()
            && (&self.token.serial, &self.token.label) == (&other.token.serial, &other.token.label)
    }
}

impl Module {
    /// Whether the token is still in its slot; one call.
    pub fn is_there(&self, sast: &Sast) -> Result<bool, TokenError> {
        is_seen(self.same_token(sast.token()))
    }

    /// The contents of the selected token. If a serial number names it, and is unique by the profile, no other token is read.
    pub fn find(&self, selector: Option<&Selector>) -> Result<TokenContents, TokenError> {
        self.find_by(selector, |slot| self.token_in(slot))
    }

    /// As [`Module::find`], to change the token: all are read, so that the first of several is not taken for the only one.
    pub fn find_to_change(&self, selector: Option<&Selector>) -> Result<TokenContents, TokenError> {
        self.find_among(self.contents()?, selector)
    }

    /// As [`Module::find_to_change`], for a command that empties the token, which may be uninitialised.
    pub fn find_to_empty(&self, selector: Option<&Selector>) -> Result<Token, TokenError> {
        choose(self, self.contents()?, selector, true).map(|contents| contents.token)
    }

    /// The selected SAST certificate, without login; by name, without reading the reader's name.
    pub fn sast(&self, selector: Option<&Selector>) -> Result<Sast, TokenError> {
        match selector.and_then(Selector::name) {
            Some(_) => self.find_by(selector, |slot| self.token_without_reader(slot)),
            None => self.find(selector),
        }?
        .sast(selector)
    }

    /// The only token that the selector matches and that shows no certificate: it may hide them until the login.
    pub fn token_without_certificates(
        &self,
        selector: Option<&Selector>,
    ) -> Result<Option<Token>, TokenError> {
        let means_it = |token: &Token| selector.is_none_or(|s| s.matches_token(token));
        let hides = |c: &TokenContents| {
            let readable = c.token.initialized && c.problem.is_none();
            readable && c.token.login_required && c.certificates.is_empty() && means_it(&c.token)
        };
        let mut hiding = self.contents()?.into_iter().filter(hides).map(|contents| contents.token);
        Ok(hiding.next().filter(|_| hiding.next().is_none()))
    }

    fn find_by(
        &self,
        selector: Option<&Selector>,
        look: impl Fn(Slot) -> Option<Token>,
    ) -> Result<TokenContents, TokenError> {
        let lock = self.lock()?;
        let serial = selector.and_then(Selector::name).filter(|_| !self.profile().slots.shared_serials);
        let mut tokens = Vec::new();
        for token in self.slots()?.into_iter().filter_map(look) {
            if token.initialized && Some(&token.serial[..]) == serial {
                return Ok(self.read(token));
            }
            tokens.push(token);
        }
        let all: Vec<_> = tokens.into_iter().map(|token| self.read(token)).collect();
        drop(lock);
        self.find_among(all, selector)
    }

    /// The selected token among those that were read.
    pub fn find_among(
        &self,
        all: Vec<TokenContents>,
        selector: Option<&Selector>,
    ) -> Result<TokenContents, TokenError> {
        choose(self, all, selector, false)
    }
}

/// Whether a token is present, from the result of reading it.
fn is_seen(look: Result<Option<Token>, TokenError>) -> Result<bool, TokenError> {
    match look {
        Ok(_) => Ok(true),
        Err(TokenError::OtherToken(..)) => Ok(false),
        Err(e) if e.is_transient() => Ok(false),
        Err(e) => Err(e),
    }
}

/// The token that the selector matches; without a selector, the only one.
fn choose(
    module: &Module,
    all: Vec<TokenContents>,
    selector: Option<&Selector>,
    blank_too: bool,
) -> Result<TokenContents, TokenError> {
    let (usable, blank): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| blank_too || c.token.initialized);
    if usable.is_empty() {
        let slots = module.slot_count().unwrap_or(0);
        return Err(TokenError::NoToken { module: module.path().to_owned(), slots, blank: blank.len() });
    }
    let hits: Vec<&TokenContents> = usable.iter().filter(|contents| is_chosen(selector, contents)).collect();
    if hits.len() > 1 {
        let tokens = hits.iter().map(|hit| token_choice(hit, &usable, selector)).collect();
        return Err(TokenError::Ambiguous(selector.map(ToString::to_string), tokens));
    }
    let Some(hit) = hits.first() else {
        let tokens = usable.iter().map(TokenContents::describe).collect();
        return Err(TokenError::NoMatch {
            selector: selector.map(ToString::to_string).unwrap_or_default(),
            tokens,
        });
    };
    Ok((*hit).clone())
}

impl TokenContents {
    /// The SAST with exactly this certificate.
    pub fn of_certificate(self, certificate: &Certificate) -> Option<Sast> {
        let id = self.entry_of(certificate)?.id.clone();
        Some(Sast { token: self.token, certificate: certificate.clone(), id, of_same_key: vec![] })
    }

    /// The certificate that may sign, as `pick` chooses it.
    pub fn sast(self, selector: Option<&Selector>) -> Result<Sast, TokenError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let readable = self.readable();
        let among = match pick(&readable, selector) {
            Ok((entry, certificate)) => {
                let named = selector.filter(|selector| self.holds(selector));
                let of_same_key = readable
                    .iter()
                    .filter(|(other, _)| named.is_none_or(|selector| selector.matches_certificate(other)))
                    .filter(|(_, other)| other.public_key_bytes == certificate.public_key_bytes)
                    .map(|(other, certificate)| ((*certificate).clone(), other.id.clone()))
                    .collect();
                let (certificate, id) = (certificate.clone(), entry.id.clone());
                return Ok(Sast { token: self.token, certificate, id, of_same_key });
            }
            Err(among) => among,
        };
        let token = self.token.name();
        if among.is_empty() {
            let unreadable = self.certificates.iter().find_map(|c| c.certificate.as_ref().err());
            return Err(match unreadable {
                Some((_, why)) => TokenError::UnreadableCertificate(token, why.clone()),
                None => TokenError::NoCertificate(token),
            });
        }
        let named = selector.filter(|s| among.iter().all(|(entry, _)| s.matches_certificate(entry)));
        Err(TokenError::AmbiguousCertificate {
            token,
            selector: named.map(ToString::to_string),
            certificates: choices(&self.token, &readable, &among),
        })
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::error::RvError;

    use super::super::contents::{TokenCertificate, read};
    use super::super::error::Ckr;
    use super::super::raw::Info;
    use super::*;

    const A: &str = "softhsm-fixtures/SAST-ADN008580ef.der";

    fn token(serial: &str) -> Token {
        let flags = cryptoki_sys::CKF_TOKEN_INITIALIZED;
        let info = Info { label: "SAST".to_owned(), serial: serial.to_owned(), flags, ..Info::default() };
        Token::new(Slot::try_from(1_u64).unwrap(), None, Ok(info))
    }

    fn contents(serial: &str, certificates: &[&Certificate]) -> TokenContents {
        let entry = |c: &&Certificate| TokenCertificate::new(&[7, 8], (*c).clone());
        let certificates = certificates.iter().map(entry).collect();
        TokenContents { token: token(serial), certificates, problem: None }
    }

    #[test]
    fn the_same_certificate_on_another_token_is_another_sast() {
        let (a, b) = (read(A), read("softhsm-fixtures/SAST-ADN0054f509.der"));
        let sast = |serial, c: &Certificate| contents(serial, &[c]).sast(None).unwrap();
        assert_eq!(sast("1", &a).id, [7, 8]);
        assert!(sast("1", &a).is_same(&sast("1", &a)));
        assert!(!sast("1", &a).is_same(&sast("2", &a)));
        assert!(!sast("1", &a).is_same(&sast("1", &b)));
    }

    #[test]
    fn a_token_that_was_pulled_is_told_from_one_that_fails() {
        let name = || token("1").name();
        let failed = |code| TokenError::Call { what: "C_GetTokenInfo", code: Ckr::Code(code), token: None };
        assert!(is_seen(Ok(Some(token("1")))).unwrap() && is_seen(Ok(None)).unwrap());
        assert!(!is_seen(Err(TokenError::OtherToken(name(), String::new()))).unwrap());
        assert!(!is_seen(Err(failed(RvError::TokenNotPresent))).unwrap());
        is_seen(Err(failed(RvError::GeneralError))).unwrap_err();
    }

    #[test]
    fn an_issuer_beside_its_certificate_does_not_sign() {
        let (ca, a) = (read("tests/testdata/pki/cisco-manufacturing-ca.der"), read(A));
        for list in [[&ca, &a], [&a, &ca]] {
            assert_eq!(contents("1", &list).sast(None).unwrap().certificate().der(), a.der());
        }
        let alone = contents("1", &[&ca]).sast(None).unwrap();
        assert_eq!(alone.certificate().der(), ca.der(), "the only one");
    }

    type Key = openssl::pkey::PKey<openssl::pkey::Private>;

    fn new_key() -> Key {
        openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap()
    }

    /// A certificate of this key that is valid from then on, in seconds since 1970.
    fn made(key: &Key, subject: &str, issuer: &str, from: i64) -> Certificate {
        use openssl::asn1::{Asn1Integer, Asn1Time};
        use openssl::bn::BigNum;
        use openssl::x509::{X509Builder, X509NameBuilder};
        let name = |cn: &str| {
            let mut name = X509NameBuilder::new().unwrap();
            name.append_entry_by_text("CN", cn).unwrap();
            name.build()
        };
        let mut builder = X509Builder::new().unwrap();
        builder.set_subject_name(&name(subject)).unwrap();
        builder.set_issuer_name(&name(issuer)).unwrap();
        builder.set_pubkey(key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(from).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(1 << 31).unwrap()).unwrap();
        let serial = Asn1Integer::from_bn(&BigNum::from_u32(7).unwrap()).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.sign(key, openssl::hash::MessageDigest::sha256()).unwrap();
        Certificate::from_der(builder.build().to_der().unwrap()).unwrap()
    }

    #[test]
    fn what_is_named_signs_or_nothing_does() {
        let (key, other) = (new_key(), new_key());
        let cisco = read(A);
        let (old, new) = (made(&key, "N", "ca", 1000), made(&key, "N", "ca", 2000));
        let foreign = made(&other, "N", "ca", 3000);
        let named: Selector = "N".parse().unwrap();
        let of = |list: &[&Certificate], selector: &Selector| contents("1", list).sast(Some(selector));
        for list in [[&cisco, &old, &new], [&new, &cisco, &old]] {
            assert_eq!(of(&list, &named).unwrap().certificate().der(), new.der(), "the newest of one key");
        }
        let error = of(&[&cisco, &old, &foreign, &new], &named).unwrap_err();
        let TokenError::AmbiguousCertificate { selector, certificates, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!((selector.as_deref(), certificates.len()), (Some("N"), 2));
        // All have one CKA_ID: no selector means one of them.
        assert!(certificates.iter().all(|c| c.name == "N" && c.selector.is_none()), "{certificates:?}");
        let by_id: Selector = "pkcs11:id=%07%08".parse().unwrap();
        assert!(matches!(of(&[&cisco, &new], &by_id), Err(TokenError::AmbiguousCertificate { .. })));
        assert_eq!(of(&[&old, &new], &by_id).unwrap().certificate().der(), new.der());
        let nothing: Selector = "pkcs11:object=other".parse().unwrap();
        assert!(matches!(of(&[&cisco], &nothing), Err(TokenError::NoCertificate(_))));
        // The token's own name means what is on it, of one name and key the newest.
        let token: Selector = "1".parse().unwrap();
        assert_eq!(of(&[&old, &new], &token).unwrap().certificate().der(), new.der());
        assert_eq!(of(&[&old, &cisco, &new], &token).unwrap().certificate().der(), cisco.der());
    }

    /// What an error suggests means one token, or nothing is suggested.
    #[test]
    fn tokens_of_one_serial_number_and_label_are_told_apart_by_their_readers() {
        let a = read(A);
        let entry = |serial: &str, reader: &str, certificates: &[&Certificate]| {
            let mut contents = contents(serial, certificates);
            contents.token.reader = reader.to_owned();
            contents
        };
        let selectors = |all: Vec<TokenContents>, selector: Option<&str>| {
            let selector = selector.map(|text| text.parse::<Selector>().unwrap());
            let hits: Vec<_> = all.iter().filter(|c| is_chosen(selector.as_ref(), c)).collect();
            let choice = |hit| token_choice(hit, &all, selector.as_ref()).selector;
            hits.into_iter().map(choice).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let two = |x: &str, y: &str| vec![entry("1", x, &[]), entry("1", y, &[])];
        assert_eq!(selectors(two("X", "X"), None), [None, None]);
        let whole = |reader: &str| some(&format!("pkcs11:token=SAST;serial=1;slot-description={reader}"));
        assert_eq!(selectors(two("X", "Y"), Some("1")), [whole("X"), whole("Y")]);
        let other = vec![entry("1", "X", &[]), entry("2", "Y", &[])];
        assert_eq!(selectors(other, Some("SAST")), [some("1"), some("2")]);
        // Where a certificate was named it stays named.
        let both = vec![entry("1", "X", &[&a]), entry("2", "Y", &[&a])];
        let by_id = |serial: &str| some(&format!("pkcs11:serial={serial};id=%07%08"));
        assert_eq!(selectors(both, Some("SAST-ADN008580ef")), [by_id("1"), by_id("2")]);
    }

    /// Two certificates of which neither is Cisco's: the one that issued the other is left.
    #[test]
    fn of_an_own_chain_the_leaf_signs() {
        let key = new_key();
        let make = |subject: &str, issuer: &str| made(&key, subject, issuer, 0);
        let (root, leaf, other) = (make("root", "root"), make("leaf", "root"), make("other", "root"));
        let of = |list: &[&Certificate]| contents("1", list).sast(None);
        assert_eq!(of(&[&root, &leaf]).unwrap().certificate().der(), leaf.der());
        assert_eq!(of(&[&leaf, &root]).unwrap().certificate().der(), leaf.der());
        let (middle, end) = (make("middle", "root"), make("end", "middle"));
        assert_eq!(of(&[&middle, &end]).unwrap().certificate().der(), end.der(), "no root on the token");
        assert!(matches!(of(&[&leaf, &other]), Err(TokenError::AmbiguousCertificate { .. })));
        assert!(matches!(of(&[&root, &leaf, &other]), Err(TokenError::AmbiguousCertificate { .. })));
        assert!(matches!(of(&[]), Err(TokenError::NoCertificate(_))));
        let named: Selector = "leaf".parse().unwrap();
        let found = contents("1", &[&leaf, &other]).sast(Some(&named)).unwrap();
        assert_eq!(found.certificate().der(), leaf.der());
    }
}
