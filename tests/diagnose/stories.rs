//! `sastctl diagnose` against a cluster that does not exist, with TFTP, TVS and phones' pages on loopback.

use sastctl::trustlist::{Digest, Function, ListKind, SgnDraft, Style};

use super::{A, PUB_NEW, TVS, list, sast, server};
use crate::cluster::started;
use crate::pki::{self, KeyFile};
use crate::support::cluster::{Cluster, Ssh, TVS_PORT};
use crate::support::phones::{
    Behaviour, HTTP, HTTPS, MESSAGES, SERVICEABILITY, md5_pairs, messages, network_of, phone,
};
use crate::support::{Outcome, World};

const PHONE: &str = "SEP001122334455";

/// A phone that shows these lists, and this newest message.
fn shows(ctl: Option<&[u8]>, itl: &[u8], message: &str) -> Behaviour {
    let (ctl, itl) = (ctl.map_or("Not Installed".to_owned(), md5_pairs), md5_pairs(itl));
    Behaviour::Pages(vec![(SERVICEABILITY, network_of(&ctl, &itl)), (MESSAGES, messages(&[message]))])
}

/// The cluster knows the phone by this address.
fn register(cluster: &Cluster, address: &str, model: &str) {
    let row = format!("{PHONE};Desk;{address};{model};reg;1\n");
    std::fs::write(cluster.nodes[0].folder.join("phones"), row).unwrap();
}

fn diagnose(world: &World, cluster: &Cluster, more: &[&str]) -> Outcome {
    let tvs = TVS_PORT.to_string();
    let (http, https) = (HTTP.to_string(), HTTPS.to_string());
    let node = cluster.publisher();
    let options = [cluster.options(), Cluster::ports()].concat();
    let mut command = vec!["diagnose", "--phone", PHONE, "--node", &node, "--tvs-port", &tvs];
    command.extend(["--phone-http-port", &http, "--phone-https-port", &https]);
    command.extend(options.iter().map(String::as_str));
    command.extend(more);
    world.run(&command)
}

/// The verdict and its rule; the exit code fits the verdict.
fn verdict(world: &World, cluster: &Cluster, more: &[&str]) -> (String, String) {
    let outcome = diagnose(world, cluster, &[more, &["--json"]].concat());
    let json = outcome.json();
    let is_good = json["verdict"] == "nothing-wrong";
    assert_eq!(outcome.code, i32::from(!is_good), "{}", outcome.all());
    let of = |name: &str| json[name].as_str().unwrap().to_owned();
    (of("verdict"), of("rule"))
}

fn expect(got: (String, String), verdict: &str, rule: &str) {
    assert_eq!((got.0.as_str(), got.1.as_str()), (verdict, rule));
}

fn says<'a>(json: &'a serde_json::Value, question: &str) -> &'a str {
    let facts = json["facts"].as_array().unwrap();
    facts.iter().find(|fact| fact["question"] == question).unwrap()["says"].as_str().unwrap()
}

