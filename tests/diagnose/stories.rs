//! `sastctl diagnose` against a cluster that does not exist, with TFTP, TVS and phones' pages on loopback.

use sastctl::trustlist::{Digest, Function, ListKind, SgnDraft, Style};

use super::{A, PHONE, PUB_NEW, TVS, list, server};
use crate::cluster::started;
use crate::pki::{self, KeyFile};
use crate::support::cluster::{Cluster, FakeNode, Ssh, TVS_PORT};
use crate::support::phones::{
    Behaviour, HTTP, HTTPS, MESSAGES, SERVICEABILITY, md5_pairs, messages, network_of, phone,
};
use crate::support::{Outcome, World};

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
    let address = phone(shows(Some(&tokenless), &itl, ""));
    register(&cluster, &address, "Cisco 8851");
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

    // From here on the list of phones is not asked.
    let look = |more: &[&str]| {
        verdict(&world, &cluster, &[&["--model", "Cisco 8851", "--address", &address], more].concat())
    };
    // The configuration file is signed by a key that nobody knows.
    config(PUB_NEW);
    expect(look(&[]), "restart-tftp", "config");
    node.remove(&format!("{PHONE}.cnf.xml.sgn"));

    // A file with the phone's own name comes first.
    node.put(&format!("ITL{PHONE}.tlv"), b"no list");
    expect(look(&[]), "sign-again", "not-verified");
    node.remove(&format!("ITL{PHONE}.tlv"));

    // The rollback parameter was set, and the services were not restarted.
    std::fs::write(node.folder.join("rollback"), "T").unwrap();
    expect(look(&[]), "restart-tftp", "rollback");
    std::fs::remove_file(node.folder.join("rollback")).unwrap();

    // A service is stopped.
    let services = std::fs::read_to_string(node.folder.join("services")).unwrap();
    let stopped =
        |service: &str| services.replace(&format!("{service}[STARTED]"), &format!("{service}[STOPPED]"));
    std::fs::write(node.folder.join("services"), stopped("Cisco Trust Verification Service")).unwrap();
    expect(look(&[]), "restart-tvs", "tvs-down");
    std::fs::write(node.folder.join("services"), stopped("Cisco Tftp")).unwrap();
    expect(look(&[]), "restart-tftp", "tftp-down");
    // A publisher that is no TFTP node tells nothing about the files of phones.
    let inactive = services.replace("Cisco Tftp[STARTED]", "Cisco Tftp[STOPPED]  Service Not Activated");
    std::fs::write(node.folder.join("services"), inactive).unwrap();
    expect(look(&[]), "nothing-wrong", "same");
    std::fs::write(node.folder.join("services"), &services).unwrap();

    // A new CTL is on the disk, and another one is served.
    std::fs::write(node.folder.join("tftp/CTLFile.tlv"), &tokens).unwrap();
    expect(look(&[]), "restart-tftp", "not-served");

    // Tokens sign the next CTL, and phones hold the tokenless one: TVS must know the token before they get it.
    node.put("CTLFile.tlv", &tokenless);
    std::fs::write(world.path("new.tlv"), &tokens).unwrap();
    expect(look(&["--ctl", "new.tlv"]), "cannot-be-known", "not-known");
    let with_old = ["--ctl", "new.tlv", "--held", "old-ctl.tlv", "--held", "old-itl.tlv"];
    expect(look(&with_old), "upload-signer", "upload");
    std::fs::create_dir(node.folder.join("trust")).unwrap();
    std::fs::copy(pki::path(&format!("{A}.der")), node.folder.join("trust/SAST-ADN008580ef.der")).unwrap();
    expect(look(&with_old), "fetch-again", "accepts");
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

/// A node of two got a new CallManager and TVS certificate. The TVS of the other one is in the ITL of the phone, and knows it.
#[test]
fn the_tvs_of_another_node_takes_the_place_of_a_deletion() {
    let Some((world, cluster)) = started(2, Ssh::Today) else { return };
    let [first, second] = &cluster.nodes[..] else { panic!("two nodes") };
    cluster.give_own_itls();
    let old = std::fs::read(first.folder.join("served/ITLFile.tlv")).unwrap();
    std::fs::write(world.path("old.tlv"), &old).unwrap();
    let ctl = pki::golden_bytes("tokenless.tlv");
    register(&cluster, &phone(shows(Some(&ctl), &old, "")), "Cisco 8841");
    let renewed = "tests/testdata/keys/rsa4096";
    let tvs = |node: &FakeNode, stem: &str| {
        for ending in ["der", "key.pem"] {
            let from = pki::path(&format!("{stem}.{ending}"));
            std::fs::copy(from, node.folder.join(format!("tvs.{ending}"))).unwrap();
        }
    };
    let records = [
        server(PUB_NEW, Function::SAST, false),
        server(PUB_NEW, Function::CCM_TFTP, false),
        server(renewed, Function::TVS, true),
    ];
    first.put("ITLFile.tlv", list(ListKind::Itl, records.into(), PUB_NEW).list().bytes());
    tvs(first, renewed);
    std::fs::copy(pki::path(&format!("{PUB_NEW}.der")), second.folder.join("callmanager.der")).unwrap();
    expect(verdict(&world, &cluster, &["--held", "old.tlv"]), "fetch-again", "accepts");
    // Now no TVS is left that the phone knows, but the publisher's key still signs CTLs.
    tvs(second, renewed);
    expect(verdict(&world, &cluster, &["--held", "old.tlv"]), "sign-again", "known-signer");
}
