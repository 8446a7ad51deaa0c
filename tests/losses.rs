//! Losses of phones although the records are still in the list: emptied records, and records that phones no longer find.

use std::slice;

use sastctl::phone::tvs::Ask;
use sastctl::phone::{Decision, Installed, InstalledItl, NewList, PhoneClass, TvsStatus, assess, services};
use sastctl::trustlist::{
    Digest, Draft, Function, ListKind, Record, Signer as _, Style, VerifiedList, record_tag as tag,
};

use crate::findings::{
    A, CAPF, PUB, PUB_NEW, SUB, TVS, ccm, findings, from_to, held, offered, server, signed, with_itl,
};
use crate::pki::{KeyFile, certificate, golden, options};
use crate::support::World;

/// A CCM+TFTP record after non-secure mode emptied it.
fn emptied(record: &Record) -> Record {
    record.only(|t| matches!(t, tag::DNS_NAME | tag::FUNCTION | tag::IP_ADDRESS)).unwrap()
}

/// Non-secure mode empties only CCM+TFTP records: an emptied CAPF record is a loss.
#[test]
fn an_emptied_capf_record_counts_as_missing() {
    let world = World::new();
    let old = golden("token-signed.tlv");
    let records: Vec<Record> = old.list().records()[..4]
        .iter()
        .map(|r| if r.function() == Function::CAPF { emptied(r) } else { r.clone() })
        .collect();
    world.place("token-signed.tlv", "old.tlv");
    std::fs::write(world.path("new.tlv"), signed(ListKind::Ctl, &records, A).list().bytes()).unwrap();
    let check = ["ctl", "check", "new.tlv", "--installed-ctl", "old.tlv", "--phones", "without-tvs"];
    let checked = world.run(&check);
    assert_eq!(checked.code, 1, "{}", checked.all());
    assert!(!checked.stdout.contains("non-secure mode"), "{}", checked.stdout);
    let out =
        "LOCKED OUT: 7940, 7960, Jabber, …: no CAPF record is left: the phone cannot get or renew its own";
    assert!(checked.stdout.contains(out), "{}", checked.stdout);
}

#[test]
fn only_the_emptied_one_of_two_capf_records_is_lost() {
    let capf = server(CAPF, Function::CAPF, "capf", [10, 0, 0, 1], false);
    let other = server(SUB, Function::CAPF, "sub", [10, 0, 0, 2], false);
    assert_eq!(
        from_to(&[capf.clone(), other.clone()], &[emptied(&capf), other]),
        ["loses: Capf: CAPF-e41e7d87 (10.0.0.1) leaves: it can no longer give phones their certificates"]
    );
}

/// Two useless TVS records: an emptied one, and one with the names of a certificate but neither the certificate nor its hash.
fn useless_tvs() -> [Record; 2] {
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true);
    [emptied(&tvs), tvs.only(|t| !matches!(t, tag::CERT_HASH | tag::HASH_ALGORITHM)).unwrap()]
}

#[test]
fn with_an_emptied_tvs_record_phones_cannot_ask_tvs() {
    let (publisher, tvs) = (ccm(PUB, "pub", 1), server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true));
    let old = held(ListKind::Itl, &[publisher.clone(), tvs]);
    for useless in useless_tvs() {
        let nobody = "locked out: Tvs: no TVS record is left: the phone cannot ask about a signer that it does not know";
        let held = InstalledItl::List(&old);
        assert_eq!(findings(None, held, ListKind::Itl, &[publisher.clone(), useless]), [nobody]);
    }
}

#[test]
fn an_itl_whose_tvs_record_is_emptied_has_no_tvs() {
    let list = golden("token-signed.tlv");
    let valid = TvsStatus::Valid { server: "pub".to_owned(), roles: vec![Function::SAST], asked: Ask::Query };
    let decides = |tvs| {
        let itl = held(ListKind::Itl, &[ccm(PUB, "pub", 1), tvs]);
        assess(&with_itl(&itl), true, &NewList::of(&list), &valid)
    };
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true);
    assert!(matches!(decides(tvs).decision, Decision::Accepts(_)));
    for useless in useless_tvs() {
        let verdict = decides(useless);
        assert_eq!(verdict.decision, Decision::Refuses);
        assert!(verdict.says("it").contains("its ITL has no TVS record"), "{}", verdict.says("it"));
    }
}

