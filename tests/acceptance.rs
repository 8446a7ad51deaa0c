//! Phone states × new lists × answers of TVS: which phones accept which list, and the rule of `docs/phones.md` for it.

use sastctl::phone::tvs::Ask;
use sastctl::phone::{
    ClassVerdict, Decision, Installed, InstalledItl, NewList, PhoneClass, TvsStatus, Way, assess,
    assess_classes,
};
use sastctl::trustlist::{Digest, Function, ListKind, Record, ServerRecord, Signer, Style, record_tag};
use sastctl::workflow::{Request, revert};

use crate::findings::held;
use crate::pki::{KeyFile, golden, options, spell};
use crate::support::World;

pub mod lists;

use lists::{A, B, CAPF, Lists, PUB, SUB, cert, list, sast, server};

fn tvs_says(name: &str) -> TvsStatus {
    let server = || "cucm-1051-a-pub".to_owned();
    let valid = |roles| TvsStatus::Valid { server: server(), roles, asked: Ask::Query };
    match name {
        "-" => TvsStatus::NotAsked,
        "uploaded" => TvsStatus::Uploaded,
        "not uploaded" => TvsStatus::NotUploaded,
        "valid" => valid(vec![Function::SAST]),
        "valid, no roles" => valid(vec![]),
        "valid as CCM+TFTP" => valid(vec![Function::CCM_TFTP]),
        "unchecked" => TvsStatus::Unchecked { server: server() },
        "other certificate" => TvsStatus::OtherCertificate { servers: vec![server()] },
        "two others" => {
            let sub = TvsStatus::OtherCertificate { servers: vec!["sub".into()] };
            TvsStatus::together(vec![tvs_says("other certificate"), sub, tvs_says("other certificate")])
        }
        "other and valid" => TvsStatus::together(vec![tvs_says("other certificate"), tvs_says("valid")]),
        "invalid" => TvsStatus::Invalid { server: server() },
        "silent" => TvsStatus::NoAnswer { server: server(), why: "no connection".into() },
        "disagree" => TvsStatus::together(vec![tvs_says("valid"), tvs_says("silent"), tvs_says("invalid")]),
        "one silent" => TvsStatus::together(vec![tvs_says("silent"), tvs_says("valid")]),
        other => panic!("no answer {other}"),
    }
}

