//! `tokenless`: from a CTL signed by tokens to one that the publisher makes and signs, and back with `revert`.

mod set_mixed;

use sastctl::trustlist::TrustList;

use crate::support::cluster::TVS_PORT;
use crate::support::population::{Phone, assert_all_reach, population, reset};
use crate::support::run::kill_when_done;
use crate::support::site::Site;
use crate::support::{Outcome, World, rounds};

const RELEASE: &str = "12.5.1.11900-146";
const SIGNS: &str = "ITLRECOVERY_cucm-0";

/// A cluster with a CTL of tokens, which has ITLRecovery and CallManager as SAST, and phones that hold its lists.
fn started(members: usize, release: &str) -> Option<(Site, Vec<Phone>)> {
    let site = Site::start(members, 0, release)?;
    let members: Vec<usize> = (0..members).collect();
    site.give_token_ctl(&members, release >= "11");
    let mut phones = population(&members);
    reset(&site, &members, &mut phones);
    assert_all_reach(&site, &phones);
    Some((site, phones))
}

fn tokenless(site: &Site, more: &[&str]) -> Outcome {
    site.run(&["tokenless"], &[&["--yes"], more].concat())
}

/// Back to the tokens over the bridge, with the phones.
#[track_caller]
fn revert(site: &Site, members: &[usize], phones: &mut [Phone], work: &str) {
    let port = TVS_PORT.to_string();
    let options =
        ["--token", "SAST-ADN008580ef", "--spare", "SAST-ADN0054f509", "--bridge", "--yes", "--work", work];
    let options = [&options[..], &["--tvs-port", &port, "--tvs-wait", "2"]].concat();
    let held = site.run(&["revert"], &options);
    assert!(held.stderr.contains("stopped  at hold"), "{}", held.all());
    reset(site, members, phones);
    assert_all_reach(site, phones);
    site.run(&["revert"], &[&options[..], &["--resume", "--phones-have-it"]].concat()).done();
    reset(site, members, phones);
    assert_all_reach(site, phones);
    assert_eq!(signer(site), "SAST-ADN008580ef");
}

/// Who signed the CTL that every node serves.
#[track_caller]
fn signer(site: &Site) -> String {
    let first = site.cluster.nodes[0].ctl().unwrap();
    assert!(site.cluster.nodes.iter().all(|node| node.ctl().unwrap() == first), "every node serves the same");
    TrustList::decode(first).unwrap().verify().unwrap().signer_name()
}

/// No token is left in the CTL.
#[track_caller]
fn assert_tokenless(site: &Site, signed_by: &str) {
    assert_eq!(signer(site), signed_by);
    let ctl = TrustList::decode(site.cluster.nodes[0].ctl().unwrap()).unwrap();
    let tokens: Vec<String> = ctl.sasts().map(|r| r.short_name()).filter(|n| n.contains("ADN")).collect();
    assert_eq!(tokens, [""; 0]);
}

#[track_caller]
fn circle(members: &[usize], rounds: usize) {
    let Some((site, mut phones)) = started(members.len(), RELEASE) else { return };
    for round in 0..rounds {
        let work = format!("tokenless{round}");
        let done = tokenless(&site, &["--work", &work, "--phones-have-it"]).done();
        assert!(done.stdout.contains("Done. Every node shows and serves the new CTL."), "{}", done.all());
        assert_tokenless(&site, SIGNS);
        for node in &site.cluster.nodes {
            let told = node.told();
            for service in ["Cisco Tftp", "Cisco CallManager", "Cisco CTIManager"] {
                assert!(told.contains(&format!("utils service restart {service}")), "{service}: {told:?}");
            }
        }
        reset(&site, members, &mut phones);
        assert_all_reach(&site, &phones);
        revert(&site, members, &mut phones, &format!("revert{round}"));
    }
}

#[test]
fn five_nodes_go_from_tokens_to_tokenless_and_back() {
    circle(&[0, 1, 2, 3, 4], rounds(1, 3));
}

/// The tokens are in Phone-SAST-trust after each way back.
#[test]
fn three_times_in_a_circle_and_each_phone_is_reachable() {
    circle(&[0, 1], 3);
}

