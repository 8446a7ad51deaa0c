//! `tokenless` where no CTL is in force: the publisher makes it by `utils ctl set-cluster mixed-mode`, and back.

use super::*;

const SET: &str = "utils ctl set-cluster mixed-mode";
const BACK: &str = "utils ctl set-cluster non-secure-mode";

/// A cluster in non-secure mode that never had a CTL.
fn non_secure(members: usize, release: &str) -> Option<Site> {
    let site = Site::start(members, 0, release)?;
    set_mode(&site, "0");
    site.cluster.nodes.iter().for_each(|node| node.remove("CTLFile.tlv"));
    Some(site)
}

fn set_mode(site: &Site, mode: &str) {
    std::fs::write(site.folder(0).join("mode"), mode).unwrap();
}

fn mode(site: &Site) -> String {
    std::fs::read_to_string(site.folder(0).join("mode")).unwrap()
}

fn told(site: &Site, command: &str) -> usize {
    site.cluster.nodes[0].told().iter().filter(|told| *told == command).count()
}

/// No CCM+TFTP record of the CTL that nodes serve has a certificate, as CUCM writes it in non-secure mode.
#[track_caller]
fn assert_emptied(site: &Site) {
    assert_eq!(mode(site), "0");
    for node in &site.cluster.nodes {
        let ctl = TrustList::decode(node.ctl().unwrap()).unwrap();
        let whole =
            |r: &sastctl::trustlist::Record| r.function().to_string() == "CCM+TFTP" && !r.is_emptied();
        assert!(!ctl.records().iter().any(whole), "{}", node.address);
    }
}

#[test]
fn a_non_secure_cluster_goes_to_mixed_mode_and_back_again() {
    let Some(site) = non_secure(2, RELEASE) else { return };
    let dry = tokenless(&site, &["--dry-run"]).done();
    for words in [
        "the cluster is in non-secure mode: `utils ctl set-cluster mixed-mode` makes its CTL",
        "The way back is a rollback: `utils ctl set-cluster non-secure-mode`",
        "set-mixed  run `utils ctl set-cluster mixed-mode`",
        "Services: Cisco Tftp, then Cisco CallManager, then Cisco CTIManager",
        "Phones that hold no CTL",
        "7945, 7965 and newer     accept: ITLRECOVERY_cucm-0 is in the phone's ITL",
    ] {
        assert!(dry.stdout.contains(words), "{words}: {}", dry.stdout);
    }
    assert!(!dry.stdout.contains("distrust") && !dry.stdout.contains("hold     "), "{}", dry.stdout);
    assert_eq!(mode(&site), "0");
    let run = site.arguments(&["tokenless"], &["--work", "run"]);
    let refused = site.world.run(&run.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(refused.stderr.contains("will be set to mixed mode"), "it asks: {}", refused.all());
    assert_eq!((mode(&site).as_str(), told(&site, SET)), ("0", 0));

    // Its folder has a run that changed nothing: it starts again.
    for round in ["run", "again"] {
        let done = tokenless(&site, &["--work", round]).done();
        assert!(done.stdout.contains("Done. Every node shows and serves the new CTL."), "{}", done.all());
        assert_eq!(mode(&site), "1");
        assert_tokenless(&site, SIGNS);
        for service in ["Cisco Tftp", "Cisco CallManager", "Cisco CTIManager"] {
            let restart = format!("utils service restart {service}");
            assert!(site.cluster.nodes.iter().all(|node| node.told().contains(&restart)), "{service}");
        }
        let mut phones = population(&[0, 1]);
        reset(&site, &[0, 1], &mut phones);
        assert_all_reach(&site, &phones);
        let back = tokenless(&site, &["--work", round, "--rollback"]).done();
        assert!(back.stdout.contains("The cluster is in non-secure mode again."), "{}", back.all());
        assert_emptied(&site);
    }
    assert_eq!((told(&site, SET), told(&site, BACK)), (2, 2));
    // In the second round it began with what CUCM wrote in non-secure mode.
    assert!(site.world.path("again/CTLFile.tlv").exists() && !site.world.path("run/CTLFile.tlv").exists());
}

/// Killed after each step, or while the command runs, it goes on; the mode is set once.
#[test]
fn a_first_ctl_that_was_interrupted_at_any_step_goes_on() {
    let Some(site) = non_secure(1, RELEASE) else { return };
    for (number, step) in ["keep", "set-mixed", "cross", "hangup"].into_iter().enumerate() {
        let work = format!("run{number}");
        let options = ["--yes", "--work", &work];
        if step == "hangup" {
            site.cluster.nodes[0].quirks(&[&format!("hangup={SET}")]);
            let cut = tokenless(&site, &["--work", &work]);
            assert_eq!(cut.code, 5, "{}", cut.all());
            assert!(cut.stderr.contains("stopped  at set-mixed"), "{}", cut.stderr);
        } else {
            kill_when_done(&site.world, &site.arguments(&["tokenless"], &options), step, number);
        }
        let done = tokenless(&site, &["--work", &work, "--resume"]).done();
        assert!(done.stdout.contains("Done."), "{}", done.all());
        assert_tokenless(&site, SIGNS);
        assert_eq!((mode(&site).as_str(), told(&site, SET)), ("1", number + 1), "{step}");
        // The way back is interrupted, too.
        site.cluster.nodes[0].quirks(&[&format!("hangup={BACK}")]);
        let cut = tokenless(&site, &["--work", &work, "--rollback"]);
        assert!(cut.stderr.contains("with --rollback"), "{}", cut.all());
        tokenless(&site, &["--work", &work, "--rollback"]).done();
        assert_emptied(&site);
        assert_eq!(told(&site, BACK), number + 1, "{step}");
    }
}

/// Without the licence nothing is changed: the preflight knows, or the command itself refuses.
#[test]
fn without_the_licence_the_mode_stays() {
    let Some(site) = non_secure(1, RELEASE) else { return };
    let publisher = &site.cluster.nodes[0];
    publisher.quirks(&["no-license"]);
    let refused = tokenless(&site, &["--work", "run"]);
    assert!(refused.stderr.contains("Allow export-controlled functionality"), "{}", refused.all());
    assert!(refused.stderr.contains("the cluster is as it was"), "{}", refused.stderr);
    assert_eq!(told(&site, SET), 0);
    // 11.5 has no command that shows it: the operator confirms, and is wrong.
    std::fs::write(site.folder(0).join("version"), "11.5.1.14900-11").unwrap();
    let refused = tokenless(&site, &["--work", "older", "--licence-is-there"]);
    for words in ["Command cannot be executed because", "at set-mixed", "--rollback", "then --resume"] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.all());
    }
    assert_eq!((mode(&site).as_str(), publisher.ctl()), ("0", None));
    publisher.quirks(&[]);
    tokenless(&site, &["--work", "older", "--licence-is-there", "--resume"]).done();
    assert_tokenless(&site, "cucm-0");
}

