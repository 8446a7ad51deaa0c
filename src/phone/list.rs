//! Lists as phones look at them: what they hold, and what they are offered.

use crate::trustlist::{
    Certificate, Draft, Function, ListKind, PublicKey, Record, SignerId, VerifiedList, record_tag,
};

/// A list as a phone looks things up in it: its kind and its records.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'a> {
    /// CTL or ITL.
    pub kind: ListKind,
    /// The records in their order.
    pub records: &'a [Record],
}

impl<'a> ListView<'a> {
    /// A list whose signature was checked.
    pub fn of(list: &'a VerifiedList) -> Self {
        ListView { kind: list.list().kind(), records: list.list().records() }
    }

    /// Whether nothing in it can vouch for anything: what "Prepare Cluster for Rollback to pre 8.0" leaves of an ITL.
    pub fn is_empty_of_certificates(&self) -> bool {
        self.records.iter().all(Record::is_emptied)
    }
}

/// A new list, signed already or planned: enough of it to decide.
#[derive(Debug, Clone)]
pub struct NewList<'a> {
    /// Its kind and records.
    pub view: ListView<'a>,
    /// How its header names the signer.
    pub signer: SignerId,
    /// The key that verifies its signature.
    pub key: Option<PublicKey>,
    /// The signer's certificate, where the list carries it.
    pub certificate: Option<Certificate>,
    /// Whether the signer's own record is that of a token.
    pub by_token: bool,
    /// A name to call the signer by.
    pub name: String,
    /// The length of the file in bytes.
    pub bytes: usize,
}

impl<'a> NewList<'a> {
    /// A signed list.
    pub fn of(list: &'a VerifiedList) -> Self {
        let record = list.signer();
        NewList {
            view: ListView::of(list),
            signer: list.list().header().signer().clone(),
            key: record.and_then(Record::public_key),
            certificate: record.and_then(Record::certificate).and_then(Result::ok),
            by_token: record.is_some_and(|record| is_token(record, list.list().kind())),
            name: list.signer_name(),
            bytes: list.list().bytes().len(),
        }
    }

    /// A list that the key of this record will sign, whatever is in it.
    pub fn by_record(view: ListView<'a>, record: &Record, bytes: usize) -> Self {
        let element = |tag| record.get(tag).map(bytes::Bytes::copy_from_slice).unwrap_or_default();
        NewList {
            view,
            signer: SignerId {
                name: element(record_tag::SUBJECT_NAME),
                serial: element(record_tag::SERIAL_NUMBER),
                issuer: element(record_tag::ISSUER_NAME),
            },
            key: record.public_key(),
            certificate: record.certificate().and_then(Result::ok),
            by_token: is_token(record, view.kind),
            name: record.short_name(),
            bytes,
        }
    }

    /// A list that a token will sign which is in no list yet.
    pub fn by_unknown_token(view: ListView<'a>, bytes: usize) -> Self {
        NewList {
            view,
            signer: SignerId::default(),
            key: None,
            certificate: None,
            by_token: true,
            name: "the new token".to_owned(),
            bytes,
        }
    }

    /// A list that `signer` will sign; `None` where the draft has no SAST record for it.
    pub fn planned(draft: &'a Draft, signer: &Certificate) -> Option<Self> {
        let record = draft.records().iter().find(|r| r.function() == Function::SAST && r.is_of(signer))?;
        Some(NewList {
            view: ListView { kind: draft.kind(), records: draft.records() },
            signer: draft.signer_id(signer).ok()?,
            key: Some(signer.public_key().clone()),
            certificate: Some(signer.clone()),
            by_token: is_token(record, draft.kind()),
            name: signer.sast_name(),
            bytes: draft.signed_len(signer).ok()?,
        })
    }
}

/// Whether a certificate that a server shows can be compared with the record: it carries it, or its hash.
pub(super) fn has_certificate_or_hash(record: &Record) -> bool {
    record.get(record_tag::CERTIFICATE).or_else(|| record.get(record_tag::CERT_HASH)).is_some()
}

/// CUCM names the SAST of an ITL, its own CallManager or ITLRecovery, without host and address too: there only Cisco's
/// certificate tells a token.
fn is_token(record: &Record, kind: ListKind) -> bool {
    let is_cisco = || matches!(record.certificate(), Some(Ok(certificate)) if certificate.is_cisco_token());
    record.is_token() && (kind == ListKind::Ctl || is_cisco())
}
