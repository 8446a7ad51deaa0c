//! Cautions about a new list: dates, keys, the number of SAST records, sizes.

use sastctl::phone::{NewList, list_warnings};
use sastctl::trustlist::{Digest, Function, ListKind, PHONE_LIMIT_BYTES, Record};

use crate::findings::*;
use crate::pki::{certificate, golden};

/// After 2012-05-17 and before 2022-05-17, between which the tokens' certificates are valid.
const VALID: i64 = 1_500_000_000;

fn said(new: &NewList<'_>, now: i64) -> Vec<String> {
    list_warnings(new, Digest::Sha1, now)
}

#[test]
fn dates_are_reported_from_the_first_second_on() {
    let list = golden("token-signed.tlv");
    let new = NewList::of(&list);
    let signer = certificate(&format!("{A}.der"));
    let about_dates = |now| {
        let mut said = said(&new, now);
        said.retain(|line| !line.contains(" is the key of "));
        assert_eq!(
            said.pop().unwrap(),
            "the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits"
        );
        said.retain(|line| !line.starts_with("expired: "));
        said.pop()
    };
    assert_eq!(about_dates(signer.not_before), None);
    assert_eq!(about_dates(signer.not_after), None);
    let early = about_dates(signer.not_before - 1).unwrap();
    assert_eq!(early, "the certificate of SAST-ADN008580ef is not valid before 2012-05-17");
    let late = about_dates(signer.not_after + 1).unwrap();
    assert_eq!(
        late,
        "the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look \
         at its date"
    );
}

/// Cisco's guide to certificates tells the effect for each function, except for SAST tokens.
#[test]
fn an_expired_certificate_is_reported_with_its_consequence() {
    let list = golden("token-signed.tlv");
    let end = certificate(&format!("{PUB}.der")).not_after;
    let told = |now| said(&NewList::of(&list), now).into_iter().filter(|line| line.starts_with("expired: "));
    assert_eq!(told(end - 86_400).count(), 0);
    let told: Vec<String> = told(end + 86_400).collect();
    let callmanager = "expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and \
                       authenticated phones do not register";
    assert!(told[0].starts_with(callmanager), "{told:?}");
    assert!(
        told[1].starts_with("expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs"),
        "{told:?}"
    );
    assert_eq!(told.len(), 2);
    let tokenless = golden("tokenless.tlv");
    let signer = &said(&NewList::of(&tokenless), end + 1)[0];
    assert!(
        signer.contains("expired on 2019-06-04: encrypted and authenticated phones do not register"),
        "{signer}"
    );
}

#[test]
fn keys_that_phones_may_refuse_are_reported() {
    for (stem, says) in [
        ("rsa1024", Some("RSA 1024: phones in FIPS mode")),
        ("rsa2048", None),
        ("rsa4096", Some("RSA 4096: older phones")),
    ] {
        let stem = format!("tests/testdata/keys/{stem}");
        let list = signed(ListKind::Ctl, &[token(A)], &stem);
        let said = said(&NewList::of(&list), VALID.max(certificate(&format!("{stem}.der")).not_before));
        let about = said.iter().find(|line| line.contains("the signer's key"));
        match says {
            None => assert_eq!(about, None),
            Some(says) => assert!(about.is_some_and(|line| line.contains(says)), "{said:?}"),
        }
    }
}

/// Phones may also refuse keys of servers: too short in FIPS mode, too long in mixed mode.
#[test]
fn keys_of_servers_that_phones_may_refuse_are_reported() {
    let keys = |stem: &str| format!("tests/testdata/keys/{stem}");
    let of = |stem: &str, function, last| server(&keys(stem), function, "", [10, 0, 0, last], false);
    let servers = [
        ccm(PUB, "pub", 1),
        server(PUB, Function::TFTP, "pub", [10, 0, 0, 1], false),
        of("rsa2048", Function::CCM_TFTP, 2),
        of("rsa4096", Function::CAPF, 3),
        of("ec256", Function::CCM_TFTP, 4),
    ];
    let list = signed(ListKind::Ctl, &servers, A);
    let told: Vec<_> =
        said(&NewList::of(&list), VALID).into_iter().filter(|l| l.contains(" is the key of ")).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    RSA 1024 is the key of cucm-1051-a-pub: phones in FIPS mode refuse keys below 2048 bits
    RSA 4096 is the key of SAST-RSA4096: some phones refuse the keys of authorities of 4096 bits and more in mixed mode
    ");
    // The signer's certificate has a separate line.
    let alone = said(&NewList::of(&signed(ListKind::Ctl, &[], A)), VALID);
    assert!(!alone.iter().any(|line| line.contains(" is the key of ")), "{alone:?}");
}

#[test]
fn one_sast_and_more_than_two_cause_a_warning_in_a_ctl() {
    let others = [token(B), token("tests/testdata/keys/rsa1024")];
    for (count, says) in [(0, Some("there is only one SAST record")), (1, None), (2, Some("3 SAST records"))]
    {
        for kind in [ListKind::Ctl, ListKind::Itl] {
            let list = signed(kind, &others[..count], A);
            let said = said(&NewList::of(&list), VALID);
            let about = said.iter().find(|line| line.contains("SAST record"));
            match says.filter(|_| kind == ListKind::Ctl) {
                None => assert_eq!(about, None),
                Some(says) => assert!(about.is_some_and(|line| line.starts_with(says)), "{said:?}"),
            }
        }
    }
}

#[test]
fn sizes_are_reported_before_phones_refuse_them() {
    let list = golden("token-signed.tlv");
    let about = |bytes, records: &[Record]| {
        let new = NewList { bytes, records, key: None, certificate: None, ..NewList::of(&list) };
        let said = said(&new, VALID);
        said.into_iter().find(|line| line.starts_with("the list has"))
    };
    let two = [token(A), token(B)];
    assert_eq!(PHONE_LIMIT_BYTES, 65_536);
    for (bytes, says) in [
        (58_977, None),
        (58_978, Some("the list has 58978 bytes, near the 65536 (64 KiB) that phones load")),
        (65_536, Some("the list has 65536 bytes, near the 65536 (64 KiB) that phones load")),
        (65_537, Some("the list has 65537 bytes; phones do not load one over 65536 (64 KiB)")),
    ] {
        assert_eq!(about(bytes, &two).as_deref(), says);
    }
    let servers = |n: usize| vec![ccm(PUB, "pub", 1); n];
    assert_eq!(about(40_000, &servers(39)), None);
    let many = "the list has 40 certificates in 40000 bytes; Cisco names 39 as what phones load";
    assert_eq!(about(40_000, &servers(40)).as_deref(), Some(many));
    let large = "the list has 70000 bytes; phones do not load one over 65536 (64 KiB)";
    assert_eq!(about(70_000, &servers(40)).as_deref(), Some(large), "what stops them comes first");
    let emptied = Record::emptied_server(Function::CCM_TFTP, "pub", None).unwrap();
    assert_eq!(about(40_000, &vec![emptied; 60]), None, "a record without a certificate is not one");
}
