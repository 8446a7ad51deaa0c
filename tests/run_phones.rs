//! Runs that ask the phones themselves: who holds the bridge, and who took the new CTL.

use crate::pki;
use crate::support::World;
use crate::support::phones::{
    Behaviour, HTTP, HTTPS, MESSAGES, SERVICEABILITY, md5_pairs, messages, network, phone,
};
use crate::support::run::{go, started};

/// A phone that shows this list, and this as its newest message.
fn holds(list: &[u8], message: &str) -> String {
    let pages = vec![(SERVICEABILITY, network(&md5_pairs(list))), (MESSAGES, messages(&[message]))];
    phone(Behaviour::Pages(pages))
}

/// Writes the list of phones; the options that name it.
fn list(world: &World, phones: &[String]) -> Vec<String> {
    let rows = phones.iter().enumerate().map(|(n, address)| format!("SEP{n},{address},Cisco 8845\n"));
    std::fs::write(world.path("phones.csv"), format!("name,address,model\n{}", rows.collect::<String>()))
        .unwrap();
    let (http, https) = (format!("--phone-http-port={HTTP}"), format!("--phone-https-port={HTTPS}"));
    ["--phones-from=phones.csv", &http, &https, "--publish-wait=2"].map(str::to_owned).to_vec()
}

#[test]
fn a_run_ends_with_what_its_phones_did() {
    let Some((world, cluster)) = started(1) else { return };
    let new = pki::golden_bytes("token-signed.tlv");
    let options = list(&world, &[holds(&new, "CTL Installed"), holds(&new, "x"), phone(Behaviour::Closed)]);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let done = go(&world, &cluster, &options).done();
    assert!(
        done.stdout.contains("Reset 3 phones now, so that they load the new CTL: SEP0, SEP1, SEP2"),
        "{}",
        done.all()
    );
    assert!(done.all().contains("phones: 2 hold it, 1 cannot be asked"), "{}", done.all());
}

/// The first phones of a batch are watched: one of them refused the list, so the run stops while the way back is open.
#[test]
fn a_phone_that_refused_the_list_stops_the_run() {
    let Some((world, cluster)) = started(1) else { return };
    let (old, new) = (pki::golden_bytes("tokenless.tlv"), pki::golden_bytes("token-signed.tlv"));
    let phones =
        [holds(&new, "CTL Installed"), holds(&old, "Trust List update failed"), holds(&old, "No DNS server")];
    let options = list(&world, &phones);
    let with = |more: &[&'static str]| {
        let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
        go(&world, &cluster, &options)
    };
    let stopped = with(&[]);
    assert_eq!(stopped.code, 1, "{}", stopped.all());
    assert!(
        stopped.stderr.contains("every node serves the new CTL, but 1 phone refused it: SEP1"),
        "{}",
        stopped.all()
    );
    assert!(stopped.stdout.contains("1 hold it, 1 refused it, 1 hold another list"), "{}", stopped.all());
    for words in ["--rollback restores the old CTL", "sastctl diagnose --node PUBLISHER --phone"] {
        assert!(stopped.stderr.contains(words), "{words}: {}", stopped.stderr);
    }
    // Of the first one alone nothing is wrong: the run goes on from there.
    let done = with(&["--resume", "--phones-sample=1"]).done();
    assert!(done.all().contains("phones: 1 hold it"), "{}", done.all());
    with(&["--rollback"]).done();
    assert!(cluster.nodes[0].ctl().unwrap() == old);
}

/// Phones prove that they hold the bridge; then nobody is asked.
#[test]
fn phones_prove_that_they_hold_the_bridge() {
    let Some((world, cluster)) = started(1) else { return };
    let stopped = go(&world, &cluster, &["--bridge"]);
    assert!(stopped.stderr.contains("stopped  at hold"), "{}", stopped.all());
    let bridge = world.read("run/CTLFile.bridge.tlv");
    let run = |phones: &[String]| {
        let options = list(&world, phones);
        let words: Vec<&str> =
            ["--bridge", "--resume"].into_iter().chain(options.iter().map(String::as_str)).collect();
        go(&world, &cluster, &words)
    };
    let old = pki::golden_bytes("tokenless.tlv");
    let lacking = run(&[holds(&bridge, "CTL Installed"), holds(&old, "No DNS server")]);
    assert_eq!(lacking.code, 1, "{}", lacking.all());
    assert!(lacking.stdout.contains("Phones: 1 hold it, 1 hold another list"), "{}", lacking.all());
    assert!(lacking.stderr.contains("stopped  at hold"), "{}", lacking.all());
    assert!(!world.path("run/CTLFile.new.tlv").exists(), "nothing is signed");
    let done = run(&[holds(&bridge, "CTL Installed"), holds(&bridge, "CTL Installed")]);
    assert!(done.all().contains("every phone of the list shows that it holds it"), "{}", done.all());
    assert!(world.path("run/CTLFile.new.tlv").exists(), "{}", done.all());
}