/// Killed after each step, the run goes on where it was; what was done is not done again.
#[test]
fn a_run_that_was_killed_after_any_step_goes_on() {
    let Some((site, mut phones)) = started(1, RELEASE) else { return };
    for (number, step) in ["keep", "hold", "distrust", "update", "cross"].into_iter().enumerate() {
        trust_tokens(&site);
        let _ = std::fs::remove_file(site.folder(0).join("commands"));
        let work = format!("run{number}");
        let options = ["--yes", "--work", &work, "--phones-have-it"];
        kill_when_done(&site.world, &site.arguments(&["tokenless"], &options), step, number);
        if ["update", "cross"].contains(&step) {
            let begun = tokenless(&site, &["--work", &work, "--phones-have-it"]);
            assert!(begun.stderr.contains("the run in this folder has not ended"), "{}", begun.all());
        }
        tokenless(&site, &["--work", &work, "--phones-have-it", "--resume"]).done();
        assert_tokenless(&site, SIGNS);
        let told = site.cluster.nodes[0].told();
        // The kill may come while the next step is under way.
        for (change, before) in
            [("utils ctl update CTLFile", "distrust"), ("utils service restart Cisco Tftp", "update")]
        {
            let count = told.iter().filter(|c| *c == change).count();
            assert!(count == 1 || count == 2 && step == before, "{step}: {told:?}");
        }
        reset(&site, &[0], &mut phones);
        assert_all_reach(&site, &phones);
        // The phones learn the tokens again from a bridge: here it is enough that they start anew.
        site.give_token_ctl(&[0], true);
        phones = population(&[0]);
        reset(&site, &[0], &mut phones);
    }
}

/// Phone-SAST-trust of the publisher holds both tokens.
fn trust_tokens(site: &Site) {
    let folder = site.folder(0).join("trust");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["SAST-ADN008580ef", "SAST-ADN0054f509"] {
        let der = crate::pki::path(&format!("softhsm-fixtures/{name}.der"));
        std::fs::copy(der, folder.join(format!("{name}.der"))).unwrap();
    }
}

