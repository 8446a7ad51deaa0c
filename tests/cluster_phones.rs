//! The phones of a cluster: those that its nodes know, put together with those in its database; then they are asked.

use crate::cluster::started;
use crate::pki;
use crate::support::cluster::Ssh;
use crate::support::phones::{Behaviour, HTTP, HTTPS, SERVICEABILITY, network, phone};

#[test]
fn phones_of_all_nodes_are_listed_and_asked() {
    let Some((world, cluster)) = started(2, Ssh::Today) else { return };
    let sum = "07 03 67 A6 35 75 FC E8 11 94 A4 7C 67 1C E3 C2";
    let asked = phone(Behaviour::Pages(vec![(SERVICEABILITY, network(sum))]));
    let moved = phone(Behaviour::Closed);
    let publisher = format!(
        "SEP00AA;Reception, ground floor, left;{asked};Cisco 8845;reg;1700000100\n\
         SEP00BB;Moved;10.9.9.9;Cisco 7962;unr;1700000000\n"
    );
    std::fs::write(cluster.nodes[0].folder.join("phones"), publisher).unwrap();
    std::fs::write(
        cluster.nodes[1].folder.join("phones"),
        format!("SEP00BB;Moved;{moved};Cisco 7962;registered;1700000200\n"),
    )
    .unwrap();
    std::fs::write(
        cluster.nodes[0].folder.join("phones-in-database"),
        "SEP00CC;Spare  in the cellar;;Cisco 7940;;\n",
    )
    .unwrap();
    let options = cluster.options();
    let with = |args: &[&str]| {
        let all: Vec<&str> = args.iter().copied().chain(options.iter().map(String::as_str)).collect();
        world.run(&all)
    };
    let node = cluster.publisher();
    let listed = with(&["phones", "list", "--node", &node, "--json"]).done().json();
    let expected = serde_json::json!([
        {"name": "SEP00AA", "address": asked, "model": "Cisco 8845", "description": "Reception, ground floor, left",
         "registration": "registered", "security_by_default": null},
        {"name": "SEP00BB", "address": moved, "model": "Cisco 7962", "description": "Moved", "registration": "registered",
         "security_by_default": null},
        {"name": "SEP00CC", "address": "", "model": "Cisco 7940", "description": "Spare  in the cellar",
         "registration": "not-known", "security_by_default": null},
    ]);
    assert_eq!(listed["phones"], expected);

    with(&["phones", "list", "--node", &node, "--out", "phones.csv"]).done();
    std::fs::write(world.path("CTLFile.tlv"), pki::golden_bytes("tokenless.tlv")).unwrap();
    let (http, https) = (HTTP.to_string(), HTTPS.to_string());
    let check = [
        "phones",
        "check",
        "--expect",
        "CTLFile.tlv",
        "--phone-http-port",
        &http,
        "--phone-https-port",
        &https,
    ];
    let from_file = world.run(&[&check[..], &["--phones", "phones.csv", "--json"]].concat()).done().json();
    let from_node = with(&[&check[..], &["--node", &node, "--json"]].concat()).done().json();
    assert_eq!(from_file, from_node, "the file that was written is the list of the node");
    assert_eq!((&from_node["all"]["expected"], &from_node["all"]["cannot_ask"]), (&1.into(), &2.into()));
}

/// The database tells which models have Security by Default, and so the class of each phone; the file keeps it.
#[test]
fn the_database_tells_the_class_of_a_phone() {
    let Some((world, cluster)) = started(1, Ssh::Today) else { return };
    let put = |name: &str, text: &str| std::fs::write(cluster.nodes[0].folder.join(name), text).unwrap();
    put("phones-in-database", "SEP00AA;;;Cisco 7962;;\nSEP00BB;;;Cisco 7912;;\nSEP00CC;;;Cisco 8845;;\n");
    put("features", "91;Extension Mobility\n92;Security By Default\n");
    put("models-with-default", "Cisco 7962\nCisco 8845\n");
    let (node, options) = (cluster.publisher(), cluster.options());
    let list = ["phones", "list", "--node", &node, "--out", "phones.csv"];
    let list: Vec<&str> = list.into_iter().chain(options.iter().map(String::as_str)).collect();
    world.run(&list).done();
    for (name, golden) in [("CTLFile.tlv", "tokenless.tlv"), ("new.tlv", "token-signed.tlv")] {
        world.place(golden, name);
    }
    let check =
        ["ctl", "check", "new.tlv", "--installed-ctl=CTLFile.tlv", "--phones-from=phones.csv", "--json"];
    let by_class = world.run(&check).json()["phones_on_list"].clone();
    let expected = serde_json::json!([
        {"class": "security-by-default", "names": ["SEP00AA", "SEP00CC"]},
        {"class": "without-tvs", "names": ["SEP00BB"]},
        {"class": null, "names": []},
    ]);
    assert_eq!(by_class, expected);
    // The name of the feature is not published: where none or several fit, nothing is guessed.
    for features in ["91;Extension Mobility\n", "92;Security By Default\n93;Security By Default, old\n"] {
        put("features", features);
        world.run(&list.iter().copied().chain(["--force"]).collect::<Vec<_>>()).done();
        let by_class = world.run(&check).json()["phones_on_list"].clone();
        assert_eq!(by_class[2]["names"], serde_json::json!(["SEP00AA", "SEP00BB"]), "{by_class}");
    }
}

/// A node that is down leaves a list that lacks its phones: that is no success.
#[test]
fn what_was_not_read_is_said() {
    let Some((world, mut cluster)) = started(2, Ssh::Today) else { return };
    std::fs::write(cluster.nodes[0].folder.join("phones"), "SEP00AA;Desk;10.0.0.1;Cisco 8845;reg;1\n")
        .unwrap();
    cluster.nodes[1].stop();
    let options = cluster.options();
    let node = cluster.publisher();
    let mut command = vec!["phones", "list", "--node", &node];
    command.extend(options.iter().map(String::as_str));
    let listed = world.run(&command);
    assert_eq!(listed.code, 1, "{}", listed.all());
    let lacks = format!("the list lacks the phones of {}:2222", cluster.nodes[1].address);
    assert!(listed.stderr.contains(&lacks), "{}", listed.all());
    assert!(listed.stdout.contains("1 phone, 1 registered"), "{}", listed.all());
    let warning = format!("warning: {}:2222: its phones were not read", cluster.nodes[1].address);
    assert!(listed.stderr.contains(&warning), "{}", listed.all());
    command.push("--json");
    let not_read = world.run(&command).json()["not_read"].clone();
    assert_eq!(not_read, serde_json::json!([format!("{}:2222", cluster.nodes[1].address)]));
}