#[test]
fn each_cause_gets_its_verdict() {
    let Some((world, cluster)) = started(1, Ssh::Today) else { return };
    let node = &cluster.nodes[0];
    let tokenless = pki::golden_bytes("tokenless.tlv");
    let tokens = pki::golden_bytes("token-signed.tlv");
    // The ITL of this cluster, as CUCM makes it.
    cluster.give_own_itls();
    let itl = std::fs::read(node.folder.join("served/ITLFile.tlv")).unwrap();
    for (name, bytes) in [("old-ctl.tlv", &tokenless), ("old-itl.tlv", &itl)] {
        std::fs::write(world.path(name), bytes).unwrap();
    }
    let config = |stem: &str| {
        let draft = SgnDraft::new(
            format!("{PHONE}.cnf.xml.sgn"),
            "<device/>",
            pki::options(Digest::Sha1),
            Style::Cucm,
        );
        let signed = draft.sign(&mut KeyFile::open(stem)).unwrap();
        node.put(&format!("{PHONE}.cnf.xml.sgn"), signed.bytes());
    };

    // In order: the phone has what the node serves, and the publisher signs its configuration file.
    config("tests/testdata/pki/cucm-1051-a-pub");
    register(&cluster, &phone(shows(Some(&tokenless), &itl, "")), "Cisco 8851");
    let good = diagnose(&world, &cluster, &["--json"]);
    assert_eq!(good.code, 0, "{}", good.all());
    let json = good.json();
    assert_eq!(
        (json["verdict"].as_str().unwrap(), json["rule"].as_str().unwrap()),
        ("nothing-wrong", "same")
    );
    let unknown: Vec<_> =
        json["facts"].as_array().unwrap().iter().filter(|fact| fact["known"] == false).collect();
    let newest = |fact: &&&serde_json::Value| fact["question"] != "its newest message";
    assert_eq!(unknown.iter().filter(newest).count(), 0, "every question was answered: {unknown:?}");
    assert_eq!(says(&json, "configuration file"), "signed by cucm-1051-a-pub, in a list of the node");
    assert_eq!(says(&json, "rollback to pre 8.0"), "False");
    assert!(says(&json, "TVS about the CTL").starts_with("query: TVS on"), "{json:#}");
    assert_eq!(json["phone"]["model"], "Cisco 8851");

    // The configuration file is signed by a key that nobody knows.
    config(PUB_NEW);
    expect(verdict(&world, &cluster, &[]), "restart-tftp", "config");
    node.remove(&format!("{PHONE}.cnf.xml.sgn"));

    // A file with the phone's own name comes first.
    node.put(&format!("ITL{PHONE}.tlv"), b"no list");
    expect(verdict(&world, &cluster, &[]), "sign-again", "not-verified");
    node.remove(&format!("ITL{PHONE}.tlv"));

    // The rollback parameter was set, and the services were not restarted.
    std::fs::write(node.folder.join("rollback"), "T").unwrap();
    expect(verdict(&world, &cluster, &[]), "restart-tftp", "rollback");
    std::fs::remove_file(node.folder.join("rollback")).unwrap();

    // A service is stopped.
    let services = std::fs::read_to_string(node.folder.join("services")).unwrap();
    let stopped =
        |service: &str| services.replace(&format!("{service}[STARTED]"), &format!("{service}[STOPPED]"));
    std::fs::write(node.folder.join("services"), stopped("Cisco Trust Verification Service")).unwrap();
    expect(verdict(&world, &cluster, &[]), "restart-tvs", "tvs-down");
    std::fs::write(node.folder.join("services"), stopped("Cisco Tftp")).unwrap();
    expect(verdict(&world, &cluster, &[]), "restart-tftp", "tftp-down");
    std::fs::write(node.folder.join("services"), &services).unwrap();

    // A new CTL is on the disk, and another one is served.
    std::fs::write(node.folder.join("tftp/CTLFile.tlv"), &tokens).unwrap();
    expect(verdict(&world, &cluster, &[]), "restart-tftp", "not-served");

    // Tokens sign the next CTL, and phones hold the tokenless one: TVS must know the token before they get it.
    node.put("CTLFile.tlv", &tokenless);
    std::fs::write(world.path("new.tlv"), &tokens).unwrap();
    expect(verdict(&world, &cluster, &["--ctl", "new.tlv"]), "cannot-be-known", "not-known");
    let with_old = ["--ctl", "new.tlv", "--held", "old-ctl.tlv", "--held", "old-itl.tlv"];
    expect(verdict(&world, &cluster, &with_old), "upload-signer", "upload");
    std::fs::create_dir(node.folder.join("trust")).unwrap();
    std::fs::copy(pki::path(&format!("{A}.der")), node.folder.join("trust/SAST-ADN008580ef.der")).unwrap();
    expect(verdict(&world, &cluster, &with_old), "fetch-again", "accepts");
    std::fs::remove_dir_all(node.folder.join("trust")).unwrap();

    // A 7940 asks no TVS. Its web access is off: the checksum is typed.
    register(&cluster, &phone(Behaviour::Closed), "Cisco 7940");
    let typed = md5_pairs(&tokenless);
    let refuses = [&with_old[..], &["--checksum", &typed]].concat();
    expect(verdict(&world, &cluster, &refuses), "sign-again", "known-signer");

    // It refused, and nobody has the list that it holds.
    node.put("CTLFile.tlv", &tokens);
    let log = "Trust List update failed\n";
    std::fs::write(world.path("console.log"), log).unwrap();
    let closed = ["--console-log", "console.log", "--checksum", "00000000000000000000000000000000"];
    let text = diagnose(&world, &cluster, &closed);
    assert_eq!(text.code, 1);
    for words in [
        "SEP001122334455: delete the lists on the phone",
        "Keys of Cisco 7940: Settings > Security Configuration > CTL file, **#, Erase",
        "trust list update failed",
    ] {
        assert!(text.stdout.contains(words), "{words}: {}", text.all());
    }
}

