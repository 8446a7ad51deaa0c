//! `renew`: the CTL follows the cluster, and all phones follow the CTL.

use std::collections::BTreeSet;

use sastctl::trustlist::{Function, Record, TrustList};
use sastctl::workflow::cluster_run::services;
use sastctl::workflow::{Change, Unit};

use crate::pki;
use crate::support::cluster::Cluster;
use crate::support::population::{Phone, assert_all_reach, population, reset};
use crate::support::run::kill_when_done;
use crate::support::schema;
use crate::support::site::Site;

const MEMBERS: [usize; 5] = [0, 1, 2, 3, 4];
const RELEASE: &str = "12.5.1.11900-146";

/// A cluster with a CTL of tokens, and phones that hold its lists.
fn started(members: usize, further: usize, release: &str) -> Option<(Site, Vec<Phone>)> {
    let site = Site::start(members, further, release)?;
    let members: Vec<usize> = (0..members).collect();
    site.give_token_ctl(&members, true);
    let mut phones = population(&members);
    reset(&site, &members, &mut phones);
    assert_all_reach(&site, &phones);
    Some((site, phones))
}

/// The services that each of these nodes restarted, once each.
#[track_caller]
fn assert_restarted(site: &Site, members: &[usize], wanted: &[&str], on_the_publisher: &[&str]) {
    let told = site.restarts();
    for node in members {
        let mut here: Vec<&str> = told.iter().filter(|(n, _)| n == node).map(|(_, s)| &s[..]).collect();
        here.sort_unstable();
        let mut all: Vec<&str> = wanted.to_vec();
        all.extend(on_the_publisher.iter().filter(|_| *node == 0));
        all.sort_unstable();
        assert_eq!(here, all, "node {node}");
    }
}

const TVS: &str = "Cisco Trust Verification Service";
const TFTP: &str = "Cisco Tftp";

/// A certificate is renewed on one of five nodes: the new CTL holds it, the right services are restarted, and every phone
/// works again after its reset.
#[track_caller]
fn renewed(unit: &str, node: usize, wanted: &[&str], on_the_publisher: &[&str]) {
    let Some((site, mut phones)) = started(5, 0, RELEASE) else { return };
    site.regenerate(node, unit);
    site.restarts();
    let done = site.renew(&["--work", "run"]).done();
    assert!(done.stderr.contains(&format!("changed: {unit}")), "{}", done.stderr);
    assert_restarted(&site, &MEMBERS, wanted, on_the_publisher);
    reset(&site, &MEMBERS, &mut phones);
    assert_all_reach(&site, &phones);
    let ctl_stays = unit == "TVS";
    assert_eq!(site.world.path("run/CTLFile.new.tlv").exists(), !ctl_stays);
    if !ctl_stays {
        assert!(done.stdout.contains(&format!("{unit} was renewed: serial ")), "{}", done.stdout);
    }
    assert_eq!(done.stdout.contains("install every LSC again"), unit == "CAPF", "{}", done.stdout);
    assert!(done.stdout.contains("make a new backup"), "{}", done.stdout);
    let nothing = site.renew(&["--work", "again"]);
    assert_eq!(nothing.code, 1, "{}", nothing.all());
    assert!(nothing.stderr.contains("there is nothing to renew"), "{}", nothing.stderr);
}

#[test]
fn phones_follow_a_renewed_callmanager_certificate() {
    renewed("CallManager", 1, &[TVS, TFTP, "Cisco HAProxy", "Cisco CallManager", "Cisco CTIManager"], &[]);
}

#[test]
fn phones_follow_a_renewed_capf_certificate() {
    renewed("CAPF", 0, &[TVS, TFTP], &["Cisco Certificate Authority Proxy Function"]);
}

#[test]
fn phones_follow_a_renewed_tvs_certificate() {
    renewed("TVS", 2, &[TVS, TFTP], &[]);
}

