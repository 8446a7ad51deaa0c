//! The findings about a new list in addition to the verdict: sizes, keys, dates, and services that phones lose.

use std::net::Ipv4Addr;
use std::slice;

use sastctl::phone::tvs::Ask;
use sastctl::phone::{
    Decision, Impact, Installed, InstalledItl, NewList, Reason, TvsStatus, Way, assess, is_emptied_itl,
    services,
};
use sastctl::trustlist::{
    Certificate, Digest, Draft, Function, ListKind, PHONE_LIMIT_BYTES, Record, ServerRecord, SignerId, Style,
    VerifiedList, record_tag,
};

use crate::pki::{KeyFile, certificate, golden, options};
use crate::support::World;

pub const PUB: &str = "tests/testdata/pki/cucm-1051-a-pub";
pub const PUB_NEW: &str = "tests/testdata/pki/cucm-1051-a-pub-regenerated";
pub const SUB: &str = "tests/testdata/pki/cucm-1051-a-sub1";
pub const TVS: &str = "tests/testdata/pki/cucm8-tvs";
pub const CAPF: &str = "tests/testdata/pki/capf-e41e7d87";
pub const A: &str = "softhsm-fixtures/SAST-ADN008580ef";
pub const B: &str = "softhsm-fixtures/SAST-ADN0054f509";

pub fn token(stem: &str) -> Record {
    Record::token(&certificate(&format!("{stem}.der")), Style::CtlClient).unwrap()
}

/// A server's record; without a certificate it has its key and a hash.
pub fn server(stem: &str, function: Function, name: &str, address: [u8; 4], hash_only: bool) -> Record {
    let server = ServerRecord {
        function,
        certificate: &certificate(&format!("{stem}.der")),
        dns_name: name,
        ip_address: (address != [0; 4]).then(|| address.into()),
        style: Style::Cucm,
        hash_only,
    };
    Record::server(&server).unwrap()
}

pub fn ccm(stem: &str, name: &str, last: u8) -> Record {
    server(stem, Function::CCM_TFTP, name, if last == 0 { [0; 4] } else { [10, 0, 0, last] }, false)
}

pub fn signed(kind: ListKind, records: &[Record], by: &str) -> VerifiedList {
    let name = if kind == ListKind::Ctl { "CTLFile.tlv" } else { "ITLFile.tlv" };
    let records = [&[token(by)], records].concat();
    Draft::new(name, records, options(Digest::Sha1)).sign(&mut KeyFile::open(by)).unwrap()
}

/// An installed list: these records, then the record of its signer, which no test checks.
pub fn held(kind: ListKind, records: &[Record]) -> VerifiedList {
    let name = if kind == ListKind::Ctl { "CTLFile.tlv" } else { "ITLFile.tlv" };
    let records = [records, &[token(B)]].concat();
    Draft::new(name, records, options(Digest::Sha1)).sign(&mut KeyFile::open(B)).unwrap()
}

/// A new list of these records, after its signature.
pub fn offered<'a>(kind: ListKind, records: &'a [Record], like: &'a VerifiedList) -> NewList<'a> {
    let bytes = records.iter().map(|record| record.bytes().len()).sum();
    NewList { kind, records, bytes, ..NewList::of(like) }
}

/// The services that phones lose if `new` replaces the installed lists.
pub fn findings(
    ctl: Option<&[Record]>,
    itl: InstalledItl<&VerifiedList>,
    kind: ListKind,
    new: &[Record],
) -> Vec<String> {
    let ctl = ctl.map(|records| held(ListKind::Ctl, records));
    let installed = Installed { ctl: ctl.as_ref(), itl };
    services(&installed, &offered(kind, new, &golden("tokenless.tlv")))
        .into_iter()
        .map(|f| {
            let mark = match f.impact {
                Impact::Note => "note",
                Impact::Loses => "loses",
                Impact::LockedOut => "locked out",
            };
            format!("{mark}: {:?}: {}", f.service, f.says)
        })
        .collect()
}

/// From one CTL to another, with no ITL.
pub fn from_to(old: &[Record], new: &[Record]) -> Vec<String> {
    findings(Some(old), InstalledItl::None, ListKind::Ctl, new)
}

