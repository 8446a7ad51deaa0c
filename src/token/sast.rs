//! The SAST certificate of a token, and the selection of a token.

use cryptoki::slot::Slot;

use super::choice::{choices, is_chosen, is_spelled, pick, token_choice};
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
    /// The CKA_ID of the certificate.
    pub id: Vec<u8>,
    /// Other certificates of its key that match as well, each with its CKA_ID.
    of_same_key: Vec<(Certificate, Vec<u8>)>,
}

impl Sast {
    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The token that it is on.
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

    /// The same with the flags of the token as they are now; as it was where it is not in its slot.
    pub fn as_it_is(&self, mut sast: Sast) -> Result<Sast, TokenError> {
        match self.same_token(&sast.token) {
            Ok(Some(now)) => sast.token.pin_state = now.pin_state,
            other => drop(is_seen(other)?),
        }
        Ok(sast)
    }

    /// The contents of the selected token. If a serial number names it, and is unique by the profile, no other token is read.
    pub fn find(&self, selector: Option<&Selector>) -> Result<TokenContents, TokenError> {
        self.find_by(selector, |slot| self.token_in(slot))
    }

    /// As [`Module::find`], to change the token: all are read, so that several matches are noticed.
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

    /// The only token that matches the selector and shows no certificate: its certificates may be visible only after the login.
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
pub fn is_seen(look: Result<Option<Token>, TokenError>) -> Result<bool, TokenError> {
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
    let mut hits: Vec<&TokenContents> =
        usable.iter().filter(|contents| is_chosen(selector, contents)).collect();
    if hits.iter().any(|hit| is_spelled(selector, hit)) {
        hits.retain(|hit| is_spelled(selector, hit));
    }
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