/// Installed CTL; installed ITL; whether the phone asks TVS; new list; answer of TVS; verdict; the rule.
#[rustfmt::skip]
const TABLE: &[(&str, &str, bool, &str, &str, &str, &str)] = &[
    // No installed list.
    ("-",           "-",               true,  "tokens",         "-",                 "blind",   "blind: no CTL and no ITL"),
    ("-",           "-",               false, "tokens",         "-",                 "blind",   "blind: no CTL and no ITL"),
    ("-",           "-",               true,  "itl",            "-",                 "blind",   "blind: an ITL as well"),
    ("-",           "-",               true,  "stranger",       "invalid",           "blind",   "blind: whoever signed"),
    ("-",           "emptied",         true,  "tokens",         "-",                 "blind",   "blind: an ITL emptied for a rollback"),
    ("-",           "emptied",         true,  "itl renewed",    "invalid",           "blind",   "blind: an ITL emptied for a rollback"),
    ("tokens",      "emptied",         true,  "tokens",         "-",                 "ctl",     "by CTL: the CTL still knows the signer"),
    ("tokenless",   "emptied",         true,  "tokens",         "valid",             "refuse",  "by CTL: the rollback empties no CTL"),
    ("tokens",      "emptied",         true,  "stranger",       "-",                 "refuse",  "by CTL: the rollback empties no CTL"),
    ("tokens",      "emptied",         true,  "itl",            "-",                 "ctl",     "by CTL: an ITL through the CCM+TFTP record"),
    ("tokenless",   "emptied",         true,  "itl renewed",    "invalid",           "unknown", "open: a CTL, an emptied ITL and the next ITL"),
    ("non-secure",  "emptied",         true,  "itl",            "-",                 "unknown", "open: a CTL, an emptied ITL and the next ITL"),
    // A list without a usable server is an emptied ITL, even if it has other records.
    ("-",           "itl with SAST",   true,  "tokens",         "-",                 "blind",   "blind: an ITL emptied for a rollback"),
    ("-",           "itl of useless",  true,  "tokens",         "-",                 "blind",   "blind: an ITL emptied for a rollback"),
    ("tokens",      "itl with SAST",   true,  "tokenless",      "valid",             "refuse",  "by CTL: the rollback empties no CTL"),
    ("-",           "itl",             true,  "itl with SAST",  "-",                 "itl",     "by either: an emptied ITL is signed like any other"),
    ("-",           "itl renewed",     true,  "itl with SAST",  "invalid",           "refuse",  "by TVS: an emptied ITL is checked like any other"),
    ("-",           "itl renewed",     true,  "itl with SAST",  "valid",             "tvs",     "by TVS: an emptied ITL is checked like any other"),
    // A CTL, no ITL.
    ("tokens",      "-",               false, "tokens",         "-",                 "ctl",     "by CTL: signer is SAST there"),
    ("tokens",      "-",               false, "non-secure",     "-",                 "ctl",     "by CTL: the other token is SAST there too"),
    ("non-secure",  "-",               false, "tokens",         "-",                 "ctl",     "by CTL: non-secure mode keeps the SAST records"),
    ("tokenless",   "-",               false, "tokens",         "-",                 "refuse",  "by CTL: a token is not in a tokenless CTL"),
    ("tokenless",   "-",               false, "tokens",         "valid",             "refuse",  "by TVS: Security by Default alone"),
    ("tokenless",   "-",               true,  "tokens",         "valid",             "refuse",  "by CTL: without an ITL there is no TVS to ask"),
    ("tokens",      "-",               false, "tokenless",      "-",                 "refuse",  "lookup: CallManager is CCM+TFTP there, not SAST"),
    ("recovery",    "-",               false, "tokenless",      "-",                 "ctl",     "SAST records per release: the way back"),
    ("tokenless",   "-",               false, "bridge",         "-",                 "ctl",     "by CTL: the bridge is signed by CallManager"),
    ("bridge",      "-",               false, "tokens",         "-",                 "ctl",     "by CTL: the bridge made the tokens known"),
    ("tokenless",   "-",               false, "regenerated",    "-",                 "refuse",  "lookup: a new certificate has a new serial"),
    ("tokens",      "-",               false, "stranger",       "-",                 "refuse",  "signature: another key under the same issuer and serial"),
    ("twins",       "-",               false, "twins",          "-",                 "ctl",     "signature: a later record has the key"),
    ("twins",       "-",               false, "tokens",         "-",                 "ctl",     "signature: a later record has the key"),
    ("twins",       "-",               false, "stranger",       "-",                 "ctl",     "signature: the first record has the key"),
    ("tokens",      "-",               false, "hsm",            "uploaded",          "refuse",  "by CTL: an HSM that no CTL names yet"),
    ("tokens and hsm", "-",            false, "hsm",            "-",                 "ctl",     "by CTL: in two steps the HSM is known"),
    ("tokens",      "-",               false, "tokens and hsm", "-",                 "ctl",     "by CTL: the first of the two steps"),
    ("tokens",      "-",               false, "too large",      "-",                 "refuse",  "size: over 64 KiB"),
    ("-",           "-",               false, "too large",      "-",                 "refuse",  "size: blindly, but it does not load"),
    ("tokenless",   "-",               true,  "itl",            "-",                 "ctl",     "by CTL: an ITL through the CTL"),
    ("tokens",      "-",               true,  "itl",            "-",                 "ctl",     "by CTL: an ITL through the CCM+TFTP record"),
    ("tokens",      "-",               true,  "itl renewed",    "-",                 "refuse",  "by CTL: the renewed CallManager is not in it"),
    ("non-secure",  "-",               true,  "itl",            "-",                 "refuse",  "lookup: an emptied CCM+TFTP record proves no signer"),
    ("servers",     "-",               true,  "itl by recovery", "-",                "ctl",     "by CTL: ITLRecovery, which is SAST alone (derived)"),
    ("tokens",      "-",               true,  "itl by token",   "-",                 "unknown", "open: an ITL through a token's SAST record"),
    ("tokens",      "emptied",         true,  "itl by token",   "-",                 "unknown", "open: an ITL through a token's SAST record"),
    ("token as CCM", "-",              true,  "itl by token",   "-",                 "ctl",     "by CTL: an ITL through the CCM+TFTP record"),
    ("tokens",      "itl",             true,  "itl by token",   "-",                 "ctl",     "by either: the token is SAST in the CTL"),
    // CTL and ITL.
    ("tokens",      "itl",             true,  "tokens",         "invalid",           "ctl",     "by either: the CTL is asked first"),
    ("tokens",      "itl",             true,  "tokenless",      "-",                 "itl",     "by either: CallManager is SAST in the ITL"),
    ("tokenless",   "itl",             true,  "tokens",         "-",                 "unknown", "by TVS: nobody asked it"),
    ("tokenless",   "itl",             true,  "tokens",         "uploaded",          "tvs",     "by TVS: uploaded as Phone-SAST-trust"),
    ("tokenless",   "itl",             true,  "tokens",         "not uploaded",      "refuse",  "by TVS: others were uploaded"),
    ("tokenless",   "itl",             true,  "tokens",         "valid",             "tvs",     "by TVS: it says so"),
    ("tokenless",   "itl",             true,  "tokens",         "valid, no roles",   "unknown", "open: valid, and no role is named"),
    ("tokenless",   "itl",             true,  "tokens",         "valid as CCM+TFTP", "unknown", "open: valid, but not as SAST"),
    ("tokenless",   "itl",             true,  "tokens",         "invalid",           "refuse",  "by TVS: it does not"),
    ("tokenless",   "itl",             true,  "tokens",         "silent",            "unknown", "by TVS: no answer is no verdict"),
    ("tokenless",   "itl",             true,  "tokens",         "disagree",          "unknown", "by TVS: a phone asks either"),
    ("tokenless",   "itl",             true,  "tokens",         "one silent",        "tvs",     "by TVS: a phone goes on to the next"),
    ("tokenless",   "itl",             false, "tokens",         "valid",             "refuse",  "by TVS: Security by Default alone"),
    ("tokenless",   "itl without tvs", true,  "tokens",         "valid",             "refuse",  "by TVS: reached through the ITL's TVS record"),
    ("tokenless",   "itl",             true,  "stranger",       "uploaded",          "refuse",  "TVS: found by the spelling of Cisco's tokens alone"),
    ("tokens",      "itl",             true,  "stranger",       "valid",             "refuse",  "signature: the CTL names the key"),
    ("stranger as hsm", "itl",         true,  "hsm",            "valid",             "refuse",  "signature: the CTL names the key"),
    ("tokenless",   "itl",             true,  "hsm",            "uploaded",          "tvs",     "TVS: keyed by CUCM's spelling"),
    ("tokenless",   "itl",             true,  "hsm reversed",   "uploaded",          "refuse",  "TVS: only Cisco's own tokens are known reversed"),
    ("tokenless",   "itl",             true,  "hsm reversed",   "valid",             "tvs",     "by TVS: it was asked as the list spells it"),
    ("tokenless",   "itl",             true,  "itl renewed",    "valid as CCM+TFTP", "tvs",     "by TVS: CCM+TFTP is enough for an ITL"),
    ("tokenless",   "itl",             true,  "itl renewed",    "invalid",           "refuse",  "by either, by TVS: nobody knows it"),
    ("regenerated", "itl",             true,  "itl renewed",    "-",                 "ctl",     "by either: the CTL follows the certificate"),
    ("tokens",      "itl",             true,  "itl other",      "-",                 "unknown", "by TVS: another cluster's ITL"),
    ("stranger as hsm", "itl with hsm", true, "hsm",            "invalid",           "itl",     "signature: the ITL has the right key"),
    ("stranger as hsm", "?",           true,  "hsm",            "valid",             "refuse",  "signature: tokens are in no ITL"),
    ("-",           "itl of sub",      true,  "itl by ccm",     "invalid",           "itl",     "by either: the signer of an ITL is CCM+TFTP in the ITL held"),
    ("-",           "itl of sub",      true,  "tokenless",      "invalid",           "refuse",  "by either: CCM+TFTP signs no CTL"),
    // CallManager and TVS renewed together, and a list of another cluster: which TVS the phone can still ask.
    ("-",           "itl",             true,  "both renewed",   "-",                 "refuse",  "TVS renewed: it can authenticate neither"),
    ("-",           "itl",             true,  "both renewed",   "uploaded",          "refuse",  "TVS renewed: it can authenticate neither"),
    ("-",           "itl",             true,  "both renewed",   "silent",            "refuse",  "TVS renewed: it can authenticate neither"),
    ("-",           "itl",             true,  "both renewed",   "other certificate", "refuse",  "TVS renewed: it can authenticate neither"),
    ("-",           "itl",             true,  "both renewed",   "valid",             "tvs",     "by TVS: one that still shows its old certificate"),
    ("regenerated", "itl",             true,  "both renewed",   "-",                 "ctl",     "by CTL: the new CallManager is there"),
    ("-",           "itl of two",      true,  "one renewed",    "-",                 "unknown", "by TVS: the other server's is still there"),
    ("-",           "itl of two",      true,  "one renewed",    "valid",             "tvs",     "by TVS: the other server's is still there"),
    ("tokenless",   "itl",             true,  "tokens",         "other certificate", "refuse",  "TVS renewed: its only TVS shows another certificate"),
    ("tokenless",   "itl of two",      true,  "tokens",         "other certificate", "unknown", "by TVS: another one may be reached"),
    ("tokenless",   "itl of two",      true,  "tokens",         "two others",        "refuse",  "TVS renewed: all of them show other certificates"),
    ("tokenless",   "itl of two",      true,  "tokens",         "other and valid",   "tvs",     "by TVS: a phone goes on to the next"),
    ("tokenless",   "?",               true,  "tokens",         "unchecked",         "unknown", "by TVS: one that nobody authenticated proves nothing"),
    // Only an ITL: a cluster that changes to mixed mode.
    ("-",           "itl",             true,  "tokenless",      "-",                 "itl",     "by either: CallManager is SAST in the ITL"),
    ("-",           "itl",             true,  "tokens",         "uploaded",          "tvs",     "by TVS: a first CTL on tokens"),
    ("-",           "itl",             true,  "tokens",         "invalid",           "refuse",  "by TVS: a first CTL on tokens"),
    // An ITL that was not given.
    ("tokenless",   "?",               true,  "tokens",         "-",                 "unknown", "by TVS: nobody asked it"),
    ("tokenless",   "?",               true,  "tokens",         "uploaded",          "tvs",     "by TVS: every ITL names one"),
    ("tokenless",   "?",               true,  "tokens",         "invalid",           "refuse",  "by TVS: tokens are in no ITL"),
    ("tokens",      "?",               true,  "tokenless",      "invalid",           "unknown", "by either: CallManager may be in the ITL"),
    ("tokens",      "?",               true,  "itl other",      "not uploaded",      "unknown", "by either: an ITL's own signer may be in it"),
    ("tokens",      "?",               true,  "itl renewed",    "invalid",           "unknown", "by either: an ITL's own signer may be in it"),
];

