//! Certificates into Phone-SAST-trust, and what the TVS of nodes proves.

use crate::cluster::{started, with_ports};
use crate::pki;
use crate::support::cluster::{Ssh, TVS_PORT};
use crate::support::tvs::itl_of;

#[test]
fn certificates_are_uploaded_and_tvs_knows_them() {
    let Some((world, cluster)) = started(1, Ssh::Today) else { return };
    let certificate = pki::path("softhsm-fixtures/SAST-ADN008580ef.der");
    let publisher = cluster.publisher();
    let tvs_port = TVS_PORT.to_string();
    let trust =
        ["cluster", "trust", certificate.to_str().unwrap(), "--node", &publisher, "--tvs-port", &tvs_port];
    let options = cluster.options();
    let without_yes: Vec<&str> = trust.iter().copied().chain(options.iter().map(String::as_str)).collect();
    let refused = world.run_without_yes(&without_yes, b"");
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains("Put SAST-ADN008580ef into Phone-SAST-trust on "), "{}", refused.stderr);
    assert!(!cluster.nodes[0].told().iter().any(|c| c.starts_with("set cert")), "sent without a yes");
    let done = with_ports(&world, &cluster, &trust).done();
    assert!(done.stdout.contains("says valid, as SAST"), "{}", done.all());
    let again = with_ports(&world, &cluster, &trust).done();
    assert!(again.stderr.contains("is in Phone-SAST-trust already"), "{}", again.stderr);
    let imports = cluster.nodes[0].told().iter().filter(|c| c.starts_with("set cert import")).count();
    assert_eq!(imports, 1);

    // A release whose shell does not know the unit: the operator uploads by hand, and TVS confirms it.
    std::fs::remove_dir_all(cluster.nodes[0].folder.join("trust")).unwrap();
    cluster.nodes[0].quirks(&["no-import"]);
    let by_hand = with_ports(&world, &cluster, &[&trust[..], &["--tvs-wait", "1"]].concat());
    assert_eq!(by_hand.code, 1, "{}", by_hand.all());
    assert!(by_hand.stderr.contains("Certificate Purpose Phone-SAST-trust"), "{}", by_hand.stderr);
    assert!(by_hand.stderr.contains("says invalid: phones would refuse"), "{}", by_hand.stderr);
}

/// "Valid" is a proof only if phones can authenticate the server, and if the certificate may sign lists.
#[test]
fn a_tvs_that_phones_cannot_authenticate_proves_nothing() {
    let Some((world, cluster)) = started(1, Ssh::Today) else { return };
    let certificate = pki::path("softhsm-fixtures/SAST-ADN008580ef.der");
    let (publisher, tvs_port) = (cluster.publisher(), TVS_PORT.to_string());
    let trust = |more: &[&str]| {
        let args = [
            "cluster",
            "trust",
            certificate.to_str().unwrap(),
            "--node",
            &publisher,
            "--tvs-port",
            &tvs_port,
        ];
        with_ports(&world, &cluster, &[&args[..], more].concat())
    };
    let node = &cluster.nodes[0];
    node.quirks(&["tvs-roles=4"]);
    let other_role = trust(&[]);
    assert_eq!(other_role.code, 1, "{}", other_role.all());
    assert!(other_role.stderr.contains("valid, but as CAPF and not as SAST"), "{}", other_role.stderr);
    node.quirks(&[]);
    for (itl, says) in [
        (
            Some(itl_of(PUB, OTHER_TVS, true)),
            "the phone cannot authenticate this server, and has no other to ask",
        ),
        (Some(b"none".to_vec()), "the TVS certificate of"),
        (None, "serves no ITLFile.tlv"),
    ] {
        let file = node.folder.join("served/ITLFile.tlv");
        match itl {
            Some(itl) => std::fs::write(&file, itl).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let unproved = trust(&[]);
        assert_eq!(unproved.code, 1, "{}", unproved.all());
        assert!(
            unproved.stderr.contains(says) && unproved.stderr.contains("--no-tvs"),
            "{}",
            unproved.stderr
        );
    }
    let without = trust(&["--no-tvs", "--json"]).done().json();
    assert_eq!(without["trusted"][0]["proved"], false);
    assert_eq!(without["trusted"][0]["says"], "unproved: TVS was not asked (--no-tvs)");
}

/// CallManager and TVS renewed together; and only TVS renewed, while Cisco Tftp still serves the old ITL.
#[test]
fn a_node_whose_itl_phones_refuse_is_a_problem() {
    let Some((world, cluster)) = started(2, Ssh::Today) else { return };
    let (publisher, tvs_port) = (cluster.publisher(), TVS_PORT.to_string());
    let status = || {
        let args = ["cluster", "status", &publisher, "--tvs-port", &tvs_port];
        with_ports(&world, &cluster, &args)
    };
    let fine = status().done();
    assert_eq!(fine.stdout.matches(", as in its ITL").count(), 2, "{}", fine.stdout);
    let sub = cluster.nodes[1].folder.join("served/ITLFile.tlv");
    let renewed = "tests/testdata/pki/cucm-1051-a-pub-regenerated";
    std::fs::write(&sub, itl_of(renewed, TVS, true)).unwrap();
    assert_eq!(status().code, 0, "its TVS vouches for it");
    std::fs::write(&sub, itl_of(PUB, OTHER_TVS, true)).unwrap();
    let shows = status();
    assert_eq!(shows.code, 1, "{}", shows.all());
    assert!(shows.stdout.contains("phones that hold this ITL cannot authenticate it"), "{}", shows.stdout);
    std::fs::write(&sub, itl_of(renewed, OTHER_TVS, true)).unwrap();
    for ending in ["der", "key.pem"] {
        let from = pki::path(&format!("{OTHER_TVS}.{ending}"));
        std::fs::copy(from, cluster.nodes[1].folder.join(format!("tvs.{ending}"))).unwrap();
    }
    let refused = status();
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.stdout.contains("cucm-1051-a-pub and TVS were both renewed"), "{}", refused.stdout);
}

/// A run asks TVS as `cluster trust` does, and stops without proof; `--no-tvs` continues, and reports that nothing was proved.
#[test]
fn a_run_without_proof_stops_or_records_it() {
    use crate::support::run::{assert_reverted, go, started};
    let Some((world, cluster)) = started(1) else { return };
    cluster.nodes[0].quirks(&["tvs-roles=4"]);
    let stopped = go(&world, &cluster, &[]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    assert!(stopped.stderr.contains("stopped  at vouch"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("valid, but as CAPF and not as SAST"), "{}", stopped.stderr);
    let done = go(&world, &cluster, &["--resume", "--no-tvs"]).done();
    assert_reverted(&world, &cluster);
    let unproved = "unproved: TVS was not asked";
    assert!(done.stdout.contains(&format!("{unproved} (--no-tvs)")), "{}", done.all());
    assert!(done.stderr.contains(unproved), "{}", done.all());
    let journals = std::fs::read_dir(world.path("state/sastctl")).unwrap().filter_map(Result::ok);
    assert!(journals.into_iter().any(|j| std::fs::read_to_string(j.path()).unwrap().contains(unproved)));
}

const PUB: &str = "tests/testdata/pki/cucm-1051-a-pub";
/// The certificate that the TVS of the nodes shows, and another one.
const TVS: &str = "tests/testdata/pki/cucm8-tvs";
const OTHER_TVS: &str = "tests/testdata/keys/rsa3072";
