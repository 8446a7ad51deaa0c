//! `cluster audit --inventory`: many clusters side by side, their page and their metrics.

use std::collections::BTreeSet;

use super::{audit, fitting, found, names};
use crate::support::World;
use crate::support::cluster::{Cluster, Ssh, TVS_PORT};
use crate::support::cluster_lists::{fit, renew};

/// An inventory: a name, a publisher and more lines each.
fn inventory(world: &World, clusters: &[(&str, String, String)]) {
    let text = |(name, node, more): &(&str, String, String)| {
        format!("[[cluster]]\nname = {name:?}\nnode = {node:?}\n{more}\n")
    };
    std::fs::write(world.path("inventory.toml"), clusters.iter().map(text).collect::<String>()).unwrap();
}

/// The tokens of an inventory are compared; an account is named and never written down.
#[test]
fn an_inventory_names_tokens_and_accounts() {
    let Some((world, cluster)) = fitting(1) else { return };
    std::fs::copy(crate::pki::path("softhsm-fixtures/SAST-ADN0054f509.der"), world.path("spare.der"))
        .unwrap();
    let options = cluster.options();
    let (_, keys) = options.split_at(2);
    let identity = format!("identity = {:?}", cluster.folder.join("user_key"));
    let with = |more: &str| {
        inventory(&world, &[("Berlin", cluster.publisher(), format!("{identity}\n{more}"))]);
        let port = TVS_PORT.to_string();
        let command = ["cluster", "audit", "--inventory", "inventory.toml", "--tvs-port", &port];
        let ports = Cluster::ports();
        let more = keys.iter().chain(&ports).map(String::as_str);
        world.run(&command.into_iter().chain(more).chain(["--json"]).collect::<Vec<_>>())
    };
    with("tokens = [\"SAST-ADN008580ef\", \"spare.der\"]").done();
    let other = with("tokens = [\"SAST-ADN008580ef\", \"SAST-ADN0011aa22\"]");
    let expected = [("token-missing", "SAST-ADN0011aa22"), ("token-not-expected", "SAST-ADN0054f509")];
    assert_eq!(found(&other.json()), names(&expected));
    // The cluster became tokenless: the file of the publisher's own making.
    cluster.nodes[0].put("CTLFile.tlv", &crate::pki::golden_bytes("tokenless.tlv"));
    let tokenless = with("tokens = [\"SAST-ADN008580ef\"]").json();
    assert!(found(&tokenless).iter().any(|f| f.starts_with("tokenless ")), "{tokenless:#}");
    let mend =
        tokenless["clusters"][0]["findings"].as_array().unwrap().iter().find(|f| f["kind"] == "node-missing");
    assert!(mend.unwrap()["mend"].as_str().unwrap().ends_with(": utils ctl update CTLFile"), "{tokenless:#}");
    for (more, says) in [
        ("password = \"Secret-1\"", "line 5: unknown field `password`"),
        ("password-source = \"Secret-1\"", "line 5: not a PIN source"),
        ("password-source = \"fd:3\"", "password-source must be env:VAR or file:PATH"),
        ("jump = \"Secret 1\"", "line 5: not the address of a node"),
        (
            "[[cluster]]\nname = \"Berlin\"\nnode = \"10.1.2.3\"\nidentity = \"x\"",
            "Berlin: this name is there twice",
        ),
    ] {
        let port = TVS_PORT.to_string();
        inventory(&world, &[("Berlin", cluster.publisher(), format!("{identity}\n{more}"))]);
        let wrong = world.run(&["cluster", "audit", "--inventory", "inventory.toml", "--tvs-port", &port]);
        assert_eq!(wrong.code, 4, "{}", wrong.all());
        assert!(wrong.stderr.contains(says) && !wrong.stderr.contains("Secret"), "{}", wrong.stderr);
    }
    inventory(&world, &[("Berlin", cluster.publisher(), String::new())]);
    let nobody = world.run(&["cluster", "audit", "--inventory", "inventory.toml"]);
    assert_eq!(nobody.code, 4, "nobody is asked for a password: {}", nobody.all());
    let wrong = world.run(&["cluster", "audit", "10.1.2.3", "--within", "soon"]);
    assert_eq!(wrong.code, 2, "{}", wrong.all());
}