/// A key that cannot be compared may be the right one, wherever it is among other keys.
#[test]
fn records_without_a_readable_key_give_no_verdict() {
    let lists = Lists::new();
    let new = NewList::of(lists.get("tokens"));
    let other = lists.get("twins").list().records()[0].clone();
    let bare = sast(A, Style::CtlClient).with(record_tag::CERTIFICATE, b"none").unwrap();
    for (records, decision, says) in [
        (vec![bare.clone()], Decision::NotKnown, "(record 1), but without a key"),
        (vec![bare.clone(), other.clone()], Decision::NotKnown, "(record 1), but without a key"),
        (vec![other.clone(), bare.clone()], Decision::NotKnown, "(record 2), but without a key"),
        (vec![bare.clone(), bare], Decision::NotKnown, "(record 1), but without a key"),
        (vec![other.clone(), other], Decision::Refuses, "record 1"),
    ] {
        let ctl = held(ListKind::Ctl, &records);
        let verdict = assess(
            &Installed { ctl: Some(&ctl), itl: InstalledItl::None },
            false,
            &new,
            &TvsStatus::NotAsked,
        );
        assert_eq!(verdict.decision, decision, "{says}: {:?}", verdict.reasons);
        let told: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|reason| reason.contains(says)), "{says}: {told:?}");
    }
}