#[test]
fn a_removed_server_is_reported_with_its_address() {
    let (publisher, sub) = (ccm(PUB, "pub", 1), ccm(SUB, "sub", 2));
    assert!(from_to(&[publisher.clone(), sub.clone()], &[sub.clone(), publisher.clone()]).is_empty());
    insta::assert_debug_snapshot!(from_to(&[publisher.clone(), sub], slice::from_ref(&publisher)));
    insta::assert_debug_snapshot!(from_to(
        &[publisher.clone(), ccm(SUB, "sub", 0)],
        slice::from_ref(&publisher)
    ));
    insta::assert_debug_snapshot!(from_to(
        &[publisher.clone(), ccm(SUB, "", 0)],
        slice::from_ref(&publisher)
    ));
    let capf = server(CAPF, Function::CAPF, "capf", [10, 0, 0, 1], false);
    insta::assert_debug_snapshot!(from_to(&[publisher.clone(), capf], &[publisher]));
}

/// The class of phones is named if a loss does not concern all: a record removed from the CTL is still in the ITL, but phones
/// without TVS have no ITL.
#[test]
fn a_loss_for_some_phones_only_names_these_phones() {
    let (publisher, sub) = (ccm(PUB, "pub", 1), ccm(SUB, "sub", 2));
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true);
    let old = [publisher.clone(), sub.clone()];
    let itl = [publisher.clone(), sub.clone(), tvs.clone()];
    let itl = held(ListKind::Itl, &itl);
    let held = InstalledItl::List(&itl);
    let ctl = findings(Some(&old), held, ListKind::Ctl, slice::from_ref(&publisher));
    assert_eq!(
        ctl,
        [
            "loses: Tftp: 7940, 7960, Jabber, …: cucm-1051-a-sub1 (10.0.0.2) leaves: configuration files that it signs are refused"
        ]
    );
    // All phones that load an ITL are of one class, so it is not named.
    let shorter = findings(None, held, ListKind::Itl, &[publisher, tvs]);
    assert!(shorter.iter().all(|line| !line.contains("7945")), "{shorter:?}");
    assert!(shorter.iter().any(|line| line.contains("unless TVS knows")), "{shorter:?}");
}

#[test]
fn the_itl_may_still_have_what_the_ctl_lost() {
    let (publisher, tvs) = (ccm(PUB, "pub", 1), server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true));
    let tftp = server(SUB, Function::TFTP, "tftp", [10, 0, 0, 9], false);
    let old = [publisher.clone()];
    let itl = [publisher.clone(), tvs.clone()];
    let itl = held(ListKind::Itl, &itl);
    let held = InstalledItl::List(&itl);
    let to = |itl, kind, new: &[Record]| findings(Some(&old), itl, kind, new);
    insta::assert_debug_snapshot!(to(InstalledItl::None, ListKind::Ctl, &[token(A)]));
    insta::assert_debug_snapshot!(to(InstalledItl::Unknown, ListKind::Ctl, &[token(A)]));
    // The same server is in the ITL, which phones without TVS do not have.
    let with_itl = to(held, ListKind::Ctl, &[token(A)]);
    assert_eq!(with_itl.len(), 1, "{with_itl:?}");
    assert!(with_itl[0].starts_with("locked out: Tftp: 7940, 7960, Jabber, …: no CCM+TFTP"), "{with_itl:?}");
    assert!(to(InstalledItl::None, ListKind::Ctl, &[publisher.clone(), tftp]).is_empty());
    // With an ITL without TVS, the phone can verify only with its own lists.
    insta::assert_debug_snapshot!(to(InstalledItl::Unknown, ListKind::Itl, slice::from_ref(&publisher)));
    insta::assert_debug_snapshot!(to(held, ListKind::Itl, slice::from_ref(&publisher)));
    insta::assert_debug_snapshot!(findings(None, InstalledItl::None, ListKind::Itl, &[tvs]));
    insta::assert_debug_snapshot!(findings(None, InstalledItl::None, ListKind::Itl, &[token(A)]));
    assert!(
        findings(None, InstalledItl::None, ListKind::Ctl, &[token(A)]).is_empty(),
        "there was nothing to lose"
    );
}

