//! The checks before a cluster changes, as values: facts in, findings out.

use sastctl::cluster::{SecurityMode, is_left_behind, leftover_says};
use sastctl::trustlist::{Digest, Draft, Record, TrustList, VerifiedList};
use sastctl::workflow::cluster_run::{NoBridge, bridge};
use sastctl::workflow::{Answer, ClusterFacts, Need, Subject, readiness};

use crate::pki::{self, KeyFile};

/// All checks were made, and there is no problem.
fn good(release: &str) -> ClusterFacts {
    let good = || Answer::Good("fine".to_owned());
    ClusterFacts {
        release: Some(release.to_owned()),
        mode: Some(SecurityMode::Mixed),
        by_utils_ctl: true,
        leaves_tokens: false,
        replication: good(),
        connectivity: good(),
        backup: good(),
        licence: good(),
        stopped: Some(vec![]),
    }
}

fn of(facts: &ClusterFacts) -> Vec<(Need, Subject)> {
    readiness(facts).into_iter().map(|finding| (finding.need, finding.subject)).collect()
}

const BACKUP: (Need, Subject) = (Need::Note, Subject::Backup);

#[test]
fn a_passed_check_is_reported_in_one_line() {
    for release in ["10.0.1.10000-24", "10.5.1.10000-7", "11.0.1.10000-10", "12.5.1.11900-146"] {
        assert_eq!(of(&good(release)), [BACKUP], "{release}");
    }
}

#[test]
fn below_10_there_is_no_bridge_and_the_rest_is_open() {
    let mut facts = good("9.1.2.10000-28");
    assert_eq!(of(&facts), [(Need::Stop, Subject::Release), BACKUP]);
    facts.by_utils_ctl = false;
    assert_eq!(of(&facts), [(Need::Note, Subject::Release), BACKUP]);
}

#[test]
fn from_14_on_it_is_not_known_whether_a_token_ctl_is_served() {
    for release in ["14.0.1.13900-155", "15.0.1.11900-40"] {
        let found = readiness(&good(release));
        assert_eq!(found[0].subject, Subject::Release);
        assert!(found[0].says.contains("no public source says whether Cisco Tftp serves"), "{found:?}");
    }
}

#[test]
fn the_licence_is_asked_from_12_and_confirmed_on_11_5() {
    let mut facts = good("11.5.1.13900-52");
    assert_eq!(of(&facts), [(Need::Confirm, Subject::Licence), BACKUP]);
    facts = good("12.0.1.10000-10");
    facts.licence = Answer::Bad("UNREGISTERED".to_owned());
    assert_eq!(of(&facts), [(Need::Stop, Subject::Licence), BACKUP]);
    facts.by_utils_ctl = false;
    assert_eq!(of(&facts), [(Need::Confirm, Subject::Licence), BACKUP], "no `utils ctl` is run");
    facts.licence = Answer::Unclear("words".to_owned());
    assert_eq!(of(&facts), [(Need::Confirm, Subject::Licence), BACKUP]);
}

#[test]
fn problems_stop_the_run_and_unknown_states_are_confirmed() {
    let mut facts = good("10.5.1.10000-7");
    facts.replication = Answer::Bad("sub1: (3) Out Of Sync".to_owned());
    facts.stopped = Some(vec!["Cisco Tftp on sub1 is stopped".to_owned()]);
    assert_eq!(of(&facts), [(Need::Stop, Subject::Replication), (Need::Stop, Subject::Services), BACKUP]);
    assert!(readiness(&facts)[0].says.contains("sub1: (3) Out Of Sync"));
    let unknown = ClusterFacts { release: Some("10.5".to_owned()), ..ClusterFacts::default() };
    let all =
        [Subject::Mode, Subject::Replication, Subject::Connectivity, Subject::Backup, Subject::Services];
    assert_eq!(of(&unknown), all.map(|subject| (Need::Confirm, subject)));
    facts.backup = Answer::Bad("no backup was completed".to_owned());
    facts.connectivity = Answer::Bad("10.1.2.3 does not answer".to_owned());
    let confirm = |subject| of(&facts).contains(&(Need::Confirm, subject));
    assert!(
        confirm(Subject::Backup) && confirm(Subject::Connectivity),
        "both may be wrong: a backup of another kind, a filter"
    );
}