/// An answer that no document prints stops the run with its words. What was done by hand meanwhile is not done again.
#[test]
fn an_unknown_answer_stops_with_the_words_that_were_read() {
    let Some(site) = non_secure(1, RELEASE) else { return };
    let publisher = &site.cluster.nodes[0];
    publisher.quirks(&["ctl-says=Der Modus wurde vielleicht gesetzt"]);
    let stopped = tokenless(&site, &["--work", "run"]);
    assert_eq!(stopped.code, 5, "{}", stopped.all());
    for words in [
        "Der Modus wurde vielleicht gesetzt",
        "the cluster may be in mixed mode",
        "do it by hand on the publisher: `utils ctl set-cluster mixed-mode`",
        "to set the cluster to non-secure mode, run the same command with --rollback",
    ] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.stderr);
    }
    assert!(!stopped.stderr.contains("old CTL"), "{}", stopped.stderr);
    publisher.quirks(&[]);
    tokenless(&site, &["--work", "run", "--resume"]).done();
    assert_tokenless(&site, SIGNS);
    assert_eq!(told(&site, SET), 1);

    // Releases before 10.0 have no such command.
    let Some(site) = non_secure(1, "9.1.2.10000-28") else { return };
    let refused = tokenless(&site, &["--work", "run"]);
    assert!(refused.stderr.contains("has no `utils ctl` command"), "{}", refused.all());
}

/// The CTL of a cluster in mixed mode has gone; and one that tokens signed was left from an earlier mixed mode.
#[test]
fn a_lost_ctl_and_a_leftover_are_replaced() {
    let Some(site) = non_secure(2, RELEASE) else { return };
    set_mode(&site, "1");
    let lost = site.renew(&["--dry-run"]);
    assert!(lost.stderr.contains("the cluster is in mixed mode, but no node has a CTL"), "{}", lost.all());
    assert!(lost.stderr.contains("sastctl tokenless makes one"), "{}", lost.stderr);
    let dry = tokenless(&site, &["--dry-run"]).done();
    assert!(dry.stdout.contains("no public source says whether the publisher does that"), "{}", dry.stdout);
    tokenless(&site, &["--work", "run"]).done();
    assert_tokenless(&site, SIGNS);
    // One node alone lacks it: nothing is made anew.
    site.cluster.nodes[1].remove("CTLFile.tlv");
    let lacks = tokenless(&site, &["--dry-run"]);
    assert!(lacks.stderr.contains("serves no CTL, though the cluster is in mixed mode"), "{}", lacks.all());

    site.give_token_ctl(&[0, 1], true);
    trust_tokens(&site);
    set_mode(&site, "0");
    let dry = tokenless(&site, &["--dry-run"]).done();
    assert!(dry.stdout.contains("Phones that hold the CTL that the publisher serves"), "{}", dry.stdout);
    tokenless(&site, &["--work", "leftover"]).done();
    assert_tokenless(&site, SIGNS);
    assert_eq!(mode(&site), "1");
    // A token that stays in Phone-SAST-trust is found in the new CTL.
    tokenless(&site, &["--work", "leftover", "--rollback"]).done();
    trust_tokens(&site);
    let stopped = tokenless(&site, &["--work", "token"]);
    for words in ["still contains the token SAST-ADN", "go back with --rollback, delete that certificate"] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.all());
    }
    tokenless(&site, &["--work", "token", "--rollback"]).done();
    assert_eq!(mode(&site), "0");
}
