//! Moving phones between clusters: what the plan says of each way is what a simple phone does, written only from the register
//! of facts.

#[cfg(unix)] // nodes behind sshd
mod run;

use crate::naive_phone::decide::{Class, Itl, Outcome, Tvs, decide};
use crate::naive_phone::reader::List;
use crate::pki;
use crate::support::{Outcome as Run, World};

/// A world with the lists of two clusters; an empty name is no list.
fn world(old: [&str; 2], new: [&str; 2]) -> World {
    let world = World::new();
    for (folder, lists) in [("a", old), ("b", new)] {
        std::fs::create_dir(world.path(folder)).unwrap();
        for (golden, name) in lists.into_iter().zip(["CTLFile.tlv", "ITLFile.tlv"]) {
            if !golden.is_empty() {
                world.place(golden, &format!("{folder}/{name}"));
            }
        }
    }
    world
}

fn plan(world: &World, more: &[&str]) -> Run {
    world.run(&[&["migrate", "plan", "--from=a", "--to=b"], more].concat())
}

/// A procedure of the answer.
fn way(plan: &serde_json::Value, name: &str) -> serde_json::Value {
    let ways = plan["ways"].as_array().unwrap();
    ways.iter().find(|way| way["name"] == name).unwrap_or_else(|| panic!("{name}: {plan}")).clone()
}

/// What phones of a class do with the CTL of the new cluster, at the step that says so.
fn says_of_ctl(way: &serde_json::Value, class: &str) -> Option<String> {
    let steps = way["steps"].as_array()?;
    let step = steps.iter().find(|s| s["act"].as_str().is_some_and(|a| a.contains("get the CTL")))?;
    let effect = step["phones"].as_array()?.iter().find(|effect| effect["class"] == class)?.clone();
    Some(effect["decision"].as_str()?.to_owned() + effect["by"].as_str().unwrap_or_default())
}

const CLASSES: [(&str, Class); 2] =
    [("security-by-default", Class::SecurityByDefault), ("without-tvs", Class::WithoutTvs)];

#[test]
fn each_way_is_what_phones_do() {
    let lists =
        ["tokenless.tlv", "tokenless-regenerated.tlv", "token-signed.tlv", "token-signed-non-secure.tlv"];
    let itl = List::read(&pki::golden_bytes("itl.tlv"));
    let mut seen = std::collections::BTreeSet::new();
    for (old, new) in lists.iter().flat_map(|old| lists.iter().map(move |new| (*old, *new))) {
        let world = world([old, "itl.tlv"], [new, "itl.tlv"]);
        let plan = plan(&world, &["--json"]).done().json();
        let (held, list) = (List::read(&pki::golden_bytes(old)), List::read(&pki::golden_bytes(new)));
        for (way_name, tvs) in
            [("now", Tvs::NotUploaded), ("tvs", Tvs::Uploaded), ("same-tokens", Tvs::NotAsked)]
        {
            let way = way(&plan, way_name);
            for (name, class) in CLASSES {
                let (phone, _) = decide(class, Some(&held), Itl::Shown(&itl), &list, &tvs);
                let expected = match phone {
                    Outcome::ByCtl => "acceptsctl",
                    Outcome::ByItl => "acceptsitl",
                    Outcome::ByTvs => "acceptstvs",
                    Outcome::Refused => "refuses",
                    Outcome::NotKnown => "not-known",
                    other => panic!("{old} -> {new}: {other:?}"),
                };
                let says = says_of_ctl(&way, name);
                if way_name == "same-tokens" && says.is_none() {
                    // Closed, and rightly so: a phone that knows the signer would take it.
                    assert_ne!(phone, Outcome::ByCtl, "{old} -> {new}: {way}");
                    assert!(way["closed"].is_string(), "{way}");
                } else {
                    assert_eq!(says.as_deref(), Some(expected), "{old} -> {new}, {way_name}, {name}: {way}");
                }
                seen.insert(expected);
            }
        }
        // Over the bridge nobody refuses: the old cluster's CTL names the new signer, so a phone that holds it knows it.
        let bridge = way(&plan, "bridge");
        for (name, class) in CLASSES {
            let (phone, _) = decide(class, Some(&list), Itl::Shown(&itl), &list, &Tvs::NotAsked);
            assert_eq!(phone, Outcome::ByCtl);
            assert_eq!(says_of_ctl(&bridge, name).as_deref(), Some("acceptsctl"), "{bridge}");
        }
        assert!(way(&plan, "rollback")["closed"].as_str().unwrap().contains("never the CTL"));
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

#[test]
fn the_certificates_that_the_old_cluster_must_trust_are_written() {
    let world = world(["token-signed.tlv", "itl.tlv"], ["tokenless.tlv", "itl.tlv"]);
    let said = plan(&world, &["--out=certs"]).done().stdout;
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("sastctl cluster trust certs/cucm-1051-a-pub.cer"), "{words}");
    assert!(
        words.contains("--add-token certs/cucm-1051-a-pub.cer"),
        "a token of the old cluster signs the bridge: {words}"
    );
    assert!(words.contains("--installed-itl a/ITLFile.tlv"), "{words}");
    let signer = world.read("certs/cucm-1051-a-pub.cer");
    assert!(signer == pki::read("tests/testdata/pki/cucm-1051-a-pub.der"));
    assert!(world.path("certs/cucm-1051-a-sub1.cer").exists(), "CallManager of the other TFTP node");
    assert!(!said.contains("Before anything changes"), "{said}");
}

#[test]
fn a_cluster_without_a_ctl_has_ways_of_its_own() {
    // Phones of a non-secure cluster.
    let from_non_secure = world(["", "itl.tlv"], ["tokenless.tlv", "itl.tlv"]);
    let ways = plan(&from_non_secure, &["--json"]).done().json();
    assert!(way(&ways, "bridge")["closed"].as_str().unwrap().contains("no CTL"));
    let rollback = way(&ways, "rollback");
    assert!(rollback["steps"].as_array().unwrap().len() >= 4, "{rollback}");
    // Phones in mixed mode keep their CTL where the new cluster has none.
    let to_non_secure = world(["tokenless.tlv", "itl.tlv"], ["", "itl.tlv"]);
    let ways = plan(&to_non_secure, &["--json"]).done().json();
    assert!(way(&ways, "non-secure-first")["what"].as_str().unwrap().contains("keep the CTL"), "{ways}");
}

#[test]
fn a_place_without_lists_is_no_cluster() {
    let world = world(["tokenless.tlv", "itl.tlv"], ["", ""]);
    let refused = plan(&world, &[]);
    assert_eq!(refused.code, 4, "{}", refused.all());
    assert!(
        refused.stderr.contains("b is no folder with a CTLFile.tlv or an ITLFile.tlv"),
        "{}",
        refused.stderr
    );
    world.place("itl.tlv", "b/CTLFile.tlv");
    let wrong = plan(&world, &[]);
    assert_eq!(wrong.code, 2, "an ITL is no CTL: {}", wrong.all());
}
