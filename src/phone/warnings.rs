//! Warnings about a new list for the operator: sizes, keys, dates, digests. What follows from an expired certificate is from
//! Cisco's guide to certificates.

use std::collections::BTreeMap;

use super::list::NewList;
use crate::trustlist::{
    Certificate, Digest, Function, ListKind, PHONE_LIMIT_BYTES, PublicKey, Record, Remark, day, record_tag,
};

/// About as many certificates as a list of 64 KiB holds.
const MANY_CERTIFICATES: usize = 39;

/// Warnings about a new list, signed with `digest`; `now` in seconds since 1970-01-01 UTC.
pub fn list_warnings(new: &NewList<'_>, digest: Digest, now: i64) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(certificate) = &new.certificate {
        let follows = if new.by_token { EXPIRED_TOKEN } else { expired_server(Function::SAST) };
        warnings.extend(about_dates(certificate, follows, now));
    }
    warnings.extend(about_servers(new, now));
    warnings.extend(new.key.as_ref().and_then(about_key));
    warnings.extend(about_server_keys(new));
    warnings.extend(about_digest(digest));
    warnings.extend(about_sasts(new));
    warnings.extend(about_size(new));
    warnings
}

/// Warnings about a `.sgn` file that `signer` signs with `digest`; `now` as above. Which certificates phones check it with is
/// in `docs/phones.md`.
pub fn file_warnings(signer: &Certificate, digest: Digest, now: i64) -> Vec<String> {
    let name = signer.sast_name();
    let who = format!(
        "phones check a configuration file with the CCM+TFTP and TFTP certificates of their lists, not with SAST \
         certificates: they accept it if {name} is one of those"
    );
    let dates = about_dates(signer, expired_server(Function::TFTP), now);
    let others = [dates, about_key(&signer.public_key), about_digest(digest)];
    others.into_iter().flatten().chain([who]).collect()
}

/// The servers whose certificates expired, a line for each consequence. The signer is not among them.
fn about_servers(new: &NewList<'_>, now: i64) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    let servers = new.records.iter().filter(|r| !r.is_token() && new.bytes <= PHONE_LIMIT_BYTES);
    for record in servers {
        let Some(Ok(certificate)) = record.certificate() else { continue };
        let signs = new.certificate.as_ref().is_some_and(|signer| signer.der() == certificate.der());
        if signs || certificate.not_after >= now {
            continue;
        }
        let line = format!("{} ({}, {})", record.short_name(), record.function(), day(certificate.not_after));
        let follows = expired(record);
        match lines.iter_mut().find(|(known, _)| *known == follows) {
            Some((_, names)) if names.contains(&line) => {}
            Some((_, names)) => names.push(line),
            None => lines.push((follows, vec![line])),
        }
    }
    let line = |(follows, names): (&str, Vec<String>)| format!("expired: {}: {follows}", names.join(", "));
    lines.into_iter().map(line).collect()
}

fn about_digest(digest: Digest) -> Option<String> {
    (digest != Digest::Sha1)
        .then(|| format!("{digest}: not every phone accepts it, and no public source says which do"))
}

fn about_dates(certificate: &Certificate, follows: &str, now: i64) -> Option<String> {
    let name = certificate.sast_name();
    if certificate.not_after < now {
        let day = day(certificate.not_after);
        return Some(format!("the certificate of {name} expired on {day}: {follows}"));
    }
    (certificate.not_before > now)
        .then(|| format!("the certificate of {name} is not valid before {}", day(certificate.not_before)))
}

fn about_key(key: &PublicKey) -> Option<String> {
    match key.rsa()?.bits() {
        bits if bits < 2048 => {
            Some(format!("the signer's key is RSA {bits}: phones in FIPS mode refuse keys below 2048 bits"))
        }
        bits if bits > 2048 => Some(format!(
            "the signer's key is RSA {bits}: older phones are not known to accept more than 2048 bits"
        )),
        _ => None,
    }
}

/// The keys of servers that some phones do not accept, a line for each size.
fn about_server_keys(new: &NewList<'_>) -> Vec<String> {
    let mut lines: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for record in new.records.iter().filter(|r| r.function() != Function::SAST) {
        let Some(Ok(certificate)) = record.certificate().filter(|_| new.bytes <= PHONE_LIMIT_BYTES) else {
            continue;
        };
        let key = certificate.public_key.describe();
        let bits = key.strip_prefix("RSA ").and_then(|bits| bits.parse::<usize>().ok());
        if let Some(bits) = bits.filter(|bits| !(2048..4096).contains(bits)) {
            let (names, name) = (lines.entry(bits).or_default(), record.short_name());
            names.extend((!names.contains(&name)).then_some(name));
        }
    }
    let line = |(bits, names): (usize, Vec<String>)| {
        let phones = match bits {
            ..2048 => "phones in FIPS mode refuse keys below 2048 bits",
            _ => "some phones refuse the keys of authorities of 4096 bits and more in mixed mode",
        };
        format!("RSA {bits} is the key of {}: {phones}", names.join(", "))
    };
    lines.into_iter().map(line).collect()
}

fn about_sasts(new: &NewList<'_>) -> Option<String> {
    if new.kind != ListKind::Ctl {
        return None;
    }
    match new.records.iter().filter(|r| r.function() == Function::SAST).count() {
        1 => Some(
            "there is only one SAST record: if its key is lost, no list can be signed that phones with this list accept"
                .to_owned(),
        ),
        sasts if sasts > 2 => {
            Some(format!("{sasts} SAST records: some phones are reported to accept no more than two"))
        }
        _ => None,
    }
}

fn about_size(new: &NewList<'_>) -> Option<String> {
    let bytes = new.bytes;
    let certificates = new.records.iter().filter(|r| r.get(record_tag::CERTIFICATE).is_some()).count();
    match Remark::about_size(bytes) {
        Some(remark @ Remark::TooLargeForPhones { .. }) => Some(remark.to_string()),
        _ if certificates > MANY_CERTIFICATES => Some(format!(
            "the list has {certificates} certificates in {bytes} bytes; Cisco names {MANY_CERTIFICATES} as what phones load"
        )),
        remark => remark.map(|remark| remark.to_string()),
    }
}

/// For a token's certificate, which the guide does not mention.
pub const EXPIRED_TOKEN: &str = "it still signs; no public source says that phones look at its date";

/// What happens when the certificate of a server with this function expires.
pub fn expired_server(function: Function) -> &'static str {
    match function {
        // The SAST of a tokenless list or an ITL is the publisher's CallManager certificate, too.
        Function::SAST | Function::CCM_TFTP | Function::CCM => {
            "encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure \
             SIP trunks and media resources fail"
        }
        Function::TFTP => "phones do not trust the configuration files that it signs",
        Function::CAPF => {
            "CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail"
        }
        Function::TVS => "phones cannot authenticate HTTPS services and configuration files with it",
        _ => NOTHING_KNOWN,
    }
}

const NOTHING_KNOWN: &str = "the effect cannot be known: no public source says it";

/// What happens when the certificate of a record expires.
pub fn expired(record: &Record) -> &'static str {
    match record {
        _ if record.is_token() => EXPIRED_TOKEN,
        _ if record.is_itl_recovery() => NOTHING_KNOWN,
        _ => expired_server(record.function()),
    }
}
