//! The ways on and back of `revert --node`: whose run it is, with which tokens, and what a way undoes of the other.

use crate::pki;
use crate::support::cluster::Cluster;
use crate::support::run::{acts, arguments, assert_reverted, go, started};
use crate::support::{Outcome, World};

/// The run with another value of one of its options.
fn go_with(world: &World, cluster: &Cluster, (option, value): (&str, &str), more: &[&str]) -> Outcome {
    let mut args = arguments(cluster, more);
    let at = args.iter().position(|a| a == option).unwrap();
    args[at + 1] = value.to_owned();
    world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
fn assert_all_serve(cluster: &Cluster, golden: &str) {
    let wanted = pki::golden_bytes(golden);
    for node in &cluster.nodes {
        assert!(node.ctl().is_some_and(|ctl| ctl == wanted), "{} does not serve {golden}", node.address);
    }
}

/// Nobody knows the PIN behind vouch, and another token lies in the drawer. TVS was never asked about that one.
#[test]
fn a_run_goes_on_with_its_own_tokens_alone() {
    let Some((mut world, cluster)) = started(1) else { return };
    world.new_token("Third token", "tests/testdata/keys/rsa2048");
    world.unset("SAST_PIN");
    let stopped = go(&world, &cluster, &[]);
    assert!(stopped.stderr.contains("stopped  at sign"), "{}", stopped.stderr);
    world.set("SAST_PIN", crate::support::PIN);
    let before = acts(&cluster);
    for (option, token) in [("--token", "Third token"), ("--spare", "Third token")] {
        let refused = go_with(&world, &cluster, (option, token), &["--resume"]);
        assert_eq!(refused.code, 3, "{}", refused.all());
        assert!(
            refused.stderr.contains("these are not the tokens that the run began with"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("SAST-ADN008580ef"), "{}", refused.stderr);
        assert_eq!(acts(&cluster), before, "nothing on the cluster changes");
        assert_all_serve(&cluster, "tokenless.tlv");
    }
    go(&world, &cluster, &["--resume"]).done();
    assert_reverted(&world, &cluster);
}