#[test]
fn every_row_of_the_table_gets_its_verdict() {
    let lists = Lists::new();
    assert!(TABLE.len() >= 40);
    for (row, (ctl, itl, asks_tvs, new, tvs, expected, rule)) in TABLE.iter().enumerate() {
        let view = |name| lists.get(name);
        let held = Installed {
            ctl: (*ctl != "-").then(|| view(ctl)),
            itl: match *itl {
                "-" => InstalledItl::None,
                "?" => InstalledItl::Unknown,
                "emptied" => InstalledItl::Emptied,
                name => InstalledItl::List(view(name)),
            },
        };
        let verdict = assess(&held, *asks_tvs, &NewList::of(lists.get(new)), &tvs_says(tvs));
        let expected = match *expected {
            "blind" => Decision::Accepts(Way::Blind),
            "ctl" => Decision::Accepts(Way::Ctl),
            "itl" => Decision::Accepts(Way::Itl),
            "tvs" => Decision::Accepts(Way::Tvs),
            "refuse" => Decision::Refuses,
            "unknown" => Decision::NotKnown,
            other => panic!("{other}"),
        };
        let told: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        assert_eq!(verdict.decision, expected, "row {row}: {ctl} {itl} {new} {tvs} ({rule})\n{told:#?}");
        assert!(!told.is_empty(), "row {row}: a verdict has a reason");
    }
}

