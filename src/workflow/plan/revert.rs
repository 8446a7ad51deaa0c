//! The main job: from a tokenless CTL to one signed by tokens, as the CTL Client would have written it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::trustlist::{Certificate, Function, ListKind, Record, VerifiedList};

use super::error::PlanError;
use super::update::{Edit, Entry, Update};
use super::value::{Mark, Plan, Request, signs_this_file, token_record};

/// Which SAST records a release's token-signed CTL has in addition to the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// Up to 10.5: only the tokens.
    TokensAlone,
    /// From 11.5: ITLRecovery and CallManager stay, so the cluster can become tokenless again.
    WithRecovery,
}

/// A release that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a CUCM release: write 10.5, 11.5, 12.0, …")]
pub struct NotARelease(String);

impl FromStr for Release {
    type Err = NotARelease;

    /// Reads `10.5`, `12.0`, `12.5(1)SU2`; the SAST records changed with 11.5.
    fn from_str(text: &str) -> Result<Self, NotARelease> {
        let number = major_minor(text).ok_or_else(|| NotARelease(text.to_owned()))?;
        Ok(if number >= (11, 5) { Release::WithRecovery } else { Release::TokensAlone })
    }
}

/// The first two numbers of a release: 12 and 5 of `12.5(1)SU2` or `12.5.1.11900-146`.
pub fn major_minor(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.').unwrap_or((text, "0"));
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The third part of a release: 11900 of `14.0.1.11900-132`, which is 14SU1; 0 if there is none. Derived: an SU counts up
/// its thousands.
pub fn build(text: &str) -> u32 {
    let part = text.split(['.', '-']).nth(3);
    part.and_then(|part| part.parse().ok()).unwrap_or_default()
}

impl Release {
    /// What the list in force tells: with an ITLRecovery SAST record it comes from a release that keeps it.
    pub fn told_by(old: &VerifiedList) -> Self {
        if old.list().sasts().any(Record::is_itl_recovery) {
            Release::WithRecovery
        } else {
            Release::TokensAlone
        }
    }
}

/// Plans the revert of a tokenless CTL: `request.signer` signs, `spares` are the other tokens; `edits` change servers.
///
/// The order is the CTL Client's: non-signing tokens, server records in their order, the signing token last.
pub fn revert(
    old: &VerifiedList,
    request: &Request<'_>,
    spares: &[Certificate],
    release: Option<Release>,
    single_token: bool,
    edits: &[Edit],
) -> Result<Plan, PlanError> {
    if old.list().kind() != ListKind::Ctl {
        return Err(PlanError::NotACtl);
    }
    if old.signer().is_token() {
        return Err(PlanError::AlreadyTokenSigned { signer: old.signer_name() });
    }
    let mut warnings = first_tokens(request, spares, single_token)?;
    let named: Vec<&Certificate> = std::iter::once(request.signer).chain(spares).collect();
    let release = release.unwrap_or_else(|| Release::told_by(old));
    let (mut list, mut tokens, mut servers) = (Update::default(), Vec::new(), Vec::new());
    // The plan tells of them in the order in which they are met.
    let mut lines = 0..;
    for record in old.list().records() {
        if record.function() == Function::SAST && named.iter().any(|token| record.is_of(token)) {
            continue;
        }
        let mut entry =
            |mark, why: &str| Entry { line: lines.next(), ..Entry::new(mark, record.clone(), why) };
        if record.is_token() {
            tokens.push(entry(Mark::Keep, "another token of the list"));
        } else if leaves(record, release) {
            list.removed.push(entry(Mark::Remove, "the tokenless signer leaves"));
        } else {
            let server = record.as_ctl_client_server()?;
            let mark = if server == *record { Mark::Keep } else { Mark::Change };
            let why = why_it_stays(record, &mut warnings);
            servers.push(Entry { record: server, ..entry(mark, &why) });
        }
    }
    if release == Release::WithRecovery && !servers.iter().any(|e| e.record.is_itl_recovery()) {
        warnings.push(
            "the list has no ITLRecovery SAST record to keep: going tokenless again will need TVS or a list deletion"
                .to_owned(),
        );
    }
    let mut token = |certificate: &Certificate, why: String| {
        let in_force = old.list().sasts().find(|record| record.is_of(certificate));
        let (mark, record) = match in_force {
            Some(record) => (Mark::Keep, record.clone()),
            None => (Mark::Add, token_record(certificate, request.name_style)?),
        };
        Ok::<_, PlanError>(Entry { line: lines.next(), ..Entry::new(mark, record, why) })
    };
    for spare in spares {
        list.records.push(token(spare, "spare".to_owned())?);
    }
    let signer = token(request.signer, signs_this_file(request))?;
    list.records.extend(tokens.into_iter().chain(servers).chain([signer]));
    list.warnings = warnings;
    list.edit(edits, request)?;
    list.plan(old.list().header().file_name(), Some(old), request)
}

/// Why a server's record stays, and as what.
fn why_it_stays(record: &Record, warnings: &mut Vec<String>) -> String {
    let keeps = if record.function() == Function::SAST { "stays for a return to tokenless; " } else { "" };
    if let Some(ip) = record.ip_address() {
        return format!("{keeps}{ip}, as the CTL Client writes it");
    }
    warnings.push(format!(
        "the record of {} has no IP address: its DNSNAME stays {:?} instead of a dotted address",
        record.short_name(),
        record.dns_name().unwrap_or_default()
    ));
    format!("{keeps}no IP address, the name stays")
}

/// The tokens of a first list: each once, and two of them. If the operator insists on one token, the plan warns.
pub(super) fn first_tokens(
    request: &Request<'_>,
    spares: &[Certificate],
    single_token: bool,
) -> Result<Vec<String>, PlanError> {
    let all: Vec<_> = std::iter::once(request.signer).chain(spares).collect();
    for (at, token) in all.iter().enumerate() {
        let name = token.sast_name();
        match all.iter().take(at).find(|other| other.public_key_bytes == token.public_key_bytes) {
            Some(other) if other.der() == token.der() => return Err(PlanError::TokenTwice { name }),
            Some(_) => return Err(PlanError::SameKey { name }),
            None => {}
        }
    }
    let name = request.signer.sast_name();
    match (spares.is_empty(), single_token || request.force) {
        (false, _) => Ok(vec![]),
        (true, true) => Ok(vec![format!(
            "{name} has no spare, as the operator requested: if it is lost, no later list can be signed"
        )]),
        (true, false) => Err(PlanError::OneToken { name }),
    }
}

/// Whether a record of the list in force leaves it with the first list that tokens sign.
pub fn leaves(record: &Record, release: Release) -> bool {
    record.function() == Function::SAST && !record.is_token() && release == Release::TokensAlone
}
