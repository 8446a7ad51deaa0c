//! The simulated node of the other stories is compared with the documents: it shares no code with the program, its words have
//! sources, its lists are those of real nodes, and it serves files as a real node does.

use std::path::PathBuf;

use sastctl::trustlist::TrustList;

use crate::pki;
use crate::support::World;
use crate::support::cluster::{Cluster, SSH_PORT, Ssh, TVS_PORT, can_run};
use crate::support::lists::{self, List};

fn below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![pki::path(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// With shared code, an error of the program would be in the node, too.
#[test]
fn the_node_shares_no_code_with_the_program() {
    for path in below("tests/fake_cucm", "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for shared in ["sastctl::", "mod pki", "../../src", "crate::pki"] {
            assert!(!text.contains(shared), "{}: {shared}", path.display());
        }
    }
}

#[test]
fn the_words_of_the_node_have_sources() {
    for path in below("tests/fake_cucm/transcripts", "txt") {
        let text = std::fs::read_to_string(&path).unwrap();
        let head: Vec<&str> = text.lines().take_while(|l| !l.starts_with('@')).collect();
        assert!(head.first().is_some_and(|l| l.starts_with("# source: ")), "{}", path.display());
        assert!(head.iter().all(|l| l.starts_with("# ")), "{}: {head:?}", path.display());
        assert!(!head.iter().any(|l| l.contains("../") || l.contains("/work")), "a document, not a path");
        let names: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix('@')).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{}: {names:?}", path.display());
    }
}

const GOLDEN: [(&str, &str, &str); 5] = [
    ("tokenless", "CTL", "Europe/Warsaw"),
    ("tokenless-regenerated", "CTL", "Europe/Warsaw"),
    ("token-signed", "CTL", "Europe/Warsaw"),
    ("token-signed-non-secure", "CTL", "Europe/Warsaw"),
    ("itl", "ITL", "America/New_York"),
];

#[test]
fn the_node_prints_lists_as_in_the_documents() {
    for (name, kind, zone) in GOLDEN {
        let list = List::read(&pki::golden_bytes(&format!("{name}.tlv"))).unwrap();
        assert!(list.verifies(), "{name}");
        let text = String::from_utf8(pki::golden_bytes(&format!("{name}.show.txt"))).unwrap();
        let shown = lists::show::show(&list, kind, zone);
        assert_eq!(shown.trim_end(), text.trim_end(), "{name}");
    }
}

/// Two independent readers: if one verifies a list and the other does not, one of them is wrong.
#[test]
fn the_node_and_the_program_verify_the_same_lists() {
    for (name, ..) in GOLDEN {
        let golden = pki::golden_bytes(&format!("{name}.tlv"));
        for at in (0..golden.len()).step_by(7).chain(0..350) {
            let mut bytes = golden.clone();
            bytes[at] ^= 1 << (at % 8);
            let theirs = List::read(&bytes).is_some_and(|list| list.verifies());
            let ours = TrustList::decode(bytes).is_ok_and(|list| list.verify().is_ok());
            assert_eq!(ours, theirs, "{name}: byte {at}");
        }
    }
}

/// A cluster, with a function to send commands to its nodes.
struct Story {
    world: World,
    cluster: Cluster,
}

fn started(count: usize) -> Option<Story> {
    if !can_run() {
        return None;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, count, Ssh::Today);
    Some(Story { world, cluster })
}

impl Story {
    /// The answer of a node to these lines, each a command or an answer to a question.
    fn tell(&self, node: usize, lines: &[&str]) -> String {
        let address = format!("ssh://root@{}:{SSH_PORT}", self.cluster.nodes[node].address);
        let options = self.cluster.options();
        let mut args = vec!["cluster", "console", &address];
        args.extend(options.iter().map(String::as_str));
        let input = format!("{}\nexit\n", lines.join("\n"));
        self.world.run_with_input(&args, input.as_bytes()).stdout
    }

    /// Which nodes serve this list.
    fn serving(&self, bytes: &[u8]) -> Vec<bool> {
        self.cluster.nodes.iter().map(|n| n.ctl().is_some_and(|ctl| ctl == bytes)).collect()
    }

    fn trust_both_tokens(&self) {
        let folder = self.cluster.nodes[0].folder.join("trust");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["SAST-ADN008580ef", "SAST-ADN0054f509"] {
            let der = pki::path(&format!("softhsm-fixtures/{name}.der"));
            std::fs::copy(der, folder.join(format!("{name}.der"))).unwrap();
        }
    }
}

