//! What phones lose by a list whose records are still there: emptied ones, and ones that no phone finds any more.

use sastctl::phone::{Decision, HeldItl, ListView, NewList, Vouch, assess};
use sastctl::trustlist::{Function, ListKind, Record, record_tag as tag};

use crate::findings::{A, CAPF, PUB, SUB, TVS, asks_tvs, ccm, findings, from_to, server, signed};
use crate::pki::golden;
use crate::support::World;

/// What non-secure mode leaves of a CCM+TFTP record.
fn emptied(record: &Record) -> Record {
    record.only(|t| matches!(t, tag::DNS_NAME | tag::FUNCTION | tag::IP_ADDRESS)).unwrap()
}

/// Non-secure mode empties CCM+TFTP records alone: a phone that finds no CAPF has lost it.
#[test]
fn an_emptied_capf_record_locks_phones_out_like_none() {
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
fn of_two_capf_records_the_emptied_one_leaves() {
    let capf = server(CAPF, Function::CAPF, "capf", [10, 0, 0, 1], false);
    let other = server(SUB, Function::CAPF, "sub", [10, 0, 0, 2], false);
    assert_eq!(
        from_to(&[capf.clone(), other.clone()], &[emptied(&capf), other]),
        ["loses: Capf: CAPF-e41e7d87 (10.0.0.1) leaves: it can no longer give phones their certificates"]
    );
}

/// Neither a record that is emptied nor one that names a certificate and has none of it.
fn useless_tvs() -> [Record; 2] {
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true);
    [emptied(&tvs), tvs.only(|t| !matches!(t, tag::CERT_HASH | tag::HASH_ALGORITHM)).unwrap()]
}

#[test]
fn an_emptied_tvs_record_leaves_nobody_to_ask() {
    let (publisher, tvs) = (ccm(PUB, "pub", 1), server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true));
    let old = [publisher.clone(), tvs];
    for useless in useless_tvs() {
        let held = HeldItl::List(ListView { kind: ListKind::Itl, records: &old });
        let nobody = "locked out: Tvs: no TVS record is left: the phone can ask nobody about a signer that it does not know";
        assert_eq!(findings(None, held, ListKind::Itl, &[publisher.clone(), useless]), [nobody]);
    }
}

#[test]
fn an_itl_whose_tvs_record_is_emptied_has_no_tvs() {
    let list = golden("token-signed.tlv");
    let valid = Vouch::Valid { server: "pub".to_owned(), roles: vec![], ttl: None };
    let decides = |tvs| assess(&asks_tvs(&[ccm(PUB, "pub", 1), tvs]), &NewList::of(&list), &valid);
    let tvs = server(TVS, Function::TVS, "pub", [10, 0, 0, 1], true);
    assert!(matches!(decides(tvs).decision, Decision::Accepts(_)));
    for useless in useless_tvs() {
        let verdict = decides(useless);
        assert_eq!(verdict.decision, Decision::Refuses);
        assert!(verdict.says("it").contains("its ITL has no TVS record"), "{}", verdict.says("it"));
    }
}