#[test]
fn non_secure_mode_is_no_loss_where_the_same_server_is_emptied() {
    let (publisher, sub) = (ccm(PUB, "pub", 1), ccm(SUB, "sub", 2));
    let emptied = |name: &str, last| {
        let ip: Ipv4Addr = [10, 0, 0, last].into();
        Record::emptied_server(Function::CCM_TFTP, name, Some(ip)).unwrap()
    };
    let old = [publisher.clone(), sub.clone()];
    insta::assert_debug_snapshot!(from_to(&old, &[emptied("10.0.0.1", 1), emptied("10.0.0.2", 2)]));
    insta::assert_debug_snapshot!(from_to(&old, &[emptied("pub", 1), sub.clone()]));
    insta::assert_debug_snapshot!(from_to(&old, &[emptied("elsewhere", 7), sub]));
    // A record that is already emptied cannot be lost.
    assert!(from_to(&[emptied("pub", 1), publisher.clone()], &[publisher]).is_empty());
}

#[test]
fn a_server_is_the_same_by_its_certificate_or_its_key() {
    let with = |hash_only| server(PUB, Function::CCM_TFTP, "pub", [10, 0, 0, 1], hash_only);
    for old in [false, true] {
        for new in [false, true] {
            assert!(from_to(&[with(old)], &[with(new)]).is_empty(), "by hash: {old} {new}");
        }
    }
    let other = server(SUB, Function::CCM_TFTP, "sub", [10, 0, 0, 2], true);
    for old in [false, true] {
        let said = from_to(&[with(old)], slice::from_ref(&other));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("loses: Tftp: cucm-1051-a-pub (10.0.0.1) leaves"), "{said:?}");
    }
}

#[test]
fn another_certificate_of_the_same_server_is_no_loss() {
    let note = |old: Record, new: Record| {
        let said = from_to(&[old], &[new]);
        assert_eq!(said.len(), 1, "{said:?}");
        said[0].starts_with("note: Tftp: ") && said[0].contains("has another certificate")
    };
    assert!(note(ccm(PUB, "pub", 1), ccm(PUB_NEW, "else", 1)), "by address");
    assert!(note(ccm(PUB, "pub", 1), ccm(PUB_NEW, "pub", 2)), "by name");
    assert!(note(ccm(PUB, "pub", 0), ccm(PUB_NEW, "else", 2)), "by the certificate's name");
    assert!(note(ccm(PUB, "pub", 0), ccm(SUB, "pub", 0)), "by name alone");
    assert!(note(ccm(PUB, "pub", 1), ccm(SUB, "sub", 1)), "by address alone");
    assert!(!note(ccm(PUB, "pub", 1), ccm(SUB, "sub", 2)));
    assert!(!note(ccm(PUB, "", 0), ccm(SUB, "", 0)), "no name and no address are nothing in common");
    assert!(!note(ccm(PUB, "pub", 0), ccm(SUB, "sub", 0)));
}

#[test]
fn an_itl_of_emptied_records_proves_no_signer() {
    let emptied = Record::emptied_server(Function::CCM_TFTP, "pub", None).unwrap();
    let capf = server(CAPF, Function::CAPF, "pub", [10, 0, 0, 1], false);
    let bare = ccm(PUB, "pub", 1).with(record_tag::CERTIFICATE, b"none").unwrap();
    let short =
        server(TVS, Function::TVS, "pub", [0; 4], true).with(record_tag::CERT_HASH, &[7; 21]).unwrap();
    let is_emptied = |kind, records: &[Record]| is_emptied_itl(held(kind, records).list());
    for records in [vec![], vec![emptied.clone()], vec![token(A), emptied.clone(), capf], vec![bare, short]] {
        assert!(is_emptied(ListKind::Itl, &records) && !is_emptied(ListKind::Ctl, &records));
    }
    for serves in [ccm(PUB, "pub", 1), ccm(PUB, "pub", 1).with(record_tag::FUNCTION, &[0, 3]).unwrap()] {
        assert!(!is_emptied(ListKind::Itl, &[emptied.clone(), serves]));
    }
}

pub fn decides(ctl: &[Record], new: &NewList<'_>) -> Decision {
    let ctl = held(ListKind::Ctl, ctl);
    assess(&Installed { ctl: Some(&ctl), itl: InstalledItl::None }, false, new, &TvsStatus::NotAsked).decision
}

