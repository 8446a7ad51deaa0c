//! A new list, and what phones find in lists.

use std::collections::BTreeMap;

use crate::trustlist::{
    Certificate, Draft, Function, ListKind, PublicKey, Record, SignerId, TrustList, VerifiedList, record_tag,
};

/// A new list, signed already or planned: enough of it to decide.
#[derive(Debug, Clone)]
pub struct NewList<'a> {
    /// CTL or ITL.
    pub kind: ListKind,
    /// The records in their order.
    pub records: &'a [Record],
    /// How its header names the signer.
    pub signer: SignerId,
    /// The key that verifies its signature.
    pub key: Option<PublicKey>,
    /// The signer's certificate, where the list carries it.
    pub certificate: Option<Certificate>,
    /// Whether the signer's own record is that of a token.
    pub by_token: bool,
    /// The signer's name for people.
    pub name: String,
    /// The length of the file in bytes.
    pub bytes: usize,
}

impl<'a> NewList<'a> {
    /// A signed list.
    pub fn of(list: &'a VerifiedList) -> Self {
        NewList { signer: list.list().header().signer.clone(), ..Self::by_record(list, list.signer()) }
    }

    /// A list like this one that the key of `record` will sign.
    pub fn by_record(list: &'a VerifiedList, record: &Record) -> Self {
        let list = list.list();
        Self::new(list.kind(), list.records(), record, list.bytes().len())
    }

    /// A first CTL of about these records, which the key of `signer` will sign.
    pub fn first(records: &'a [Record], signer: &Record) -> Self {
        Self::new(ListKind::Ctl, records, signer, 0)
    }

    /// A list like this one, signed by a token that is in no list yet.
    pub fn by_unknown_token(list: &'a VerifiedList) -> Self {
        NewList {
            signer: SignerId::default(),
            key: None,
            certificate: None,
            by_token: true,
            name: "the new token".to_owned(),
            ..Self::of(list)
        }
    }

    /// A list that `signer` will sign; `None` where the draft has no SAST record for it.
    pub fn planned(draft: &'a Draft, signer: &Certificate) -> Option<Self> {
        let record = draft.signer_record(signer)?;
        Some(NewList {
            key: Some(signer.public_key.clone()),
            certificate: Some(signer.clone()),
            name: signer.sast_name(),
            ..Self::new(draft.kind(), &draft.records, record, draft.signed_len(signer).ok()?)
        })
    }

    fn new(kind: ListKind, records: &'a [Record], signer: &Record, bytes: usize) -> Self {
        NewList {
            kind,
            records,
            signer: signer.signer_id(),
            key: signer.public_key(),
            certificate: signer.certificate().and_then(Result::ok),
            by_token: is_token(signer, kind),
            name: signer.short_name(),
            bytes,
        }
    }

    /// As [`is_emptied_itl`].
    pub(super) fn is_emptied_itl(&self) -> bool {
        is_emptied(self.kind, self.records)
    }
}

/// Whether this is what "Prepare Cluster for Rollback to pre 8.0" leaves of an ITL: no TVS, TFTP or CCM+TFTP record that
/// phones can use, whatever else stays (the rule is derived: no public source shows such a file).
pub fn is_emptied_itl(list: &TrustList) -> bool {
    is_emptied(list.kind(), list.records())
}

fn is_emptied(kind: ListKind, records: &[Record]) -> bool {
    let serves = |r: &Record| matches!(r.function(), Function::TVS | Function::CCM_TFTP | Function::TFTP);
    kind == ListKind::Itl && !records.iter().any(|r| serves(r) && is_usable(r))
}

/// The TVS certificates by which phones that hold these records know a TVS: SHA-1, and a name for people.
pub fn tvs_certificates(records: &[Record]) -> BTreeMap<Vec<u8>, String> {
    let tvs = records.iter().filter(|r| r.function() == Function::TVS);
    tvs.filter_map(|r| Some((shown_sha1(r)?, r.short_name()))).collect()
}

/// SHA-1 of the certificate that the server of this record must show: computed from the certificate in the record if it parses,
/// else the hash in the record.
pub(super) fn shown_sha1(record: &Record) -> Option<Vec<u8>> {
    match record.certificate() {
        Some(Ok(certificate)) => Some(certificate.sha1().to_vec()),
        _ => record.get(record_tag::CERT_HASH).filter(|hash| hash.len() == SHA1_BYTES).map(<[u8]>::to_vec),
    }
}

/// Whether phones can use a server's record: they authenticate a server by its certificate, and verify a file with the
/// certificate, a certificate with that hash, or a key.
pub(super) fn is_usable(record: &Record) -> bool {
    let checks_files = matches!(record.function(), Function::CCM_TFTP | Function::TFTP);
    shown_sha1(record).is_some() || (checks_files && record.public_key().is_some())
}

/// The length of the hashes in records.
const SHA1_BYTES: usize = 20;

/// CUCM names the SAST of an ITL, its own CallManager or ITLRecovery, without host and address too: in an ITL only a
/// certificate issued by Cisco shows that the signer is a token.
fn is_token(record: &Record, kind: ListKind) -> bool {
    let is_cisco = || matches!(record.certificate(), Some(Ok(certificate)) if certificate.is_cisco_token());
    record.is_token() && (kind == ListKind::Ctl || is_cisco())
}