/// A name from a file cannot control the terminal, imitate a message, or break a metric.
#[test]
fn a_name_stays_on_its_line() {
    let world = World::new();
    let text = "[[cluster]]\nname = \"A\\u001b[2J\\nerror: all is well\\u009b\"\nnode = \"127.0.0.99:9\"\nidentity = \"x\"\n";
    std::fs::write(world.path("inventory.toml"), text).unwrap();
    let command = [
        "cluster",
        "audit",
        "--inventory",
        "inventory.toml",
        "--metrics",
        "audit.prom",
        "--html",
        "audit.html",
    ];
    let gone = world.run(&command);
    assert_eq!(gone.code, 1, "{}", gone.all());
    let json = world.run(&[&command[..], &["--json"]].concat());
    let page = String::from_utf8(world.read("audit.html")).unwrap();
    for text in [&gone.stdout, &gone.stderr, &json.stdout, &json.stderr, &page] {
        assert!(!text.contains(['\u{1b}', '\u{9b}']), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: all")), "{text}");
    }
    let metrics = String::from_utf8(world.read("audit.prom")).unwrap();
    assert!(metrics.chars().all(|c| c == '\n' || !c.is_control()), "{metrics:?}");
    assert!(
        accepted(&metrics).iter().any(|s| s.contains("\\nerror: all is well") && s.ends_with("\"} 0")),
        "{metrics}"
    );
}

/// 50 clusters, side by side: one has a drift, one is not reached, and neither stops the others.
#[test]
fn a_fleet_is_audited_side_by_side() {
    let Some((world, first)) = fitting(1) else { return };
    let clusters: Vec<Cluster> = (1..50)
        .map(|number| Cluster::start_in(&world, &format!("cluster-{number}"), 1, Ssh::Today))
        .collect();
    clusters.iter().for_each(fit);
    renew(&clusters[30].nodes[0], "CAPF");
    let mut listed: Vec<(String, String, String)> = [&first]
        .into_iter()
        .chain(&clusters)
        .enumerate()
        .map(|(number, c)| {
            (format!("Site {number}"), c.publisher(), format!("identity = {:?}", c.folder.join("user_key")))
        })
        .collect();
    listed.push((
        "Gone \"<b>\\".to_owned(),
        "root@127.0.0.99:9".to_owned(),
        "identity = \"none\"".to_owned(),
    ));
    let listed: Vec<_> =
        listed.iter().map(|(name, node, more)| (&name[..], node.clone(), more.clone())).collect();
    inventory(&world, &listed);
    let options = first.options();
    let port = TVS_PORT.to_string();
    let ports = Cluster::ports();
    let more = || options[2..].iter().chain(&ports).map(String::as_str);
    let begun = std::time::Instant::now();
    audit(&world, &first, &[]).done();
    let alone = begun.elapsed();
    let command = [
        "cluster",
        "audit",
        "--inventory",
        "inventory.toml",
        "--tvs-port",
        &port,
        "--json",
        "--metrics",
        "audit.prom",
        "--html",
        "audit.html",
    ];
    let begun = std::time::Instant::now();
    let all = world.run(&command.into_iter().chain(more()).collect::<Vec<_>>());
    let fleet = begun.elapsed();
    println!("one cluster: {alone:?}, {} clusters: {fleet:?}", listed.len());
    assert_eq!(all.code, 1, "{}", all.all());
    assert!(all.stderr.contains("2 of 51 clusters need a hand"), "{}", all.stderr);
    assert!(fleet < alone * 25, "side by side: {fleet:?} beside {alone:?}");
    let report = all.json();
    let names: Vec<&str> =
        report["clusters"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), &names[..2]), (51, &["Gone \"<b>\\", "Site 31"][..]), "what hurts first");
    let metrics = String::from_utf8(world.read("audit.prom")).unwrap();
    let samples = accepted(&metrics);
    for sample in [
        r#"sastctl_cluster_audit_up{cluster="Gone \"<b>\\"} 0"#,
        r#"sastctl_cluster_audit_up{cluster="Site 31"} 1"#,
        r#"sastctl_cluster_audit_findings{cluster="Site 31",severity="error"} 1"#,
        r#"sastctl_cluster_audit_findings{cluster="Site 30",severity="error"} 0"#,
    ] {
        assert!(samples.contains(sample), "{sample}\n{metrics}");
    }
    let ends =
        samples.iter().filter(|s| s.starts_with("sastctl_cluster_certificate_expiry_timestamp_seconds{"));
    assert_eq!(ends.count(), 50 * 5, "tomcat, ipsec, CallManager, CAPF and TVS of each");
    let page = String::from_utf8(world.read("audit.html")).unwrap();
    assert!(page.contains("2 of 51 need a hand") && page.contains("Gone &quot;&lt;b&gt;"), "{page}");
    for elsewhere in ["src=", "href=", "url(", "@import", "<script", "<b>"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    // It runs every night: the files are replaced, without a copy of the old ones.
    audit(&world, &first, &["--metrics", "audit.prom", "--html", "audit.html"]).done();
    accepted(&String::from_utf8(world.read("audit.prom")).unwrap());
    assert!(!world.files().iter().any(|name| name.contains(".bak")), "{:?}", world.files());
}

/// The samples of a file of Prometheus that keeps the rules of `promtool check metrics`: each metric has its help and its type,
/// and a name without its type, in base units, in small letters.
fn accepted(metrics: &str) -> BTreeSet<String> {
    let (mut helps, mut types, mut samples) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    assert!(metrics.ends_with('\n'));
    for line in metrics.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let words: Vec<&str> = rest.splitn(3, ' ').collect();
            let new = match words[0] {
                "HELP" => helps.insert(words[1]) && !words[2].trim().is_empty(),
                "TYPE" => types.insert(words[1]) && words[2] == "gauge",
                _ => false,
            };
            assert!(new, "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(helps.contains(name) && types.contains(name), "help and type come first: {line}");
        let is_name =
            |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(is_name(name), "{line}");
        for not in [
            "_total",
            "_count",
            "_sum",
            "_bucket",
            "_info",
            "_gauge",
            "_ms",
            "milliseconds",
            "minutes",
            "days",
        ] {
            assert!(!name.ends_with(not), "{line}");
        }
        let mut rest = labels.strip_suffix('}').unwrap();
        while let Some((label, behind)) = rest.split_once("=\"") {
            assert!(is_name(label.trim_start_matches(',')), "{line}");
            let mut escaped = false;
            let end = behind.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            rest = &behind[end.unwrap() + 1..];
        }
        assert!(rest.is_empty(), "{line}");
        assert!(samples.insert(line.to_owned()), "twice: {line}");
    }
    samples
}