#[test]
fn the_largest_list_that_phones_load_is_accepted() {
    let list = golden("token-signed.tlv");
    let of_size = |bytes| NewList { bytes, ..NewList::of(&list) };
    let held = list.list().records();
    assert_eq!(decides(held, &of_size(PHONE_LIMIT_BYTES)), Decision::Accepts(Way::Ctl));
    assert_eq!(decides(held, &of_size(PHONE_LIMIT_BYTES + 1)), Decision::Refuses);
}

#[test]
fn a_signer_is_known_by_its_hash_alone_if_its_certificate_fits() {
    let list = golden("token-signed.tlv");
    let new = NewList::of(&list);
    let by_hash = |hash: &[u8]| {
        let record = token(A).only(|t| t != record_tag::PUBLIC_KEY && t != record_tag::CERTIFICATE).unwrap();
        record.with(record_tag::CERT_HASH, hash).unwrap()
    };
    let right = by_hash(&certificate(&format!("{A}.der")).sha1());
    assert_eq!(decides(std::slice::from_ref(&right), &new), Decision::Accepts(Way::Ctl));
    assert_ne!(decides(&[by_hash(&[7; 20])], &new), Decision::Accepts(Way::Ctl));
    let unknown = NewList { certificate: None, ..new };
    assert_ne!(decides(&[right], &unknown), Decision::Accepts(Way::Ctl));
}

#[test]
fn a_tvs_that_names_no_roles_is_quoted() {
    let open = Reason::TvsOtherRole { server: "pub".to_owned(), roles: vec![] }.to_string();
    assert!(open.starts_with("TVS on pub says valid, without naming roles: no public source"), "{open}");
    let says = |roles| Reason::TvsValid { server: "pub".to_owned(), roles }.to_string();
    assert_eq!(says(vec![Function::SAST]), "TVS on pub says valid, as SAST");
}

fn itl_with_tvs() -> VerifiedList {
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], false);
    held(ListKind::Itl, &[ccm(SUB, "sub", 2), tvs])
}

/// A phone that has only this ITL, and asks TVS about all other signers.
pub fn with_itl(itl: &VerifiedList) -> Installed<&VerifiedList> {
    Installed { ctl: None, itl: InstalledItl::List(itl) }
}

/// TVS looks up certificates by issuer and serial number together.
#[test]
fn tvs_finds_a_signer_only_by_issuer_and_serial_together() {
    let list = golden("tokenless.tlv");
    let new = NewList::of(&list);
    let itl = itl_with_tvs();
    let held = with_itl(&itl);
    let says_valid =
        TvsStatus::Valid { server: "pub".to_owned(), roles: vec![Function::SAST], asked: Ask::Verify };
    let decides = |signer: SignerId| {
        assess(&held, true, &NewList { signer, ..NewList::of(&list) }, &says_valid).decision
    };
    let (right, other) = (new.signer.clone(), NewList::of(&golden("token-signed.tlv")).signer);
    assert_eq!(decides(right.clone()), Decision::Accepts(Way::Tvs));
    assert_eq!(decides(SignerId { serial: other.serial.clone(), ..right.clone() }), Decision::Refuses);
    assert_eq!(decides(SignerId { issuer: other.issuer.clone(), ..right }), Decision::Refuses);
}

#[test]
fn without_a_clear_answer_of_tvs_the_verdict_is_not_known() {
    let list = golden("tokenless.tlv");
    let new = NewList::of(&list);
    let itl = itl_with_tvs();
    let held = with_itl(&itl);
    let says = |vouch: &TvsStatus| assess(&held, true, &new, vouch).says("the signer");
    let pub_and_sub = TvsStatus::Disagree { valid: "pub".to_owned(), invalid: "sub".to_owned() };
    assert!(says(&pub_and_sub).starts_with("cannot be known: the TVS of the cluster do not agree"));
    assert!(says(&TvsStatus::NotAsked).starts_with("accept, if TVS knows the signer"));
}

