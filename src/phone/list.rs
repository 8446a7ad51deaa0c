//! Lists as phones look at them: what they hold, and what they are offered.

use std::collections::BTreeMap;

use crate::trustlist::{
    Certificate, Draft, Function, ListKind, PublicKey, Record, SignerId, TrustList, VerifiedList, record_tag,
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
        Self::read(list.list())
    }

    /// A list as it was read.
    pub fn read(list: &'a TrustList) -> Self {
        ListView { kind: list.kind(), records: list.records() }
    }

    /// Whether this is what "Prepare Cluster for Rollback to pre 8.0" leaves of an ITL: no TVS, TFTP or CCM+TFTP record that
    /// serves, whatever else stays (the rule is derived: no public source shows such a file).
    pub fn is_emptied_itl(&self) -> bool {
        self.kind == ListKind::Itl
            && !self.records.iter().any(|r| {
                matches!(r.function(), Function::TVS | Function::CCM_TFTP | Function::TFTP) && is_usable(r)
            })
    }

    /// The TVS certificates by which phones that hold it know a TVS: SHA-1, and a name to call each by.
    pub fn tvs(&self) -> BTreeMap<Vec<u8>, String> {
        let tvs = self.records.iter().filter(|r| r.function() == Function::TVS);
        tvs.filter_map(|r| Some((shown_sha1(r)?, r.short_name()))).collect()
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
        Self::signed_by(list.list(), list.signer())
    }

    /// A list that was verified with this record.
    pub(super) fn signed_by(list: &'a TrustList, record: Option<&Record>) -> Self {
        let (view, bytes) = (ListView::read(list), list.bytes().len());
        let unknown =
            || NewList { by_token: false, name: String::new(), ..Self::by_unknown_token(view, bytes) };
        let by = record.map_or_else(unknown, |record| Self::by_record(view, record, bytes));
        NewList { signer: list.header().signer().clone(), ..by }
    }

    /// A list that the key of this record will sign, whatever is in it.
    pub fn by_record(view: ListView<'a>, record: &Record, bytes: usize) -> Self {
        NewList {
            view,
            signer: signer_of(record),
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
        let view = ListView { kind: draft.kind(), records: draft.records() };
        Some(NewList {
            signer: draft.signer_id(signer).ok()?,
            key: Some(signer.public_key().clone()),
            certificate: Some(signer.clone()),
            name: signer.sast_name(),
            ..Self::by_record(view, record, draft.signed_len(signer).ok()?)
        })
    }
}

/// How the header of a list names the signer whose record this is.
pub fn signer_of(record: &Record) -> SignerId {
    let element = |tag| record.get(tag).map(bytes::Bytes::copy_from_slice).unwrap_or_default();
    SignerId {
        name: element(record_tag::SUBJECT_NAME),
        serial: element(record_tag::SERIAL_NUMBER),
        issuer: element(record_tag::ISSUER_NAME),
    }
}

/// SHA-1 of the certificate that a server must show to be the record's: of the one that it carries, if that parses, else its
/// hash, if that is one.
pub(super) fn shown_sha1(record: &Record) -> Option<Vec<u8>> {
    match record.certificate() {
        Some(Ok(certificate)) => Some(certificate.sha1().to_vec()),
        _ => record.get(record_tag::CERT_HASH).filter(|hash| hash.len() == SHA1_BYTES).map(<[u8]>::to_vec),
    }
}

/// Whether phones can use a server's record: they know a server by its certificate, and check the signature of a file with
/// a certificate, one of that hash, or a key.
pub(super) fn is_usable(record: &Record) -> bool {
    let checks_files = matches!(record.function(), Function::CCM_TFTP | Function::TFTP);
    shown_sha1(record).is_some() || (checks_files && record.public_key().is_some())
}

/// The length of the hashes in records.
const SHA1_BYTES: usize = 20;

/// CUCM names the SAST of an ITL, its own CallManager or ITLRecovery, without host and address too: there only Cisco's
/// certificate tells a token.
fn is_token(record: &Record, kind: ListKind) -> bool {
    let is_cisco = || matches!(record.certificate(), Some(Ok(certificate)) if certificate.is_cisco_token());
    record.is_token() && (kind == ListKind::Ctl || is_cisco())
}
