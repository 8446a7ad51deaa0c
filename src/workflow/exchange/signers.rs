//! `signers.toml`: who may ask and approve, and which token may sign what. The file of the machine with the token decides; a
//! request can only want more approvals.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use ssh_key::{Fingerprint, PublicKey};

use super::approval::fingerprint;
use super::error::{ExchangeError, Refusal};
use super::request::SigningRequest;
use crate::files;
use crate::system::{access, folders};
use crate::trustlist::{Certificate, digest};
use crate::workflow::journal::Approver;
use crate::workflow::signing::BatchFile;
use crate::workflow::{WorkError, config};

/// A `signers.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signers {
    approvals: usize,
    /// Fingerprints.
    #[serde(default)]
    revoked: HashSet<String>,
    #[serde(default)]
    person: Vec<Person>,
    #[serde(default)]
    token: Vec<PinnedToken>,
    /// The place of the person of each key, by its fingerprint.
    #[serde(skip)]
    keys: HashMap<String, usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: String,
    keys: Vec<String>,
    roles: Vec<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Ask,
    Approve,
}

/// A token that may sign, by the SHA-256 of its certificate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PinnedToken {
    certificate: String,
    signs: Vec<String>,
    /// By the names in requests; `None` is every cluster.
    clusters: Option<Vec<String>>,
    profile: Option<String>,
    label: Option<String>,
}

impl Signers {
    /// Reads `signers.toml`, by default next to the configuration file; `None` if there is none there.
    pub fn read(path: Option<&Path>) -> Result<Option<Self>, WorkError> {
        let usual = || folders::config().map(|folder| folder.join("signers.toml"));
        let Some(file) = path.map(Path::to_owned).or_else(usual) else { return Ok(None) };
        if path.is_none() && matches!(file.try_exists(), Ok(false)) {
            return Ok(None);
        }
        let text = files::read_text(&file)?;
        let checked = access::others_may_write(&file).map_or_else(|| Self::parse(&text), Err);
        Ok(Some(checked.map_err(|why| ExchangeError::Signers { path: file, why })?))
    }

    /// The person who has the key with this fingerprint.
    pub fn name_of(&self, key: &str) -> Option<&str> {
        Some(&*self.person.get(*self.keys.get(key)?)?.name)
    }