#[test]
fn a_planned_list_is_signed_by_a_sast() {
    let capf = server(CAPF, Function::CAPF, "pub", [10, 0, 0, 1], false);
    let signer = certificate(&format!("{CAPF}.der"));
    let draft = Draft::new("CTLFile.tlv", vec![token(A), capf], options(Digest::Sha1));
    assert!(NewList::planned(&draft, &signer).is_none(), "in the list, and no SAST");
    assert!(NewList::planned(&draft, &certificate(&format!("{B}.der"))).is_none());
    let tokenless = server(PUB, Function::SAST, "pub", [10, 0, 0, 1], false);
    let both = Draft::new("CTLFile.tlv", vec![tokenless, token(A)], options(Digest::Sha1));
    let by = |file: &str| NewList::planned(&both, &certificate(file)).unwrap().by_token;
    assert!(by(&format!("{A}.der")) && !by(&format!("{PUB}.der")), "by its own record");
    assert!(NewList::planned(&draft, &certificate(&format!("{A}.der"))).is_some());
}

/// CUCM names the SAST of an ITL without a host and an address, as the CTL Client names a token.
#[test]
fn the_signer_of_an_itl_is_not_a_token() {
    let itl = golden("itl.tlv");
    let new = NewList::of(&itl);
    assert!(itl.signer().is_token() && !new.by_token);
    assert!(!NewList::by_record(&itl, itl.signer()).by_token);
    let held = Installed { ctl: None, itl: InstalledItl::Unknown };
    let verdict = assess(&held, true, &new, &TvsStatus::NotAsked);
    let told = verdict.reasons.iter().map(Reason::to_string).collect::<String>() + &verdict.says("it");
    assert!(told.contains("it may contain the signer"), "{told}");
    assert!(!told.contains("token") && !told.contains("Phone-SAST-trust"), "{told}");
    // A certificate issued by Cisco is a token in every list.
    assert!(NewList::of(&signed(ListKind::Itl, &[], A)).by_token);
    let draft = |name| Draft::new(name, vec![token("tests/testdata/keys/rsa2048")], options(Digest::Sha1));
    let signer = certificate("tests/testdata/keys/rsa2048.der");
    let planned = |name| NewList::planned(&draft(name), &signer).unwrap().by_token;
    assert!(planned("CTLFile.tlv") && !planned("ITLFile.tlv"));

    let world = World::new();
    world.place("itl.tlv", "ITLFile.tlv");
    insta::assert_snapshot!(world.run(&["ctl", "ways", "ITLFile.tlv"]).all(), @"
    --- stderr
    error: ITLFile.tlv is an ITL: give the CTL of the cluster
    help: sastctl ctl ways CTLFile.tlv
    --- exit code 2
    ");
}

/// A certificate that was issued again for the same key is another certificate.
#[test]
fn a_certificate_of_the_same_key_is_another_certificate() {
    use openssl::x509::X509;
    let pem = std::fs::read(crate::pki::path(&format!("{PUB}.key.pem"))).unwrap();
    let key = openssl::pkey::PKey::private_key_from_pem(&pem).unwrap();
    let old = X509::from_der(certificate(&format!("{PUB}.der")).der()).unwrap();
    let mut builder = openssl::x509::X509Builder::new().unwrap();
    builder.set_subject_name(old.subject_name()).unwrap();
    builder.set_issuer_name(old.issuer_name()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(old.not_before()).unwrap();
    builder.set_not_after(old.not_after()).unwrap();
    let serial = openssl::bn::BigNum::from_u32(77).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    let renewed = Certificate::from_der(builder.build().to_der().unwrap()).unwrap();
    let record = |certificate: &Certificate, hash_only| {
        let server = ServerRecord {
            function: Function::CCM_TFTP,
            certificate,
            dns_name: "pub",
            ip_address: Some([10, 0, 0, 1].into()),
            style: Style::Cucm,
            hash_only,
        };
        Record::server(&server).unwrap()
    };
    let old = certificate(&format!("{PUB}.der"));
    for (before, after) in [(false, false), (true, false), (false, true)] {
        let said = from_to(&[record(&old, before)], &[record(&renewed, after)]);
        assert_eq!(said.len(), 1, "by hash: {before} {after}");
        assert!(said[0].contains("has another certificate"), "{said:?}");
        assert!(from_to(&[record(&old, before)], &[record(&old, after)]).is_empty());
    }
}