#[test]
fn phones_follow_a_renewed_itlrecovery_certificate() {
    renewed("ITLRecovery", 0, &[TVS, TFTP], &[]);
}

/// CallManager and TVS were renewed together, which the program refuses to plan. The token knows no certificate of a server:
/// phones take the new CTL, and by it the new ITL, also where CallManager signs the ITLs.
#[test]
fn a_token_mends_what_must_never_be_renewed_together() {
    let Some((site, mut phones)) = started(2, 0, "11.5.1.13900-52") else { return };
    site.regenerate(0, "CallManager");
    site.regenerate(0, "TVS");
    let done = site.renew(&["--work", "run", "--licence-is-there"]).done();
    assert!(done.stderr.contains("changed: CallManager, TVS"), "{}", done.stderr);
    reset(&site, &[0, 1], &mut phones);
    assert_all_reach(&site, &phones);
}

/// Which records name this address, by function.
fn at<'l>(list: &'l TrustList, address: &str) -> Vec<&'l Record> {
    list.records().iter().filter(|r| r.ip_address().is_some_and(|ip| ip.to_string() == address)).collect()
}

/// One node comes, one goes, one gets an EC certificate, and CAPF is activated: the plan names each record and its reason.
#[test]
fn nodes_that_come_and_go_are_in_the_next_ctl() {
    let Some((site, mut phones)) = started(4, 1, RELEASE) else { return };
    let address = |node: usize| site.cluster.nodes[node].address.clone();
    let members = [0, 1, 2, 4];
    phones.retain(|phone| phone.node() != 3);
    site.set_members(&members);
    site.restart_tftp();
    site.give_ec_certificate(1);
    site.restarts();
    let dry = site.renew(&["--work", "run", "--dry-run"]).done();
    for (mark, function, why) in [
        ('-', "CCM+TFTP", format!("{} is no node of the cluster", address(3))),
        ('+', "CCM+TFTP", format!("{} is a node of the cluster", address(4))),
        ('+', "CCM+TFTP", format!("the EC certificate of {}", address(1))),
    ] {
        let line = dry.stdout.lines().find(|line| line.contains(&why));
        let line = line.unwrap_or_else(|| panic!("{why}: {}", dry.stdout)).trim_start();
        assert!(line.starts_with(&format!("{mark} {function}")), "{line}");
    }
    assert!(dry.stdout.contains("Services: Cisco Tftp, then Cisco CallManager"), "{}", dry.stdout);
    assert!(site.restarts().is_empty() && !site.world.path("run").exists(), "a dry run changes nothing");
    let json = site.renew(&["--work", "run", "--dry-run", "--json"]).done().json();
    assert_eq!(json["services"], serde_json::json!([TFTP, "Cisco CallManager"]));

    site.renew(&["--work", "run"]).done();
    assert_restarted(&site, &members, &[TFTP, "Cisco CallManager"], &[]);
    let ctl = TrustList::decode(site.cluster.nodes[4].ctl().unwrap()).unwrap();
    assert!(at(&ctl, &address(3)).is_empty());
    let both = at(&ctl, &address(1));
    let is_rsa: Vec<bool> =
        both.iter().map(|r| r.certificate().unwrap().unwrap().public_key.rsa().is_some()).collect();
    assert_eq!(is_rsa, [true, false], "RSA and EC");
    assert!(both.iter().all(|r| r.function() == Function::CCM_TFTP));
    assert!(both.iter().all(|r| r.dns_name().unwrap() == address(1)), "as the other records are written");
    phones.extend(population(&[4]));
    reset(&site, &members, &mut phones);
    assert_all_reach(&site, &phones);

    // The old CTL of the run is restored, and the same change is made again.
    site.run(&["renew"], &["--work", "run", "--rollback", "--yes"]).done();
    let old = site.world.read("run/CTLFile.tlv");
    assert!(site.cluster.nodes[2].ctl().unwrap() == old);
    reset(&site, &members[..3], &mut phones);
    site.renew(&["--work", "again"]).done();
    reset(&site, &members, &mut phones);
    assert_all_reach(&site, &phones);
}