    /// Checks the text of a `signers.toml`; else why it is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut it: Signers = config::parse(text).map_err(|(line, why)| format!("line {line}: {why}"))?;
        let (mut names, mut tokens) = (HashSet::new(), HashSet::new());
        for (at, Person { name, keys, roles }) in it.person.iter().enumerate() {
            if keys.is_empty() || roles.is_empty() || !names.insert(name.trim().to_lowercase()) {
                return Err(format!("{name:?} has no key or no role, or is there twice"));
            }
            for key in keys {
                let key = PublicKey::from_openssh(key).map_err(|e| format!("a key of {name}: {e}"))?;
                let key = fingerprint(key.key_data()).map_err(|why| format!("{name}: {why}"))?;
                if it.keys.insert(key.clone(), at).is_some() {
                    return Err(format!("the key {key} is there twice; once it is a key of {name}"));
                }
            }
        }
        let is_key =
            |key: &str| key.parse::<Fingerprint>().is_ok_and(|it| it.is_sha256() && it.to_string() == key);
        if let Some(key) = it.revoked.iter().find(|key| !is_key(key)) {
            return Err(format!("{key:?} in revoked is not a fingerprint as ssh-keygen -l prints it"));
        }
        for PinnedToken { certificate, signs, .. } in &it.token {
            let sum = HEXLOWER_PERMISSIVE.decode(certificate.as_bytes()).unwrap_or_default();
            let are_kinds = signs.iter().all(|kind| ["CTL", "ITL", "sgn"].contains(&kind.as_str()));
            if sum.len() != 32 || !are_kinds || signs.is_empty() || !tokens.insert(sum) {
                return Err(format!(
                    "the token {certificate:?} is there twice, is no SHA-256, or signs something other than CTL, ITL and sgn"
                ));
            }
        }
        let may = it.may(Role::Approve).len();
        if it.approvals > may {
            return Err(format!("{} people must approve, but only {may} may", it.approvals));
        }
        Ok(it)
    }

    /// Where the token with this certificate is, if the file says it.
    pub fn place(&self, certificate: &Certificate) -> Option<String> {
        let PinnedToken { profile, label, .. } = self.token(certificate)?;
        let said = [("profile", profile), ("label", label)].into_iter();
        let said: Vec<_> = said.filter_map(|(what, it)| Some(format!("{what} {}", it.as_ref()?))).collect();
        let name = certificate.sast_name();
        (!said.is_empty()).then(|| format!("{name} is here, by signers.toml: {}", said.join(", ")))
    }

    fn token(&self, certificate: &Certificate) -> Option<&PinnedToken> {
        let sha256 = digest::hex(&certificate.sha256(), "");
        self.token.iter().find(|token| token.certificate.eq_ignore_ascii_case(&sha256))
    }

    /// Who may do this, with a key that is not revoked.
    fn may(&self, role: Role) -> Vec<&str> {
        let has_key = |at: usize| self.keys.iter().any(|(key, of)| *of == at && !self.revoked.contains(key));
        let people = self.person.iter().enumerate();
        let people = people.filter(|(at, person)| person.roles.contains(&role) && has_key(*at));
        people.map(|(_, person)| person.name.as_str()).collect()
    }

    /// Whether the token of a request may sign what it asks for.
    fn allows(&self, request: &SigningRequest, batch: &[BatchFile]) -> Result<(), Refusal> {
        let (name, sha256) = (request.signer.sast_name(), digest::hex(&request.signer.sha256(), ""));
        let Some(token) = self.token(&request.signer) else {
            return Err(Refusal::NotPinned { name, sha256 });
        };
        let cluster = request.cluster.clone().unwrap_or_default();
        if token.clusters.as_ref().is_some_and(|may| !may.contains(&cluster)) {
            return Err(Refusal::OtherCluster { name, cluster });
        }
        let kind = |file: &BatchFile| file.plan().map_or("sgn", |plan| plan.draft().kind().label());
        let other = batch.iter().find(|file| !token.signs.iter().any(|may| may == kind(file)));
        other.map_or(Ok(()), |it| {
            Err(Refusal::OtherKind { name, file: it.out().display().to_string(), kind: kind(it) })
        })
    }
}

/// Whether a request may be signed here by this `signers.toml`, and who asked and approved. Without the file everything may
/// that needs no approval.
pub fn judge(
    signers: Option<&Signers>,
    request: &SigningRequest,
    batch: &[BatchFile],
) -> Result<Vec<Approver>, ExchangeError> {
    let keys = request.approved_by()?;
    let Some(signers) = signers else {
        return if request.needs_approvals == 0 { Ok(vec![]) } else { Err(Refusal::NobodyKnown.into()) };
    };
    signers.allows(request, batch)?;
    let mut people: Vec<Approver> = vec![];
    for key in keys {
        if signers.revoked.contains(&key) {
            return Err(Refusal::RevokedKey { key }.into());
        }
        let Some(person) = signers.keys.get(&key).and_then(|at| signers.person.get(*at)) else {
            return Err(Refusal::UnknownKey { key }.into());
        };
        for role in &person.roles {
            let did = if *role == Role::Ask { ASKED } else { APPROVED };
            if people.iter().all(|it| it.did != did || it.name != person.name) {
                people.push(Approver { did: did.to_owned(), name: person.name.clone(), key: key.clone() });
            }
        }
    }
    let count = |did: &str| people.iter().filter(|it| it.did == did).count();
    if count(ASKED) == 0 && signers.person.iter().any(|person| person.roles.contains(&Role::Ask)) {
        return Err(Refusal::NobodyAsked { may: signers.may(Role::Ask).join(", ") }.into());
    }
    let (there, needed) = (count(APPROVED), request.needs_approvals.max(signers.approvals));
    if there < needed {
        let may = signers.may(Role::Approve).join(", ");
        return Err(Refusal::TooFew { needed, there, may }.into());
    }
    Ok(people)
}

const ASKED: &str = "asked";
const APPROVED: &str = "approved";