/// From 12.0 on phones must hold a CTL with ITLRecovery and CallManager first: `renew` makes it.
#[test]
fn phones_must_know_the_publisher_before_it_signs() {
    let Some((site, mut phones)) = started(1, RELEASE) else { return };
    site.give_token_ctl(&[0], false);
    phones.iter_mut().for_each(|phone| phone.reset(&site, &[0]));
    let refused = tokenless(&site, &["--work", "run", "--phones-have-it"]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    for words in [
        "the CTL in force does not hold ITLRecovery and CallManager as SAST",
        "the cluster is as it was",
        "sastctl renew --node PUBLISHER",
    ] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    let renewed = site.renew(&["--work", "renew"]).done();
    assert!(renewed.stdout.contains("from 11.5 on; the change to tokenless needs it"), "{}", renewed.stdout);
    // Not every phone has loaded it: nothing is made before somebody confirms that.
    let held = tokenless(&site, &["--work", "run"]);
    assert_eq!(held.code, 1, "{}", held.all());
    for words in ["stopped  at hold", "--phones-have-it", "nothing is signed"] {
        assert!(held.stderr.contains(words), "{words}: {}", held.stderr);
    }
    assert_eq!(signer(&site), "SAST-ADN008580ef");
    reset(&site, &[0], &mut phones);
    tokenless(&site, &["--work", "run", "--resume", "--phones-have-it"]).done();
    assert_tokenless(&site, SIGNS);
    reset(&site, &[0], &mut phones);
    assert_all_reach(&site, &phones);
    let again = tokenless(&site, &["--work", "again", "--phones-have-it"]);
    assert!(again.stderr.contains("the CTL in force is already tokenless"), "{}", again.all());

    // The way back of the run itself.
    let back = tokenless(&site, &["--work", "run", "--rollback"]).done();
    assert!(back.stdout.contains("The old CTL is on every node again"), "{}", back.all());
    assert_eq!(signer(&site), "SAST-ADN008580ef");
}

/// Before anything is done: what the release means for tokens, the licence, and what each class of phones does.
#[test]
fn a_dry_run_says_what_it_means_for_this_release() {
    let Some((site, _)) = started(1, "14.0.1.13900-155") else { return };
    let publisher = &site.cluster.nodes[0];
    let dry = tokenless(&site, &["--dry-run"]).done();
    for words in [
        "after this change only such a CTL brings the tokens back",
        "no public source says whether Cisco Tftp serves a token-signed CTL",
        "run `utils ctl update CTLFile`: the publisher makes a tokenless CTL",
        "Phones that hold the CTL in force",
        "accept: ITLRECOVERY_cucm-0 is in the phone's CTL",
    ] {
        assert!(dry.stdout.contains(words), "{words}: {}", dry.stdout);
    }
    let json = tokenless(&site, &["--dry-run", "--json"]).done().json();
    assert_eq!(json["phones"]["verdicts"].as_array().unwrap().len(), 3);
    assert_eq!(json["plans"], serde_json::json!([]));
    publisher.quirks(&["no-license"]);
    let refused = tokenless(&site, &["--phones-have-it", "--work", "run"]);
    assert!(refused.stderr.contains("Allow export-controlled functionality"), "{}", refused.all());
    assert!(refused.stderr.contains("the cluster is as it was"), "{}", refused.stderr);

    // In lists of 10.5 only the tokens are SAST.
    let Some((site, _)) = started(1, "10.5.1.10000-7") else { return };
    let dry = tokenless(&site, &["--dry-run"]).done();
    for words in [
        "7945, 7965 and newer     accept: TVS knows cucm-0",
        "7940, 7960, Jabber, …    refuse",
        "delete the list by hand on phones that refuse: 7940",
    ] {
        assert!(dry.stdout.contains(words), "{words}: {}", dry.stdout);
    }
    tokenless(&site, &["--work", "run"]).done();
    assert_tokenless(&site, "cucm-0");
}

/// `utils ctl update CTLFile` copies what Phone-SAST-trust holds: a token there would stay a signer.
#[test]
fn tokens_leave_phone_sast_trust_first() {
    let Some((site, _)) = started(1, RELEASE) else { return };
    trust_tokens(&site);
    site.cluster.nodes[0].quirks(&["no-cert-delete"]);
    let stopped = tokenless(&site, &["--work", "run", "--phones-have-it"]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    for words in [
        "Phone-SAST-trust still holds SAST-ADN0054f509 and SAST-ADN008580ef",
        "no public source says whether the shell accepts that unit",
        "Security > Certificate Management; then --resume",
    ] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.stderr);
    }
    assert_eq!(signer(&site), "SAST-ADN008580ef");
    std::fs::remove_dir_all(site.folder(0).join("trust")).unwrap();
    tokenless(&site, &["--work", "run", "--resume", "--phones-have-it"]).done();
    assert_tokenless(&site, SIGNS);
    let journal = journal(&site.world);
    assert!(
        journal.contains("\"kind\":\"tokenless\"") && journal.contains("\"name\":\"distrust\""),
        "{journal}"
    );
}

/// A token that another administrator uploaded meanwhile is found in the CTL that the nodes serve.
#[test]
fn a_token_in_the_new_ctl_stops_the_run() {
    let Some((site, _)) = started(1, RELEASE) else { return };
    let options = ["--yes", "--work", "run", "--phones-have-it"];
    kill_when_done(&site.world, &site.arguments(&["tokenless"], &options), "distrust", 0);
    trust_tokens(&site);
    let stopped = tokenless(&site, &["--work", "run", "--resume", "--phones-have-it"]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    for words in ["still contains the token SAST-ADN", "at cross", "--rollback"] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.stderr);
    }
    tokenless(&site, &["--work", "run", "--rollback"]).done();
    assert_eq!(signer(&site), "SAST-ADN008580ef");
}

fn journal(world: &World) -> String {
    let journals = std::fs::read_dir(world.path("state/sastctl")).unwrap().map(|e| e.unwrap().path());
    journals
        .filter(|p| p.to_string_lossy().ends_with("tokenless-node.jsonl"))
        .map(|p| std::fs::read_to_string(p).unwrap())
        .collect()
}