/// Every rule in the table is a rule in the document.
#[test]
fn every_rule_is_written_down() {
    let document = String::from_utf8(crate::pki::read("docs/phones.md")).unwrap();
    for (.., rule) in TABLE {
        for name in rule.split(": ").next().unwrap().split(", ") {
            let known = document.contains(&format!("\n| {name} |"))
                || document.contains(&format!("\n## {name}"))
                || (name == "open" && document.contains("\nOpen: "));
            assert!(known, "docs/phones.md has no rule {name:?}");
        }
    }
}

#[test]
fn reasons_come_in_the_order_in_which_the_phone_looks() {
    let lists = Lists::new();
    let installed =
        Installed { ctl: Some(lists.get("tokenless")), itl: InstalledItl::List(lists.get("itl")) };
    let verdicts = assess_classes(&installed, &NewList::of(lists.get("tokens")), &tvs_says("valid"));
    let told: Vec<String> = verdicts
        .iter()
        .map(|ClassVerdict { class, verdict }| {
            let reasons: Vec<_> = verdict.reasons.iter().map(|r| format!("  {r}\n")).collect();
            format!("{}: {:?}\n{}", class.label(), verdict.decision, reasons.concat())
        })
        .collect();
    insta::assert_snapshot!(told.concat());
    let verdicts = assess_classes(&installed, &NewList::of(lists.get("itl renewed")), &tvs_says("valid"));
    let without = verdicts.iter().find(|v| v.class == PhoneClass::WithoutTvs).unwrap();
    assert_eq!(without.verdict.decision, Decision::DoesNotApply);
}

/// A plan gets the same verdict as the file that is made from it.
#[test]
fn a_planned_list_gets_the_verdict_of_the_signed_one() {
    let lists = Lists::new();
    let old = golden("tokenless.tlv");
    let mut signer = KeyFile::open(A);
    let certificate = signer.certificate().clone();
    let request = Request {
        signer: &certificate,
        options: options(Digest::Sha1),
        name_style: None,
        now: 0,
        force: false,
        spell,
    };
    let plan = revert(&old, &request, &[cert(B)], None, false, &[]).unwrap();
    let draft = plan.draft().clone();
    let planned = NewList::planned(&draft, &certificate).unwrap();
    let signed = draft.clone().sign(&mut signer).unwrap();
    for held in ["tokenless", "tokens", "bridge"] {
        let installed = Installed { ctl: Some(lists.get(held)), itl: InstalledItl::Unknown };
        for said in ["-", "valid", "invalid"] {
            assert_eq!(
                assess_classes(&installed, &planned, &tvs_says(said)),
                assess_classes(&installed, &NewList::of(&signed), &tvs_says(said)),
                "{held} {said}"
            );
        }
    }
}

