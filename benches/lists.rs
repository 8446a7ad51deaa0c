//! Lists of any length.

use sastctl::trustlist::{Digest, Draft, Function, Record};

use crate::pki;

/// A CTL of so many records, the first of which signed it; the others are CallManagers with names of their own.
pub fn list_of(records: usize) -> Vec<u8> {
    let golden = pki::golden("token-signed.tlv");
    let mut signer = pki::KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let find = |is_it: &dyn Fn(&&Record) -> bool| golden.list().records().iter().find(is_it).unwrap().clone();
    let token = find(&|r| r.is_of(&pki::token("SAST-ADN008580ef")));
    let server = find(&|r| r.function() == Function::CCM_TFTP);
    // Tag 2 is DNSNAME, a C string.
    let named = |n: usize| server.with(2, format!("node-{n}\0").as_bytes()).unwrap();
    let all: Vec<Record> = std::iter::once(token).chain((1..records).map(named)).collect();
    let draft = Draft::new("CTLFile.tlv", all, pki::options(Digest::Sha1));
    draft.sign(&mut signer).unwrap().list().bytes().to_vec()
}