/// 118893: the golden list is what `utils ctl set-cluster mixed-mode` made.
#[test]
fn the_publisher_makes_the_golden_list() {
    let Some(story) = started(1) else { return };
    let node = &story.cluster.nodes[0];
    node.remove("CTLFile.tlv");
    std::fs::write(node.folder.join("mode"), "0").unwrap();
    node.quirks(&["time=1425675367"]);
    let said = story.tell(0, &["show ctl", "utils ctl set-cluster mixed-mode", "y", "show ctl"]);
    for words in [
        "CTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate the CTL file.",
        "This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):",
        "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster",
        "070367a63575fce81194a47c671ce3c2(MD5)",
        "The CTL file was verified successfully.",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(node.disk_ctl().unwrap() == pki::golden_bytes("tokenless.tlv"));
    assert_eq!(std::fs::read_to_string(node.folder.join("mode")).unwrap(), "1");
}

/// CUCM copies the new file to every node; each serves it once Cisco Tftp was restarted there.
#[test]
fn a_node_serves_a_new_list_after_a_restart() {
    let Some(story) = started(3) else { return };
    story.trust_both_tokens();
    let old = pki::golden_bytes("tokenless.tlv");
    let said = story.tell(0, &["utils ctl update CTLFile", "y"]);
    assert!(said.contains("CTL file Updated"), "{said}");
    let new = story.cluster.nodes[0].disk_ctl().unwrap();
    assert!(new != old && story.cluster.nodes.iter().all(|n| n.disk_ctl().unwrap() == new));
    assert_eq!(story.serving(&old), [true; 3], "nobody was restarted");
    story.tell(1, &["utils service restart Cisco Tftp"]);
    assert_eq!(story.serving(&new), [false, true, false]);
    story.tell(0, &["utils service restart Cisco CallManager"]);
    assert_eq!(story.serving(&new), [false, true, false], "that is another service");

    // It contains both tokens as SAST, and the publisher signed it.
    let list = TrustList::decode(new).unwrap();
    assert_eq!(list.verify().unwrap().signer_name(), "cucm-1051-a-pub");
    for name in ["SAST-ADN008580ef", "SAST-ADN0054f509"] {
        assert!(list.sasts().any(|r| r.is_of(&pki::token(name))), "{name}");
    }
    // A deletion removes the file from one disk.
    story.tell(1, &["file delete tftp CTLFile.tlv", "y"]);
    assert!(story.cluster.nodes[1].disk_ctl().is_none() && story.cluster.nodes[1].ctl().is_some());
    let said = story.tell(1, &["utils service restart Cisco Tftp", "utils ctl update CTLFile"]);
    assert!(said.contains("on the publisher only"), "{said}");
    assert!(story.cluster.nodes[1].ctl().is_none());
}

/// 118892: in non-secure mode the CTL stays, its servers emptied, unless it is deleted on each node.
#[test]
fn a_list_is_left_behind_in_non_secure_mode() {
    let Some(story) = started(1) else { return };
    let said = story.tell(0, &["utils ctl set-cluster non-secure-mode", "y", "show ctl"]);
    assert!(said.contains("Cluster set to Non Secure Mode"), "{said}");
    assert!(said.contains("\t33") && said.contains("The CTL file was verified successfully."), "{said}");
    let said = story.tell(0, &["file delete activelog cm/tftpdata/CTLFile.tlv", "y", "show ctl"]);
    assert!(said.contains("files: found = 1, deleted = 1"), "{said}");
    assert!(said.contains("Length of CTL file: 0"), "{said}");
}

#[test]
fn what_a_node_says_changes_with_its_release() {
    let Some(story) = started(2) else { return };
    let release = |text: &str| std::fs::write(story.cluster.nodes[0].folder.join("version"), text).unwrap();
    let asks = ["utils ctl update CTLFile", "n", "show license summary"];
    release("9.1.2.10000-28");
    let said = story.tell(0, &asks);
    assert_eq!(said.matches("No valid command").count(), 3, "neither, and n is no command: {said}");
    release("10.5.2.10000-5");
    let said = story.tell(0, &asks);
    assert!(
        said.contains("This operation updates the CTLFile.") && said.contains("No valid command"),
        "{said}"
    );
    release("14.0.1.10000-20");
    let said = story.tell(0, &asks);
    assert!(said.contains("This operation will update the CTLFile."), "{said}");
    assert!(said.contains("Export-Controlled Functionality: Allowed"), "{said}");
    story.cluster.nodes[0].quirks(&["no-license", "backup=none", "replication=down"]);
    let said = story.tell(
        0,
        &[
            "utils ctl update CTLFile",
            "show license summary",
            "utils disaster_recovery history backup",
            "utils dbreplication runtimestate",
        ],
    );
    for words in [
        "is not registered to a Smart/Virtual Account with Allow export-controlled functionality",
        "UNREGISTERED",
        "No history data is available",
        "Cisco DB is not running",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(story.cluster.nodes[0].disk_ctl().unwrap() == pki::golden_bytes("tokenless.tlv"));
}

/// Each node signs its own ITL, and its TVS shows the certificate that the ITL names.
#[test]
fn nodes_have_itls_of_their_own() {
    let Some(story) = started(2) else { return };
    story.cluster.give_own_itls();
    let itls: Vec<Vec<u8>> = story
        .cluster
        .nodes
        .iter()
        .map(|n| std::fs::read(n.folder.join("served/ITLFile.tlv")).unwrap())
        .collect();
    assert!(itls[0] != itls[1]);
    for (itl, signer) in itls.iter().zip(["cucm-1051-a-pub", "cucm-1051-a-sub1"]) {
        assert_eq!(TrustList::decode(itl.clone()).unwrap().verify().unwrap().signer_name(), signer);
    }
    for node in &story.cluster.nodes {
        let hash = lists::List::read(&itls[0]).unwrap();
        let shown = lists::sha1(&std::fs::read(node.folder.join("tvs.der")).unwrap());
        assert!(hash.records.iter().any(|r| lists::value(r, 11) == Some(&shown[..])));
    }
}

/// The request of a phone to a node's TVS, and the answer.
fn ask_tvs(address: &str, command: u8, elements: &[(u8, &[u8])]) -> Vec<u8> {
    use std::io::{Read as _, Write as _};

    use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    let tcp = std::net::TcpStream::connect((address, TVS_PORT)).unwrap();
    let mut tls = builder.build().connect("tvs", tcp).unwrap();
    let mut body = vec![];
    for (tag, value) in elements {
        body.push(*tag);
        body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(*value);
    }
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    tls.write_all(&[&[87, 1, command, 0, 0, 0, 3, 0xe9][..], &length, &body].concat()).unwrap();
    let mut answer = vec![];
    tls.read_to_end(&mut answer).unwrap();
    answer
}

/// VERIFY for a server's certificate, QUERY for the signer of a list, as the lists spell it.
#[test]
fn the_tvs_of_a_node_answers_both_questions() {
    let Some(story) = started(1) else { return };
    let address = &story.cluster.nodes[0].address;
    let token = std::fs::read(pki::path("softhsm-fixtures/SAST-ADN008580ef.der")).unwrap();
    let token = lists::Certificate::read(&token).unwrap();
    let names = token.spelled_by_the_client();
    let device = b"\x01CP-8861-SEP001122334455";
    let query = [(1, &device[..]), (3, &names.subject), (4, &names.issuer), (5, &names.serial)];
    let verify = [(1, &device[..]), (2, &token.der[..])];
    assert_eq!(ask_tvs(address, 3, &query)[..], *b"\x57\x01\x04\xf7\0\0\x03\xe9\0\x04\x07\0\x01\x01");
    assert_eq!(ask_tvs(address, 1, &verify)[..], *b"\x57\x01\x02\0\0\0\x03\xe9\0\x04\x07\0\x01\x01");
    story.trust_both_tokens();
    let end = b"\x08\0\x01\0\x09\0\x04\0\x01\x51\x80";
    let found = ask_tvs(address, 3, &query);
    assert_eq!(found[10..15], *b"\x07\0\x01\0\x02");
    assert!(found.windows(token.der.len()).any(|w| w == token.der) && found.ends_with(end));
    assert!(ask_tvs(address, 1, &verify).ends_with(&[&b"\x07\0\x01\0"[..], end].concat()));
    // Its own CallManager certificate is known without an upload, as SAST and CCM+TFTP.
    let own = lists::Certificate::read(&pki::read("tests/testdata/pki/cucm-1051-a-pub.der")).unwrap();
    let names = own.spelled_by_cucm();
    let query = [(1, &device[..]), (3, &names.subject), (4, &names.issuer), (5, &names.serial)];
    assert!(ask_tvs(address, 3, &query).ends_with(b"\x08\0\x02\0\x02\x09\0\x04\0\x01\x51\x80"));
    story.cluster.nodes[0].quirks(&["tvs-roles=21"]);
    assert!(ask_tvs(address, 3, &query).ends_with(b"\x08\0\x01\x15\x09\0\x04\0\x01\x51\x80"));
}