/// 7940, 7960, Jabber and many TelePresence have only a CTL: an ITL does not replace a record that was removed from the CTL.
#[test]
fn phones_with_only_a_ctl_do_not_use_an_itl() {
    let world = World::new();
    world.place("token-signed.tlv", "old.tlv");
    let only_tokens = list(ListKind::Ctl, [B, A].map(|token| sast(token, Style::CtlClient)).into(), A);
    std::fs::write(world.path("new.tlv"), only_tokens.list().bytes()).unwrap();
    let sub = Record::server(&ServerRecord {
        function: Function::CCM_TFTP,
        certificate: &cert(SUB),
        dns_name: "cucm-1051-a-sub1",
        ip_address: None,
        style: Style::Cucm,
        hash_only: false,
    });
    let mut records: Vec<_> = [(PUB, Function::SAST), (PUB, Function::CCM_TFTP), (CAPF, Function::CAPF)]
        .map(|(stem, function)| server(stem, function, false))
        .into();
    records.extend(sub);
    std::fs::write(world.path("itl.tlv"), list(ListKind::Itl, records, PUB).list().bytes()).unwrap();
    let check = |args: &[&str]| {
        world.run(&[&["ctl", "check", "new.tlv", "--installed-ctl", "old.tlv"], args].concat())
    };
    insta::assert_snapshot!(check(&["--phones", "without-tvs"]).all(), @"
    new.tlv   CTL of 2676 bytes, signed by SAST-ADN008580ef
    7940, 7960, Jabber, …    accept (by CTL)
        its CTL contains SAST-ADN008580ef as SAST (record 5)
    After phones have accepted it
        LOCKED OUT: 7940, 7960, Jabber, …: no CCM+TFTP or TFTP certificate is left: the phone refuses every signed configuration file
        LOCKED OUT: 7940, 7960, Jabber, …: no CAPF record is left: the phone cannot get or renew its own certificate
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    --- stderr
    error: phones accept new.tlv, but it locks them out
      7940, 7960, Jabber, …: no CCM+TFTP or TFTP certificate is left: the phone refuses every signed configuration file
      7940, 7960, Jabber, …: no CAPF record is left: the phone cannot get or renew its own certificate
    help: before phones get the list, add the record again: sastctl ctl update --add-server
    help: --phones CLASS,… limits the check to the phones that you have
    --- exit code 1
    ");
    insta::assert_snapshot!(check(&["--installed-itl", "itl.tlv"]).all(), @"
    new.tlv   CTL of 2676 bytes, signed by SAST-ADN008580ef
    7945, 7965 and newer     accept (by CTL)
        its CTL contains SAST-ADN008580ef as SAST (record 5)
    7940, 7960, Jabber, …    accept (by CTL)
        its CTL contains SAST-ADN008580ef as SAST (record 5)
    no list yet              accept (blindly)
        it has no CTL and no ITL: it accepts the first list blindly
    After phones have accepted it
        LOCKED OUT: 7940, 7960, Jabber, …: no CCM+TFTP or TFTP certificate is left: the phone refuses every signed configuration file
        LOCKED OUT: 7940, 7960, Jabber, …: no CAPF record is left: the phone cannot get or renew its own certificate
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    --- stderr
    error: phones accept new.tlv, but it locks them out
      7940, 7960, Jabber, …: no CCM+TFTP or TFTP certificate is left: the phone refuses every signed configuration file
      7940, 7960, Jabber, …: no CAPF record is left: the phone cannot get or renew its own certificate
    help: before phones get the list, add the record again: sastctl ctl update --add-server
    help: --phones CLASS,… limits the check to the phones that you have
    --- exit code 1
    ");
    let others = check(&["--installed-itl", "itl.tlv", "--phones", "security-by-default"]).done();
    assert!(!others.stdout.contains("is left"), "{}", others.stdout);
    let json = check(&["--json"]).json();
    let found =
        |at: usize| (json["findings"][at]["severity"].clone(), json["findings"][at]["phones"].clone());
    assert_eq!(found(0), ("loses".into(), serde_json::json!(["security-by-default"])));
    assert_eq!(found(1), ("locked-out".into(), serde_json::json!(["without-tvs"])));
}