/// CallManager and TVS were renewed together on a single node without a CTL: the worst outage that 116232 describes.
#[test]
fn a_deletion_is_advised_when_nothing_else_reaches_the_phone() {
    let Some((world, cluster)) = started(1, Ssh::Today) else { return };
    let node = &cluster.nodes[0];
    cluster.give_own_itls();
    let old = std::fs::read(node.folder.join("served/ITLFile.tlv")).unwrap();
    std::fs::write(world.path("old.tlv"), &old).unwrap();
    std::fs::write(node.folder.join("mode"), "0").unwrap();
    node.remove("CTLFile.tlv");
    let new = "tests/testdata/keys/rsa2048";
    for ending in ["der", "key.pem"] {
        std::fs::copy(pki::path(&format!("{new}.{ending}")), node.folder.join(format!("tvs.{ending}")))
            .unwrap();
    }
    let renewed = |tvs: &str| {
        let records = [
            server(PUB_NEW, Function::SAST, false),
            server(PUB_NEW, Function::CCM_TFTP, false),
            server(tvs, Function::TVS, true),
        ];
        list(ListKind::Itl, records.into(), PUB_NEW)
    };
    node.put("ITLFile.tlv", renewed(new).list().bytes());
    std::fs::copy(pki::path(&format!("{PUB_NEW}.der")), node.folder.join("callmanager.der")).unwrap();
    register(
        &cluster,
        &phone(shows(None, &old, "11:39:03am 10/09/18 Trust List update failed")),
        "Cisco 7965",
    );
    let held = ["--held", "old.tlv"];
    let text = diagnose(&world, &cluster, &held);
    for words in [
        "delete the lists on the phone",
        "Keys of Cisco 7965: Settings 4 5 2 S4 S2 **# S4 S2",
        "if a backup has",
    ] {
        assert!(text.stdout.contains(words), "{words}: {}", text.all());
    }
    expect(verdict(&world, &cluster, &held), "delete-list", "both-renewed");
    // Nobody asked TVS: it may still show the certificate that the phone knows.
    expect(verdict(&world, &cluster, &["--held", "old.tlv", "--no-tvs"]), "cannot-be-known", "open");
    // CallManager alone was renewed: TVS vouches for it.
    for ending in ["der", "key.pem"] {
        std::fs::copy(pki::path(&format!("{TVS}.{ending}")), node.folder.join(format!("tvs.{ending}")))
            .unwrap();
    }
    node.put("ITLFile.tlv", renewed(TVS).list().bytes());
    expect(verdict(&world, &cluster, &held), "fetch-again", "accepts");
}

/// Without a node: as far as files go.
#[test]
fn files_alone_give_a_verdict_as_far_as_they_go() {
    let world = World::new();
    for (golden, name) in [
        ("tokenless.tlv", "old.tlv"),
        ("tokenless-regenerated.tlv", "regenerated.tlv"),
        ("token-signed.tlv", "new.tlv"),
        ("itl.tlv", "itl.tlv"),
    ] {
        world.place(golden, name);
    }
    let records = vec![sast(A, Style::CtlClient), sast(super::B, Style::CtlClient)];
    std::fs::write(world.path("unrelated.tlv"), list(ListKind::Ctl, records, A).list().bytes()).unwrap();
    let run = |more: &[&str]| world.run(&[&["diagnose", "--phone", "sep001122334455"], more].concat());
    let ends = |more: &[&str], code: i32, words: &str| {
        let outcome = run(more);
        let first = outcome.stdout.lines().next().unwrap_or_default().to_owned();
        assert_eq!((outcome.code, first), (code, format!("{PHONE}: {words}")), "{}", outcome.all());
    };
    let sum = md5_pairs(&pki::golden_bytes("itl.tlv"));
    let (first, second) = sum.split_at(23);
    ends(&["--itl", "itl.tlv", "--itl-checksum", &format!("{first}\n{second}")], 0, "nothing is wrong");
    ends(&["--itl", "itl.tlv", "--itl-checksum", &"0".repeat(40)], 1, "cannot be known");
    ends(
        &["--ctl", "regenerated.tlv", "--held", "old.tlv", "--model", "Cisco 7940"],
        1,
        "delete the lists on the phone",
    );
    ends(
        &["--ctl", "new.tlv", "--held", "unrelated.tlv", "--model", "Cisco 7940"],
        1,
        "reset the phone: it fetches its lists again",
    );
    ends(&["--ctl", "old.tlv", "--held", "new.tlv", "--model", "Cisco 7940"], 1, "sign again");
    let log = "SECUREAPP-TL file updated.\nConfigManager updateCTL() rc=8 retryCount=0, failReason:Success\n";
    std::fs::write(world.path("log"), log).unwrap();
    ends(&["--console-log", "log"], 0, "nothing is wrong");
    assert_eq!(run(&["--ctl", "new.tlv", "--checksum", "12 34"]).code, 2);
    assert_eq!(run(&[]).code, 2, "nothing to look at");
    assert_eq!(run(&["--ctl", "itl.tlv"]).code, 2, "an ITL is no CTL");
}
