//! What is put to a cluster, and what is shown of it: names from outside, places that are none, proofs that are ones.

use crate::support::World;

/// Over a serial line nothing is put and nothing is fetched: publishing that way would prove nothing.
#[test]
fn nothing_is_published_over_a_serial_line() {
    let world = World::new();
    world.place("token-signed.tlv", "new.tlv");
    std::fs::create_dir(world.path("root")).unwrap();
    for more in [&["--alone"][..], &[], &["--alone", "--tftp-root", "root"], &["--alone", "--json"]] {
        let publish = ["cluster", "publish", "new.tlv", "--node", "serial:/dev/ttyUSB0", "--yes"];
        let refused = world.run(&[&publish[..], more].concat());
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.all());
        assert!(refused.stderr.contains("/dev/ttyUSB0 is a serial line"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--node HOST"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    assert!(std::fs::read_dir(world.path("root")).unwrap().next().is_none());
    assert!(!world.path("state/sastctl").exists(), "a run that does not begin has no journal");
}