/// A record with another issuer or serial, but the same certificate.
fn called(record: &Record, tag: u8, value: &[u8]) -> Record {
    record.with(tag, value).unwrap()
}

/// Phones look up a record by issuer, serial and role: with other values they do not find the certificate.
#[test]
fn a_certificate_under_another_serial_or_issuer_is_not_found() {
    let (publisher, sub) = (ccm(PUB, "pub", 1), ccm(SUB, "sub", 2));
    for (element, value) in [(tag::SERIAL_NUMBER, &b"\x55\x55"[..]), (tag::ISSUER_NAME, b"CN=zzz\0")] {
        let lost = called(&publisher, element, value);
        let says = "cucm-1051-a-pub (10.0.0.1) has another issuer or serial, so phones do not find it: \
                    configuration files that it signs are refused, unless TVS knows it";
        assert_eq!(
            from_to(&[publisher.clone(), sub.clone()], &[lost.clone(), sub.clone()]),
            [format!("loses: Tftp: {says}")]
        );
        let nothing = "locked out: Tftp: no CCM+TFTP or TFTP certificate is left: the phone refuses every signed \
                       configuration file";
        assert_eq!(
            from_to(slice::from_ref(&publisher), slice::from_ref(&lost)),
            [nothing.to_owned(), format!("loses: Tftp: {says}")]
        );
        // A wrong record that existed before is not a loss, and neither is its removal or a copy.
        assert!(from_to(slice::from_ref(&lost), &[called(&lost, tag::DNS_NAME, b"x\0")]).is_empty());
        assert!(from_to(slice::from_ref(&lost), slice::from_ref(&publisher)).is_empty());
        let copy = called(&publisher, tag::DNS_NAME, b"10.0.0.1\0");
        assert!(from_to(slice::from_ref(&publisher), &[lost, copy]).is_empty());
    }
    let without_nul = called(&publisher, tag::ISSUER_NAME, publisher.id().unwrap().0);
    assert!(from_to(&[publisher], &[without_nul]).is_empty(), "names are compared without NULs");
}

#[test]
fn a_record_with_a_hash_is_found_by_issuer_and_serial_too() {
    for service in [Function::CCM_TFTP, Function::CAPF] {
        let record = |hash_only| server(CAPF, service, "pub", [10, 0, 0, 1], hash_only);
        let lost = called(&record(true), tag::SERIAL_NUMBER, &[7]);
        for old in [record(true), record(false)] {
            let said = from_to(&[old], slice::from_ref(&lost));
            assert!(
                said[0].starts_with("locked out") && said[1].contains("another issuer or serial"),
                "{said:?}"
            );
        }
        assert!(from_to(slice::from_ref(&lost), &[record(false)]).is_empty(), "now as its certificate says");
    }
}

/// The CTL Client has its own spelling only for Cisco's tokens.
#[test]
fn a_token_is_found_in_either_spelling() {
    let in_style = |stem: &str, style| {
        let record = Record::token(&certificate(&format!("{stem}.der")), style).unwrap();
        called(&record, tag::FUNCTION, &[0, 3])
    };
    let (cucm, client) = (in_style(A, Style::Cucm), in_style(A, Style::CtlClient));
    assert!(from_to(slice::from_ref(&cucm), slice::from_ref(&client)).is_empty());
    assert!(from_to(&[client], &[cucm]).is_empty());
    let (cucm, client) = (in_style(PUB, Style::Cucm), in_style(PUB, Style::CtlClient));
    assert!(from_to(slice::from_ref(&client), slice::from_ref(&cucm)).is_empty());
    let said = from_to(&[cucm], &[client]);
    assert!(said[0].starts_with("locked out: Tftp: no CCM+TFTP"), "{said:?}");
}

/// TVS may have an EC certificate; with a new host name it is still the same certificate.
#[test]
fn the_same_hash_is_the_same_certificate_whatever_its_key() {
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true);
    let ec = called(&tvs, tag::PUBLIC_KEY, &[&[4][..], &[7; 64]].concat());
    let (old, new) =
        ([ccm(PUB, "pub", 1), ec.clone()], [ccm(PUB, "pub", 1), called(&ec, tag::DNS_NAME, b"x\0")]);
    let old = held(ListKind::Itl, &old);
    assert_eq!(findings(None, InstalledItl::List(&old), ListKind::Itl, &new), Vec::<String>::new());
}

