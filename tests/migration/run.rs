//! `migrate run` between two clusters: each way, with phones of the old cluster that go to the new one.

use crate::support::Outcome;
use crate::support::cluster::{Cluster, TVS_PORT};
use crate::support::population::{Phone, assert_all_reach, population, reset};
use crate::support::run::kill_when_done;
use crate::support::site::Site;

const RELEASE: &str = "12.5.1.11900-146";

/// The old cluster with two nodes and phones, and the new one; the CTL of each is tokenless or signed by the same tokens.
fn clusters(old_by_tokens: bool, new_by_tokens: bool) -> Option<(Site, Site, Vec<Phone>)> {
    let (old, new) = (Site::start(2, 0, RELEASE)?, Site::start(1, 0, RELEASE)?);
    for (site, members, by_tokens) in [(&old, &[0, 1][..], old_by_tokens), (&new, &[0], new_by_tokens)] {
        if by_tokens {
            site.give_token_ctl(members, true);
        } else {
            let said = site.tell(0, &["utils ctl update CTLFile", "y"]);
            assert!(said.contains("CTL file Updated"), "{said}");
            site.restart_tftp();
        }
    }
    let mut phones = population(&[0, 1]);
    reset(&old, &[0, 1], &mut phones);
    assert_all_reach(&old, &phones);
    old.cluster.nodes.iter().for_each(|node| drop(std::fs::remove_file(node.folder.join("commands"))));
    Some((old, new, phones))
}

fn arguments(old: &Site, new: &Site, way: &str, more: &[&str]) -> Vec<String> {
    let (to, port) = (new.cluster.publisher(), TVS_PORT.to_string());
    let options = ["--to", &to, "--way", way, "--tvs-port", &port, "--tvs-wait", "2", "--yes"];
    let words = old.arguments(&["migrate", "run"], &[&options[..], more].concat());
    words.into_iter().map(|word| if word == "--node" { "--from".to_owned() } else { word }).collect()
}

