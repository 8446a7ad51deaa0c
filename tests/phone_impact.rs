//! What phones do with a list is reported before it is published, by every command, and also with `--quiet`.

use crate::cluster_publish::named;
use crate::pki;
use crate::support::cluster::{Cluster, Ssh, can_run};
use crate::support::run::{go, started};
use crate::support::{Outcome, World};

/// A TFTP server whose phones hold a tokenless CTL, and an ITL.
fn node() -> Option<(World, Cluster)> {
    if !can_run() {
        return None;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, 1, Ssh::Today).serving_at_once();
    Some((world, cluster))
}

/// Publishes a golden file without a shell, into the folder that the node serves.
fn publish(world: &World, cluster: &Cluster, golden: &str, more: &[&str]) -> Outcome {
    world.place(golden, "new.tlv");
    let node = &cluster.nodes[0];
    let root = node.folder.join("tftp").display().to_string();
    let ports = Cluster::ports();
    let publish = ["cluster", "publish", "new.tlv", "--node", &node.address, "--alone", "--yes"];
    let options = ports.iter().map(String::as_str).chain(["--tftp-root", &root]);
    let args: Vec<&str> = publish.into_iter().chain(options).chain(more.iter().copied()).collect();
    world.run(&args)
}

const REFUSED: &str = "refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand";

#[test]
fn a_list_that_phones_refuse_is_reported_before_it_is_published() {
    let Some((world, cluster)) = node() else { return };
    let address = cluster.nodes[0].address.clone();
    for more in [&[][..], &["--quiet"], &["--json"]] {
        std::fs::write(cluster.nodes[0].folder.join("tftp/CTLFile.tlv"), pki::golden_bytes("tokenless.tlv"))
            .unwrap();
        let done = publish(&world, &cluster, "token-signed.tlv", more).done();
        let said = &done.stderr;
        assert!(said.contains(&format!("Phones that hold what {address} serves\n")), "{more:?}: {said}");
        assert!(said.contains(REFUSED), "{more:?}: {said}");
        assert!(said.contains("accept, if TVS knows SAST-ADN008580ef"), "{more:?}: {said}");
        assert!(cluster.nodes[0].ctl().unwrap() == pki::golden_bytes("token-signed.tlv"));
        if more == ["--json"] {
            let phones = &done.json()["phones"];
            assert_eq!(phones[0]["held"], format!("what {address} serves"));
            assert_eq!(phones[0]["verdicts"][1]["class"], "without-tvs");
            assert_eq!(phones[0]["verdicts"][1]["decision"], "refuses");
        }
    }
}

#[test]
fn a_list_that_phones_accept_is_reported_unless_quiet() {
    let Some((world, cluster)) = node() else { return };
    let file = cluster.nodes[0].folder.join("tftp/CTLFile.tlv");
    for (more, is_said) in [(&[][..], true), (&["--quiet"], false)] {
        // The same records, signed anew by the same server.
        std::fs::write(&file, named("CTLFile.tlv")).unwrap();
        let done = publish(&world, &cluster, "tokenless.tlv", more).done();
        let says = "accept: cucm-1051-a-pub is in the phone's CTL";
        assert_eq!(done.stderr.contains(says), is_said, "{more:?}: {}", done.stderr);
    }
    let again = publish(&world, &cluster, "tokenless.tlv", &[]).done();
    assert!(again.stderr.contains("serves this list already"), "{}", again.stderr);
    assert!(!again.stderr.contains("accept"), "{}", again.stderr);
}

/// Deleted before, as in the procedure of the CTL Client: this does not mean that phones have no list.
#[test]
fn the_lists_on_phones_are_not_known_if_the_node_serves_none() {
    let Some((world, cluster)) = node() else { return };
    let address = cluster.nodes[0].address.clone();
    let file = cluster.nodes[0].folder.join("tftp/CTLFile.tlv");
    std::fs::remove_file(&file).unwrap();
    let done = publish(&world, &cluster, "token-signed.tlv", &["--quiet"]).done();
    let says = format!("the lists on the phones are not known: {address} serves no CTLFile.tlv");
    assert!(done.stderr.contains(&says), "{}", done.stderr);
    assert!(done.stderr.contains("sastctl ctl check new.tlv --installed-ctl OLD"), "{}", done.stderr);
    // The same if the served file is not a list that a phone would accept.
    for bytes in [&b"not a list"[..], &pki::golden_bytes("itl.tlv")] {
        std::fs::write(&file, bytes).unwrap();
        let done = publish(&world, &cluster, "token-signed.tlv", &["--quiet"]).done();
        assert!(
            done.stderr.contains(&format!("the lists on the phones are not known: {address}")),
            "{}",
            done.stderr
        );
    }
}