/// A node has another address; the CTL has no CAPF record, because CAPF was activated later.
#[test]
fn a_new_address_and_an_activated_capf_change_the_ctl() {
    let Some(site) = Site::start(2, 1, "10.5.2.10000-5") else { return };
    site.give_token_ctl(&[0, 1], false);
    let without = {
        let text = String::from_utf8(site.world.read("cluster.toml")).unwrap();
        let at = text.rfind("[[server]]").unwrap();
        text[..at].to_owned()
    };
    site.make_token_ctl(&without);
    // Node 2 is node 1 at its new address.
    for name in ["publisher.der", "publisher.key.pem", "tvs.der", "tvs.key.pem"] {
        std::fs::copy(site.folder(1).join(name), site.folder(2).join(name)).unwrap();
    }
    site.set_members(&[0, 2]);
    let dry = site.renew(&["--dry-run"]).done();
    let (before, now) = (&site.cluster.nodes[1].address, &site.cluster.nodes[2].address);
    for words in [
        format!("its address was {before}, now {now}"),
        format!("CAPF is activated on {}", site.cluster.nodes[0].address),
    ] {
        assert!(dry.stdout.contains(&words), "{words}: {}", dry.stdout);
    }
    assert!(!dry.stdout.contains("ITLRECOVERY"), "lists of 10.5 have only the tokens: {}", dry.stdout);
    site.renew(&["--work", "run"]).done();
    let ctl = TrustList::decode(site.cluster.nodes[2].ctl().unwrap()).unwrap();
    assert!(at(&ctl, before).is_empty() && at(&ctl, now).len() == 1);
    assert_eq!(at(&ctl, &site.cluster.nodes[0].address).len(), 2);
}

