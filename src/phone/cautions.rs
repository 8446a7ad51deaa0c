//! What an operator should know about a list, whoever takes it: sizes, keys, dates, digests.

use crate::trustlist::{Certificate, Digest, Function, ListKind, PublicKey, Record, Remark, day};

use super::list::NewList;

/// About as many certificates as a list of 64 KiB holds.
const MANY_CERTIFICATES: usize = 39;

/// Warnings about a new list, signed with `digest`; `now` in seconds since 1970-01-01 UTC.
pub fn cautions(new: &NewList<'_>, digest: Digest, now: i64) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(certificate) = &new.certificate {
        warnings.extend(about_dates(certificate, now));
    }
    warnings.extend(new.key.as_ref().and_then(about_key));
    warnings.extend(about_digest(digest));
    warnings.extend(about_sasts(new));
    warnings.extend(about_size(new));
    warnings
}

/// Warnings about a `.sgn` file that `signer` signs with `digest`; `now` as above. Which certificates phones check it with is
/// in `docs/phones.md`.
pub fn cautions_of_file(signer: &Certificate, digest: Digest, now: i64) -> Vec<String> {
    let name = signer.sast_name();
    let who = format!(
        "phones check a configuration file with the CCM+TFTP and TFTP certificates of their lists, and with no SAST's: they \
         take it if {name} is one of those"
    );
    let others = [about_dates(signer, now), about_key(signer.public_key()), about_digest(digest)];
    others.into_iter().flatten().chain([who]).collect()
}

fn about_digest(digest: Digest) -> Option<String> {
    (digest != Digest::Sha1).then(|| format!("{digest}: phones of the 7900 era know SHA-1 alone"))
}

fn about_dates(certificate: &Certificate, now: i64) -> Option<String> {
    let name = certificate.sast_name();
    if certificate.not_after() < now {
        let day = day(certificate.not_after());
        return Some(format!(
            "the certificate of {name} expired on {day}; it still signs: phones and CUCM do not look at the date"
        ));
    }
    (certificate.not_before() > now)
        .then(|| format!("the certificate of {name} is not valid before {}", day(certificate.not_before())))
}

fn about_key(key: &PublicKey) -> Option<String> {
    match key.rsa()?.bits() {
        bits if bits < 2048 => {
            Some(format!("the signer's key is RSA {bits}: phones in FIPS mode refuse less than 2048 bits"))
        }
        bits if bits > 2048 => Some(format!(
            "the signer's key is RSA {bits}: older phones are not known to take more than 2048 bits"
        )),
        _ => None,
    }
}

fn about_sasts(new: &NewList<'_>) -> Option<String> {
    if new.view.kind != ListKind::Ctl {
        return None;
    }
    match new.view.records.iter().filter(|r| r.function() == Function::SAST).count() {
        1 => Some(
            "there is one SAST record: when its key is lost, nothing signs a list that phones with this one take"
                .to_owned(),
        ),
        sasts if sasts > 2 => {
            Some(format!("{sasts} SAST records: some phones are reported to take no more than two"))
        }
        _ => None,
    }
}

fn about_size(new: &NewList<'_>) -> Option<String> {
    let bytes = new.bytes;
    let certificates = new.view.records.iter().filter(|r| has_certificate(r)).count();
    match Remark::about_size(bytes) {
        Some(remark @ Remark::TooLargeForPhones { .. }) => Some(remark.to_string()),
        _ if certificates > MANY_CERTIFICATES => Some(format!(
            "the list has {certificates} certificates in {bytes} bytes; Cisco names {MANY_CERTIFICATES} as what phones load"
        )),
        remark => remark.map(|remark| remark.to_string()),
    }
}

fn has_certificate(record: &Record) -> bool {
    record.get(crate::trustlist::record_tag::CERTIFICATE).is_some()
}