/// Two servers with the same name and address: the loss is reported once for all classes of phones.
#[test]
fn identical_losses_are_reported_once() {
    let like = |stem| {
        let record = ccm(stem, "pub", 1);
        called(&record, tag::SUBJECT_NAME, b"CN=pub\0")
    };
    let records = [like(PUB), like(PUB_NEW), ccm(SUB, "sub", 2)];
    let ctl = held(ListKind::Ctl, &records);
    let new = offered(ListKind::Ctl, &records[2..], &ctl);
    let found = services(&Installed { ctl: Some(&ctl), itl: InstalledItl::None }, &new);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].phones, [PhoneClass::SecurityByDefault, PhoneClass::WithoutTvs]);
}

/// If a certificate has another serial now, phones may find another certificate with the old serial.
#[test]
fn a_replaced_certificate_is_reported_before_a_changed_serial() {
    let (publisher, sub) = (ccm(PUB, "pub", 1), ccm(SUB, "sub", 2));
    let lost = called(&publisher, tag::SERIAL_NUMBER, b"\x55\x55");
    let found = from_to(&[publisher, sub.clone()], &[lost, ccm(PUB_NEW, "pub", 1), sub]);
    assert!(matches!(&found[..], [one] if one.contains("has another certificate")), "{found:?}");
}

/// Phones load a list of up to 64 KiB, and lose the records that it does not contain.
#[test]
fn losses_are_computed_only_for_lists_that_phones_load() {
    let capf = server(CAPF, Function::CAPF, "capf", [10, 0, 0, 1], false);
    let filler = |name: usize| Record::emptied_server(Function::TFTP, &"x".repeat(name), None).unwrap();
    let (half, empty) = (filler(30_000), filler(1).bytes().len() - 1);
    let rest = 65_536 - half.bytes().len() - empty;
    for (length, is_asked) in [(rest, true), (rest + 1, false), (rest + 2, false)] {
        let new = [half.clone(), filler(length)];
        let bytes: usize = new.iter().map(|record| record.bytes().len()).sum();
        assert_eq!(bytes <= 65_536, is_asked);
        let found = from_to(slice::from_ref(&capf), &new);
        assert_eq!(!found.is_empty(), is_asked, "{bytes} bytes: {found:?}");
    }
}