/// A token that is not in the CTL in force signs nothing: phones would refuse the list.
#[test]
fn only_a_token_of_the_list_in_force_signs() {
    let Some((site, _)) = started(1, 0, RELEASE) else { return };
    site.world.new_token("Third token", "tests/testdata/keys/rsa2048");
    site.regenerate(0, "CAPF");
    site.restarts();
    let refused = site.run(&["renew"], &["--token", "Third token", "--work", "run", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(
        refused.stderr.contains("The Security Token you have inserted does not exist in the CTL File"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("the cluster is as it was") && site.restarts().is_empty());
}

/// What the database does not show is given as a file; without it nothing is guessed.
#[test]
fn a_certificate_that_the_database_lacks_is_given_as_a_file() {
    let Some((site, _)) = started(1, 0, RELEASE) else { return };
    site.regenerate(0, "CAPF");
    site.cluster.nodes[0].quirks(&["not-in-database=CAPF"]);
    let refused = site.renew(&["--work", "run"]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    for words in ["the CAPF certificate of", "is not in the database of the cluster", "--certificate FILE"] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    std::fs::write(site.world.path("capf.der"), site.der(0, "capf")).unwrap();
    site.renew(&["--work", "run", "--certificate", "capf.der"]).done();
}

/// Killed after each step, the run goes on where it was; what was done is not done again.
#[test]
fn a_run_that_was_killed_after_any_step_goes_on() {
    let Some((site, mut phones)) = started(1, 0, RELEASE) else { return };
    for (number, step) in ["keep", "sign", "delete", "publish", "restart"].into_iter().enumerate() {
        site.regenerate(0, "ITLRecovery");
        site.restarts();
        let work = format!("run{number}");
        let options = ["--token", "SAST-ADN008580ef", "--yes", "--work", &work];
        kill_when_done(&site.world, &site.arguments(&["renew"], &options), step, number);
        site.renew(&["--work", &work, "--resume"]).done();
        let told = site.restarts();
        let of = |service| told.iter().filter(|(_, told)| told == service).count();
        // The kill may come while a service is restarted.
        assert!(of(TVS) >= 1 && of(TFTP) >= 1 && told.len() <= 3, "{step}: {told:?}");
        reset(&site, &[0], &mut phones);
        assert_all_reach(&site, &phones);
    }
    // Another kind of run does not continue it, and it is complete.
    let ended = site.renew(&["--work", "run4", "--resume"]);
    assert!(ended.stderr.contains("is complete"), "{}", ended.stderr);
    let other = site.run(&["tokenless"], &["--work", "run4", "--resume", "--yes"]);
    assert!(other.stderr.contains("this folder belongs to another run"), "{}", other.stderr);
}

/// The steps before and after a renewal; what phones could not follow is refused, with its reason.
#[test]
fn the_forbidden_order_is_refused_with_its_reason() {
    let Some((site, mut phones)) = started(2, 0, RELEASE) else { return };
    let before = |units: &[&str]| {
        let options: Vec<&str> = units.iter().flat_map(|unit| ["--before", unit]).collect();
        site.run(&["renew"], &options)
    };
    let plan = before(&["CallManager"]).done().stdout;
    let second = &site.cluster.nodes[1].address;
    let first = &site.cluster.nodes[0].address;
    for words in [
        "make a backup",
        &format!("renew CallManager on {first}"),
        "never on the primary and the secondary TFTP server at the same time",
        "it makes the new CTL, puts it on every node, and restarts Cisco Trust Verification Service, then Cisco Tftp, then \
         Cisco HAProxy, then Cisco CallManager, then Cisco CTIManager",
        "wait until all are registered",
        &format!("the same on {second}"),
        "make a new backup",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    let plan = before(&["CAPF", "TVS"]).done().stdout;
    let (capf, tvs) = (plan.find("renew CAPF").unwrap(), plan.find("renew TVS").unwrap());
    assert!(capf < tvs && plan[capf..tvs].contains("install every LSC again"), "{plan}");
    assert!(plan.contains("the CTL stays as it is"), "{plan}");
    let together = before(&["TVS", "CallManager"]);
    assert_eq!(together.code, 1, "{}", together.all());
    for words in
        ["CallManager and TVS are never renewed together", "authenticate neither the new lists nor TVS"]
    {
        assert!(together.stderr.contains(words), "{words}: {}", together.stderr);
    }

    // CallManager was renewed, and phones do not hold it yet.
    site.regenerate(1, "CallManager");
    for unit in ["TVS", "ITLRecovery"] {
        let refused = before(&[unit]);
        assert_eq!(refused.code, 1, "{}", refused.all());
        let words = format!("{unit} must not be renewed yet: CallManager was renewed");
        assert!(refused.stderr.contains(&words), "{words}: {}", refused.stderr);
        assert!(refused.stderr.contains("sastctl renew --node PUBLISHER"), "{}", refused.stderr);
    }
    let open = before(&["CallManager"]).done().stdout;
    assert!(open.contains("the lists lack changes that were made before"), "{open}");
    site.renew(&["--work", "run"]).done();
    reset(&site, &[0, 1], &mut phones);
    let json = site.run(&["renew"], &["--before", "TVS", "--json"]).done().json();
    assert!(json["steps"].as_array().unwrap().len() > 4, "{json}");
    // TVS was renewed, and the ITLs do not hold it.
    site.regenerate(0, "TVS");
    let refused = before(&["CallManager"]);
    assert!(
        refused.stderr.contains("CallManager must not be renewed yet: TVS was renewed"),
        "{}",
        refused.all()
    );
    site.renew(&["--work", "tvs"]).done();
    reset(&site, &[0, 1], &mut phones);
    assert_all_reach(&site, &phones);
}

/// The table of restarts, by release.
#[test]
fn newer_releases_restart_fewer_services() {
    let of = |unit, release: &str| services(&BTreeSet::from([Change::Renewed(unit)]), release);
    let all = [TVS, TFTP, "Cisco HAProxy", "Cisco CallManager", "Cisco CTIManager"];
    assert_eq!(of(Unit::CallManager, "11.5.1.13900-52"), all);
    assert_eq!(of(Unit::CallManager, "14.0.1.10000-20"), all);
    for release in ["14.0.1.11900-132", "14.0.1.13900-155", "15.0.1.10000-32"] {
        assert_eq!(of(Unit::CallManager, release), [TVS, TFTP, "Cisco HAProxy"], "{release}");
        assert_eq!(of(Unit::Capf, release), [TVS, TFTP], "CAPF restarts by itself");
        assert_eq!(of(Unit::Tvs, release), [TFTP]);
        assert_eq!(of(Unit::ItlRecovery, release), [TFTP]);
    }
    assert_eq!(of(Unit::Capf, RELEASE), [TVS, TFTP, "Cisco Certificate Authority Proxy Function"]);
    assert_eq!(of(Unit::Tvs, RELEASE), [TVS, TFTP]);
    let nodes = BTreeSet::from([Change::Nodes]);
    assert_eq!(services(&nodes, "15.0.1.10000-32"), [TFTP, "Cisco CallManager"]);
    assert_eq!(services(&nodes, ""), [TFTP, "Cisco CallManager"]);
}

/// The file form: the same list that the run makes, beside the list in force. A token that no network reaches signs it, too.
#[test]
fn the_list_that_a_cluster_needs_is_made_as_a_file() {
    let Some((site, _)) = started(2, 0, RELEASE) else { return };
    site.regenerate(1, "CallManager");
    std::fs::write(site.world.path("CTLFile.tlv"), site.cluster.nodes[0].ctl().unwrap()).unwrap();
    let (publisher, options) =
        (site.cluster.publisher(), [site.cluster.options(), Cluster::ports()].concat());
    let update = |file: &str, more: &[&str]| {
        let words =
            ["ctl", "update", file, "--from-cluster", &publisher, "--token=SAST-ADN008580ef", "--yes"];
        let words = words.into_iter().chain(options.iter().map(String::as_str)).chain(more.iter().copied());
        site.world.run(&words.collect::<Vec<_>>())
    };
    let time = "--timestamp=2026-03-06T22:53:33Z";
    let made = update("CTLFile.tlv", &["--out=made.tlv", time]).done();
    assert!(made.stdout.contains("CallManager was renewed: serial "), "{}", made.stdout);
    site.renew(&["--work", "run", time]).done();
    assert!(site.world.read("made.tlv") == site.world.read("run/CTLFile.new.tlv"));
    std::fs::write(site.world.path("A.cer"), pki::token("SAST-ADN008580ef").der()).unwrap();
    let ask = |file: &str| {
        let words = ["request", "update", file, "--from-cluster", &publisher, "--token=A.cer", time];
        let words = words.into_iter().chain(options.iter().map(String::as_str));
        site.world.run(&words.chain(["--out=R.sastreq"]).collect::<Vec<_>>())
    };
    let asked = ask("CTLFile.tlv").done();
    assert!(asked.stdout.contains("CallManager was renewed: serial "), "{}", asked.stdout);
    let request = serde_json::from_slice(&site.world.read("R.sastreq")).unwrap();
    schema::holds("sastctl-request", &request);
    assert_eq!(request["work"]["update"]["needed"]["nodes"].as_array().unwrap().len(), 2);
    site.world.run(&["sign-request", "R.sastreq", "--yes"]).done();
    site.world.run(&["apply", "R.sastans", "--request", "R.sastreq", "--out", "carried.tlv"]).done();
    assert!(site.world.read("carried.tlv") == site.world.read("made.tlv"));
    for nothing in [update("made.tlv", &[]), ask("made.tlv")] {
        assert_eq!(nothing.code, 1, "{}", nothing.all());
        assert!(nothing.stderr.contains("there is nothing to change"), "{}", nothing.stderr);
    }
}