fn migrate(old: &Site, new: &Site, way: &str, more: &[&str]) -> Outcome {
    let words = arguments(old, new, way, more);
    old.world.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Stops at a step that a person does, and names the option with which it goes on.
#[track_caller]
fn assert_waits(stopped: &Outcome, step: &str, says: &str) {
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    assert!(stopped.stderr.contains(&format!("stopped  at {step}")), "{}", stopped.all());
    let all = stopped.all().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(all.contains(says), "{says}: {all}");
}

fn told(old: &Site, command: &str) -> Vec<usize> {
    let count = |told: Vec<String>| told.iter().filter(|told| told.starts_with(command)).count();
    old.cluster.nodes.iter().map(|node| count(node.told())).collect()
}

const TVS: &str = "utils service restart Cisco Trust Verification Service";
const STORE: [&str; 3] = ["--resume", "--done-by-hand", "store"];
const MOVE: [&str; 3] = ["--resume", "--done-by-hand", "move"];

#[test]
fn over_tvs_phones_that_ask_it_move() {
    let Some((old, new, mut phones)) = clusters(false, false) else { return };
    // The plan names the run.
    let (from, to) = (old.cluster.publisher(), new.cluster.publisher());
    let options = [old.cluster.options(), Cluster::ports()].concat();
    let plan = ["migrate", "plan", "--from", &from, "--to", &to, "--out=plan", "--json"];
    let plan: Vec<&str> = plan.into_iter().chain(options.iter().map(String::as_str)).collect();
    let plan = old.world.run(&plan).done().json();
    for way in ["tvs", "bridge"] {
        let run = format!("sastctl migrate run --from {from} --to {to} --way {way}");
        assert_eq!(super::way(&plan, way)["steps"][0]["command"], run, "{plan}");
    }
    let ctl = old.cluster.nodes[0].ctl();

    let dry = migrate(&old, &new, "tvs", &["--dry-run"]).done();
    for words in [
        "tvs        restart Cisco Trust Verification Service on every node",
        "move       by hand: move the phones by option 150",
        "7945, 7965 and newer     accept: TVS knows ITLRECOVERY_cucm-0",
        "7940, 7960, Jabber, …    refuse",
    ] {
        assert!(dry.stdout.contains(words), "{words}: {}", dry.stdout);
    }
    assert_eq!(told(&old, "set cert"), [0, 0]);
    assert!(!phones[0].moves(&old, &[0, 1], &new), "nothing is trusted yet");

    // Killed after each step, it goes on where it was.
    for (number, step) in ["trust", "tvs", "vouch"].into_iter().enumerate() {
        let work = format!("run{number}");
        let words = arguments(&old, &new, "tvs", &["--work", &work]);
        kill_when_done(&old.world, &words, step, number);
        let waits = migrate(&old, &new, "tvs", &["--work", &work, "--resume"]);
        assert_waits(&waits, "store", &format!("{work}/certs into CallManager-trust"));
        assert!(waits.stderr.contains("--resume --done-by-hand store"), "{}", waits.stderr);
    }
    // ITLRecovery and CallManager of the new cluster, each once; TVS of each node once for each run.
    assert_eq!(told(&old, "set cert import trust Phone-SAST-trust"), [2, 0]);
    assert!(told(&old, TVS).iter().all(|count| (3..=4).contains(count)), "{:?}", told(&old, TVS));
    let waits = migrate(&old, &new, "tvs", &[&["--work", "run2"][..], &STORE].concat());
    assert_waits(
        &waits,
        "move",
        &format!("option 150 (the TFTP server in DHCP) to {}", new.cluster.nodes[0].address),
    );
    assert!(!waits.stderr.contains("old CTL"), "{}", waits.stderr);
    let done = migrate(&old, &new, "tvs", &[&["--work", "run2"][..], &MOVE].concat()).done();
    assert!(done.stdout.contains("Done. The phones move to the new cluster"), "{}", done.all());
    for phone in &mut phones {
        let asks = phone.asks_tvs();
        assert_eq!(phone.moves(&old, &[0, 1], &new), asks);
    }
    assert_eq!(old.cluster.nodes[0].ctl(), ctl, "the CTL of the old cluster stays");
    let back = migrate(&old, &new, "tvs", &["--work", "run2", "--rollback"]);
    assert!(back.stderr.contains("there is nothing to restore"), "{}", back.all());
}

/// Cisco's own procedure: the publisher of the old cluster writes the signers of the new one into its CTL.
#[test]
fn over_the_bridge_all_phones_move() {
    let Some((old, new, mut phones)) = clusters(false, false) else { return };
    let before = old.cluster.nodes[0].ctl().unwrap();
    let waits = migrate(&old, &new, "bridge", &["--work", "run", "--done-by-hand", "store"]);
    assert_waits(&waits, "hold", "--phones-have-it");
    assert_eq!(told(&old, "utils ctl update CTLFile"), [1, 0]);
    reset(&old, &[0, 1], &mut phones);
    assert_all_reach(&old, &phones);
    let held = [&["--work", "run", "--phones-have-it"][..], &MOVE].concat();
    let done = migrate(&old, &new, "bridge", &held).done();
    assert!(done.stdout.contains("Done. The phones move to the new cluster"), "{}", done.all());
    assert_eq!(told(&old, "utils ctl update CTLFile"), [1, 0]);
    let (moving, staying) = phones.split_at_mut(2);
    assert!(moving.iter_mut().all(|phone| phone.moves(&old, &[0, 1], &new)));
    // The way back: the CTL before.
    migrate(&old, &new, "bridge", &["--work", "run", "--rollback"]).done();
    assert!(old.cluster.nodes.iter().all(|node| node.ctl().unwrap() == before));
    reset(&old, &[0, 1], staying);
}

/// A token signs the CTL of the old cluster: it signs the bridge, too.
#[test]
fn a_token_signs_the_bridge() {
    let Some((old, new, mut phones)) = clusters(true, false) else { return };
    let token = ["--work", "run", "--token", "SAST-ADN008580ef"];
    let dry = migrate(&old, &new, "bridge", &[&token[..], &["--dry-run"]].concat()).done();
    assert!(dry.stdout.contains("+ SAST       ITLRECOVERY_cucm-0"), "{}", dry.stdout);
    let words = arguments(&old, &new, "bridge", &token);
    kill_when_done(&old.world, &words, "sign", 0);
    let waits = migrate(&old, &new, "bridge", &[&token[..], &["--resume"]].concat());
    assert_waits(&waits, "hold", "--phones-have-it");
    assert_eq!(told(&old, "utils ctl"), [0, 0]);
    reset(&old, &[0, 1], &mut phones);
    migrate(&old, &new, "bridge", &[&token[..], &["--phones-have-it"], &MOVE].concat()).done();
    assert!(phones.iter_mut().all(|phone| phone.moves(&old, &[0, 1], &new)));
}

#[test]
fn with_the_same_tokens_nothing_is_changed() {
    let Some((old, new, mut phones)) = clusters(true, true) else { return };
    let waits = migrate(&old, &new, "same-tokens", &["--work", "run"]);
    assert_waits(&waits, "move", "--resume --done-by-hand move");
    migrate(&old, &new, "same-tokens", &[&["--work", "run"][..], &MOVE].concat()).done();
    assert!(old.cluster.nodes.iter().all(|node| {
        !node
            .told()
            .iter()
            .any(|c| ["set cert", "utils ctl", "utils service restart"].iter().any(|w| c.starts_with(w)))
    }));
    assert!(phones.iter_mut().all(|phone| phone.moves(&old, &[0, 1], &new)));

    // Ways that are not open say why, before anything is changed.
    new.tell(0, &["utils ctl update CTLFile", "y"]);
    new.restart_tftp();
    let closed = migrate(&old, &new, "same-tokens", &["--work", "other"]);
    assert!(
        closed.stderr.contains("the way same-tokens is not open: ITLRECOVERY_cucm-0 is no SAST"),
        "{}",
        closed.all()
    );
    new.cluster.nodes[0].remove("CTLFile.tlv");
    let closed = migrate(&old, &new, "bridge", &["--work", "third", "--token", "SAST-ADN008580ef"]);
    assert!(closed.stderr.contains("the new cluster has no CTL"), "{}", closed.all());
    assert!(closed.stderr.contains("sastctl migrate plan shows the ways that are open"), "{}", closed.stderr);
}