/// The journal keeps what was known when the list was published, and its page for the change board says it first.
#[test]
fn the_page_of_a_published_list_says_what_phones_do() {
    let Some((world, cluster)) = node() else { return };
    let address = cluster.nodes[0].address.clone();
    let page = |more: &[&str]| {
        let shown = world.run(&[&["journal", "show", "--html", "-"], more].concat()).done().stdout;
        shown.split_once("<main>").map(|(head, rest)| (head.to_owned(), rest.to_owned())).unwrap()
    };
    publish(&world, &cluster, "token-signed.tlv", &[]).done();
    let (head, rest) = page(&[]);
    let verdict = "<strong>1 of 3 classes of phones refuse the list.</strong> How many phones a class has is not known.";
    assert!(head.contains(verdict), "{head}");
    let row = format!(
        "<tr class=\"refuses\"><th scope=\"row\">7940, 7960, Jabber, …<div class=\"none\">hold what {address} serves</div></th>"
    );
    assert!(rest.contains(&row) && rest.contains("Phones that refuse: 1 of 3 classes"), "{rest}");
    assert!(
        rest.contains("by hand on phones that refuse: 7940, 7960, Jabber, …"),
        "what is left to do on these: {rest}"
    );
    assert!(rest.contains("What phones do, and why"), "{rest}");
    let (_, redacted) = page(&["--redact"]);
    assert!(!redacted.contains(&address) && redacted.contains("hold what node "), "{redacted}");
    let markdown = world.run(&["journal", "show"]).done().stdout;
    assert!(
        markdown.contains("1 of 3 classes refuse. How many phones a class has is not known."),
        "{markdown}"
    );

    // With the list of the phones, it says how many each class has.
    std::fs::write(world.path("phones.csv"), PHONES).unwrap();
    let with_list = &["--phones-from=phones.csv"];
    let (head, rest) = page(with_list);
    let verdict = "refuse the list.</strong> Of 15 phones on the list, 12 are of a class that refuses; the class of 1 is not known.";
    assert!(head.contains(verdict), "{head}");
    assert!(rest.contains("<div class=\"none\">12 phones</div></th>"), "{rest}");
    let json = world.run(&["journal", "show", "--json", "--redact", with_list[0]]).done();
    assert_eq!(json.json()["phones"][1]["count"], 12);
    assert!(!json.stdout.contains("SEP"), "{}", json.stdout);

    std::fs::remove_file(cluster.nodes[0].folder.join("tftp/CTLFile.tlv")).unwrap();
    publish(&world, &cluster, "token-signed.tlv", &["--journal=second"]).done();
    let (head, rest) = page(&["--journal=second"]);
    assert!(head.contains("<strong>It is not known what phones do with the list.</strong>"), "{head}");
    assert!(rest.contains(&format!("not known: {address} serves no CTLFile.tlv")), "{rest}");
}

/// Two of the classes of today, twelve that ask no TVS, and one of which no source tells the class.
const PHONES: &str = "name,model\nSEP1,Cisco 8845\nSEP2,Cisco 7965\nSEP60,Cisco 7960\nSEP61,Cisco 7960\n\
    SEP62,Cisco 7960\nSEP63,Cisco 7960\nSEP64,Cisco 7960\nSEP65,Cisco 7960\nSEP66,Cisco 7940\nSEP67,Cisco 7940\n\
    SEP68,Cisco 7940\nSEP69,Cisco 7940\nSEP70,Cisco 7940\nCSF1,Cisco Unified Client Services Framework Jabber\n\
    DX1,Cisco DX80\n";

/// Before anything is signed or published: which phones would be left behind, by name.
#[test]
fn a_check_names_the_phones_that_would_be_left_behind() {
    let world = World::new();
    world.place("tokenless.tlv", "CTLFile.tlv");
    world.place("token-signed.tlv", "new.tlv");
    std::fs::write(world.path("phones.csv"), PHONES).unwrap();
    let check = ["ctl", "check", "new.tlv", "--installed-ctl=CTLFile.tlv", "--phones-from=phones.csv"];
    let outcome = world.run(&check);
    assert_eq!(outcome.code, 1, "{}", outcome.all());
    let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = "12 phones on the list: CSF1, SEP60, SEP61, SEP62, SEP63, SEP64, SEP65, SEP66, SEP67, SEP68 and 2 more";
    assert!(said.contains(first), "{said}");
    assert!(said.contains("2 phones on the list"), "{said}");
    assert!(said.contains("No source names the class of 1 phone on the list: DX1"), "{said}");
    let json = world.run(&[&check[..], &["--json"]].concat()).json();
    assert_eq!(json["phones_on_list"][1]["names"].as_array().unwrap().len(), 12);
    let wrong =
        world.run(&["ctl", "check", "new.tlv", "--installed-ctl=CTLFile.tlv", "--phones-from=new.tlv"]);
    assert!(wrong.code == 4 && wrong.stderr.contains("is not a list of phones"), "{}", wrong.all());
}

/// The signer of the old CTL is not a SAST in the new one: phones that accepted the new one keep it.
#[test]
fn a_rollback_first_shows_which_phones_refuse_it() {
    let Some((world, cluster)) = started(1) else { return };
    go(&world, &cluster, &[]).done();
    let back = go(&world, &cluster, &["--rollback", "--quiet"]).done();
    let said = back.stderr.find("Phones that hold run/CTLFile.new.tlv\n");
    assert!(said.is_some(), "{}", back.all());
    assert!(
        back.stderr.contains("refuse: cucm-1051-a-pub is not a trusted signer (SAST) in the phone's CTL"),
        "{}",
        back.stderr
    );
}