fn tokens() -> Vec<sastctl::trustlist::Certificate> {
    ["SAST-ADN008580ef", "SAST-ADN0054f509"].map(pki::token).to_vec()
}

/// The tokenless list as `utils ctl update CTLFile` writes it, with these tokens.
fn with_tokens(count: usize, stem: &str) -> VerifiedList {
    let mut records = pki::golden("tokenless.tlv").list().records().to_vec();
    records.extend(tokens().iter().take(count).map(|c| Record::token(c, c.sast_style()).unwrap()));
    let mut key = KeyFile::open(stem);
    Draft::new("CTLFile.tlv", records, pki::options(Digest::Sha1)).sign(&mut key).unwrap()
}

const PUBLISHER: &str = "tests/testdata/pki/cucm-1051-a-pub";

/// After the restart every node is checked: a list without a token stops the run, and a node that still serves the old list is
/// waited for.
#[test]
fn the_bridge_is_complete_when_every_node_serves_it() {
    let (old, new) = (pki::golden("tokenless.tlv"), with_tokens(2, PUBLISHER));
    let of = |lists: &[Option<&VerifiedList>]| {
        let served: Vec<_> =
            lists.iter().enumerate().map(|(at, list)| (format!("node{at}"), list.cloned())).collect();
        bridge(&old, &served, &tokens())
    };
    let node = || "node1".to_owned();
    assert!(of(&[Some(&new), Some(&new), Some(&new)]).unwrap() == new);
    assert_eq!(of(&[Some(&new), Some(&old)]), Err(NoBridge::Old { node: node() }));
    assert_eq!(of(&[Some(&new), None]), Err(NoBridge::Missing { node: node() }));
    let one = with_tokens(1, PUBLISHER);
    let lacks = of(&[Some(&new), Some(&one)]).unwrap_err();
    assert_eq!(lacks, NoBridge::Lacks { node: node(), token: "SAST-ADN0054f509".to_owned() });
    assert!(!lacks.may_come());
    let mut records = new.list().records().to_vec();
    records.pop();
    records
        .extend(tokens().iter().skip(1).map(|c| Record::token(c, sastctl::trustlist::Style::Cucm).unwrap()));
    let mut key = KeyFile::open(PUBLISHER);
    let other = Draft::new("CTLFile.tlv", records, pki::options(Digest::Sha1)).sign(&mut key).unwrap();
    let differs = of(&[Some(&new), Some(&other)]).unwrap_err();
    assert!(matches!(differs, NoBridge::Differs { .. }), "{differs}");
    assert!(differs.may_come() && NoBridge::Old { node: node() }.may_come());
    assert!(of(&[]).is_err());
}

/// In non-secure mode a CTL is a leftover when its CCM+TFTP records are whole; emptied ones are the normal case.
#[test]
fn a_ctl_that_was_left_behind_is_recognised_by_mode_and_records() {
    let whole = pki::golden("tokenless.tlv");
    let emptied = pki::golden("token-signed-non-secure.tlv");
    let is = |mode, list: &TrustList| is_left_behind(mode, list);
    assert!(is(SecurityMode::NonSecure, whole.list()));
    assert!(!is(SecurityMode::NonSecure, emptied.list()));
    assert!(!is(SecurityMode::Mixed, whole.list()));
    assert!(leftover_says().contains("it is from an earlier mixed mode and not in force"));
    assert!(leftover_says().contains("file delete activelog cm/tftpdata/CTLFile.tlv"));
}