/// An ITL as "Prepare Cluster for Rollback to pre 8.0" may leave it: no source shows the file.
fn emptied_itls(world: &World) -> [(&'static str, VerifiedList); 2] {
    let [publisher, tvs] = [ccm(PUB, "", 0), server(TVS, Function::TVS, "", [0; 4], true)];
    let sast = server(PUB, Function::SAST, "", [0; 4], false);
    let by_pub = |name: &str, records: Vec<Record>| {
        let list =
            Draft::new("ITLFile.tlv", records, options(Digest::Sha1)).sign(&mut KeyFile::open(PUB)).unwrap();
        std::fs::write(world.path(name), list.list().bytes()).unwrap();
        list
    };
    by_pub("held.tlv", vec![sast.clone(), publisher.clone(), tvs.clone()]);
    [
        ("gone.tlv", by_pub("gone.tlv", vec![sast.clone()])),
        ("emptied.tlv", by_pub("emptied.tlv", vec![sast, emptied(&publisher), emptied(&tvs)])),
    ]
}

/// The same without records, signed by the server in the old ITL.
fn without_records(world: &World) {
    let (_, list) = &emptied_itls(world)[0];
    let header = list.list().header();
    let (mut bytes, length) = (header.bytes().to_vec(), header.signature.len());
    let at = bytes.windows(length).position(|window| window == &header.signature[..]).unwrap();
    let message = [&bytes[..at - 3], &bytes[at + length..]].concat();
    let signature = KeyFile::open(PUB).sign(Digest::Sha1, &message).unwrap();
    bytes.splice(at..at + length, signature);
    std::fs::write(world.path("bare.tlv"), bytes).unwrap();
}

#[test]
fn an_emptied_itl_is_signed_and_checked_like_any_other() {
    let world = World::new();
    without_records(&world);
    for new in ["gone.tlv", "emptied.tlv", "bare.tlv"] {
        let check = ["ctl", "check", new, "--installed-itl", "held.tlv", "--phones", "security-by-default"];
        let checked = world.run(&check).done();
        assert!(checked.stdout.contains("accept (by ITL)"), "{new}: {}", checked.stdout);
        assert!(
            checked.stdout.contains("accept any list and any configuration file"),
            "{new}: {}",
            checked.stdout
        );
        assert!(checked.stdout.contains("HTTPS phone services"), "{new}: {}", checked.stdout);
        assert!(!checked.stdout.contains("LOCKED OUT"), "{new}: {}", checked.stdout);
        let with_ctl = [&check[..], &["--installed-ctl", "ctl.tlv"]].concat();
        world.place("token-signed.tlv", "ctl.tlv");
        assert!(
            world.run(&with_ctl).stdout.contains("they accept only a CTL that was signed by a SAST in it"),
            "{new}"
        );
    }
    // The signature of another key is invalid, and the file alone does not contain the right key.
    world.place("itl.tlv", "other.tlv");
    let refused = world.run(&["ctl", "check", "bare.tlv", "--installed-itl", "other.tlv"]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(
        refused.stderr.contains("give the earlier ITL of the phones with --installed-itl"),
        "{}",
        refused.stderr
    );
}

#[test]
fn phones_with_an_emptied_itl_accept_any_list_and_a_ctl_is_never_emptied() {
    let world = World::new();
    without_records(&world);
    world.place("token-signed.tlv", "new.tlv");
    world.place("tokenless.tlv", "ctl.tlv");
    for held in ["gone.tlv", "emptied.tlv", "bare.tlv"] {
        let check = ["ctl", "check", "new.tlv", "--installed-itl", held, "--phones", "security-by-default"];
        let checked = world.run(&check).done();
        assert!(checked.stdout.contains("accept (blindly)"), "{held}: {}", checked.stdout);
        let refused = world.run(&[&check[..], &["--installed-ctl", "ctl.tlv"]].concat());
        assert_eq!(refused.code, 1, "{held}: {}", refused.all());
        assert!(refused.stdout.contains("REFUSE"), "{held}: {}", refused.stdout);
        assert!(refused.stdout.contains("but not its CTL"), "{held}: {}", refused.stdout);
    }
}

/// A record with a useless certificate, hash and key counts as missing; and non-secure mode explains only the loss of its own
/// server.
#[test]
fn a_record_is_usable_only_if_it_parses() {
    let publisher = ccm(PUB, "pub", 1);
    let broken = called(&publisher, tag::CERTIFICATE, b"none");
    let nothing = "locked out: Tftp: no CCM+TFTP or TFTP certificate is left: the phone refuses every signed \
                   configuration file";
    assert_eq!(from_to(slice::from_ref(&publisher), slice::from_ref(&broken))[0], nothing);
    let by_key = server(PUB, Function::CCM_TFTP, "pub", [10, 0, 0, 1], true);
    let short = called(&by_key.only(|t| t != tag::PUBLIC_KEY).unwrap(), tag::CERT_HASH, &[7; 19]);
    assert_eq!(from_to(slice::from_ref(&publisher), slice::from_ref(&short))[0], nothing);
    let capf = server(CAPF, Function::CAPF, "capf", [10, 0, 0, 1], true);
    let short = called(&capf, tag::CERT_HASH, &[7; 21]);
    assert!(from_to(&[capf], &[short])[0].starts_with("locked out: Capf"));

    let elsewhere = Record::emptied_server(Function::CCM_TFTP, "else", Some([10, 0, 0, 9].into())).unwrap();
    assert_eq!(from_to(slice::from_ref(&publisher), slice::from_ref(&elsewhere))[0], nothing);
    let tftp = called(&publisher, tag::FUNCTION, &[0, 3]);
    assert_eq!(from_to(slice::from_ref(&tftp), &[emptied(&tftp)])[0], nothing);
    assert_eq!(from_to(slice::from_ref(&tftp), &[emptied(&publisher)])[0], nothing);
    assert!(
        from_to(slice::from_ref(&publisher), &[emptied(&publisher)])[0].starts_with("note: Tftp: non-secure")
    );
}
