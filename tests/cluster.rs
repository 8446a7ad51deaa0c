//! A cluster's nodes over real sshd, tftpd and HTTP, and a node on a serial line.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use crate::pki;
use crate::support::cluster::{Cluster, Ssh, can_run, fake_cucm, node_folder};
use crate::support::{Outcome, World};

/// The world and its cluster; `None`, with a message, if a real server is not installed.
pub fn started(count: usize, ssh: Ssh) -> Option<(World, Cluster)> {
    if !can_run() {
        return None;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, count, ssh);
    Some((world, cluster))
}

fn run(world: &World, cluster: &Cluster, args: &[&str]) -> Outcome {
    let options = cluster.options();
    let all: Vec<&str> = args.iter().copied().chain(options.iter().map(String::as_str)).collect();
    world.run(&all)
}

pub fn with_ports(world: &World, cluster: &Cluster, args: &[&str]) -> Outcome {
    let ports = Cluster::ports();
    let all: Vec<&str> = args.iter().copied().chain(ports.iter().map(String::as_str)).collect();
    run(world, cluster, &all)
}

#[test]
fn the_status_of_every_node_is_shown() {
    let Some((world, cluster)) = started(3, Ssh::Today) else { return };
    for quirks in [&["pager=first", "ansi", "delay=20"][..], &["pager=second", "old"], &["noise"]] {
        cluster.nodes.iter().for_each(|n| n.quirks(quirks));
        let status = with_ports(&world, &cluster, &["cluster", "status", &cluster.publisher(), "--json"])
            .done()
            .json();
        assert_eq!(status["mode"], "mixed");
        assert_eq!(status["version"], "10.5.1.10000-7");
        assert_eq!(status["same_everywhere"], true);
        let nodes = status["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 3);
        for node in nodes {
            assert_eq!(node["ctl"], "verified", "{quirks:?}");
            assert_eq!(node["signed_by"], "cucm-1051-a-pub");
            assert_eq!(node["md5"], "070367a63575fce81194a47c671ce3c2");
            assert_eq!(node["services"][0][1], "started");
        }
    }
    cluster.nodes[2].put("CTLFile.tlv", &pki::golden_bytes("token-signed.tlv"));
    let differs = with_ports(&world, &cluster, &["cluster", "status", &cluster.publisher()]);
    assert_eq!(differs.code, 1, "{}", differs.all());
    assert!(differs.stderr.contains("not every node serves the same verified CTL"), "{}", differs.stderr);
}

#[test]
fn the_lists_of_every_node_are_fetched_and_compared() {
    let Some((world, mut cluster)) = started(2, Ssh::Today) else { return };
    let publisher = cluster.publisher();
    let fetch = ["cluster", "fetch", "--node", &publisher, "--out", "lists"];
    let fetched = with_ports(&world, &cluster, &[&fetch[..], &["--json"]].concat()).done().json();
    assert_eq!(fetched["written"].as_array().unwrap().len(), 2);
    assert!(world.read("lists/CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"));
    assert!(world.read("lists/ITLFile.tlv") == pki::golden_bytes("itl.tlv"));
    let refused = with_ports(&world, &cluster, &fetch);
    assert_eq!(refused.code, 4, "what is there is not replaced");

    cluster.nodes[1].put("CTLFile.tlv", &pki::golden_bytes("token-signed.tlv"));
    let differs = with_ports(&world, &cluster, &[&fetch[..], &["--force", "--file", "CTLFile.tlv"]].concat());
    assert_eq!(differs.code, 1);
    assert!(differs.stderr.contains("has another CTLFile.tlv than"), "{}", differs.stderr);
    cluster.nodes[1].remove("CTLFile.tlv");
    let lacks = with_ports(&world, &cluster, &[&fetch[..], &["--force", "--file", "CTLFile.tlv"]].concat());
    assert!(lacks.stderr.contains("has no CTLFile.tlv"), "{}", lacks.stderr);
    // The first node may be the one without it, for example directly after a deletion.
    let golden = pki::golden_bytes("tokenless.tlv");
    cluster.nodes[0].remove("CTLFile.tlv");
    cluster.nodes[1].put("CTLFile.tlv", &golden);
    let lacks = with_ports(&world, &cluster, &[&fetch[..], &["--force", "--file", "CTLFile.tlv"]].concat());
    assert_eq!(lacks.code, 1, "{}", lacks.all());
    assert!(lacks.stderr.contains("has no CTLFile.tlv"), "{}", lacks.stderr);
    cluster.nodes[0].put("CTLFile.tlv", &golden);

    // By HTTP where TFTP is silent, and from the shell where both are.
    cluster.nodes[1].stop();
    let node = cluster.nodes[0].address.clone();
    let alone = ["cluster", "fetch", "--node", &node, "--alone", "--out", "http", "--tftp-port", "6"];
    let http = run(&world, &cluster, &[&alone[..], &["--http-port", "16970"]].concat()).done();
    assert!(http.stdout.contains("by HTTP"), "{}", http.stdout);
    let neither = ["cluster", "fetch", "--node", &node, "--alone", "--out", "none", "--tftp-port", "6"];
    let neither = run(&world, &cluster, &[&neither[..], &["--http-port", "6"]].concat());
    assert_eq!(neither.code, 5, "{}", neither.all());
    assert!(neither.stderr.contains("TFTP") && neither.stderr.contains("HTTP"), "{}", neither.stderr);
    let dump = [
        "cluster",
        "fetch",
        "--node",
        &publisher,
        "--alone",
        "--dump",
        "--file",
        "CTLFile.tlv",
        "--out",
        "dump",
    ];
    let dumped =
        run(&world, &cluster, &[&dump[..], &["--tftp-port", "6", "--http-port", "6"]].concat()).done();
    assert!(dumped.stdout.contains("by file dump"), "{}", dumped.stdout);
    assert!(world.read("dump/CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"));
}

#[test]
fn services_are_restarted_where_they_run() {
    let Some((world, cluster)) = started(2, Ssh::Today) else { return };
    let only_tftp = "Cisco CallManager[STOPPED]  Service Not Activated\nCisco Tftp[STARTED]\n";
    std::fs::write(cluster.nodes[1].folder.join("services"), only_tftp).unwrap();
    let publisher = cluster.publisher();
    let said = run(&world, &cluster, &["cluster", "restart", "--node", &publisher, "--yes", "--json"]);
    let restarted = said.done().json()["restarted"].as_array().unwrap().len();
    assert_eq!(restarted, 4, "two services on each of two nodes: a state for each");
    let restarts = |node: usize| -> Vec<String> {
        cluster.nodes[node].told().into_iter().filter(|c| c.contains("restart")).collect()
    };
    assert_eq!(restarts(0), ["utils service restart Cisco Tftp", "utils service restart Cisco CallManager"]);
    assert_eq!(restarts(1), ["utils service restart Cisco Tftp"]);

    let without_yes = run(&world, &cluster, &["cluster", "restart", "--node", &publisher]);
    assert_eq!(without_yes.code, 2, "it ran without a yes: {}", without_yes.all());
    let stays_down = "Cisco CallManager[STARTED]\nCisco Tftp[STOPPED]\n";
    std::fs::write(cluster.nodes[1].folder.join("services"), stays_down).unwrap();
    cluster.nodes[1].quirks(&["stays-down=Cisco Tftp"]);
    let down = run(&world, &cluster, &["cluster", "restart", "--node", &publisher, "--yes"]);
    assert_eq!(down.code, 5, "{}", down.all());
    assert!(down.stderr.contains("is stopped after its restart"), "{}", down.stderr);
}

#[test]
fn a_node_with_only_old_ssh_algorithms_needs_an_option() {
    let Some((world, cluster)) = started(1, Ssh::Old) else { return };
    let publisher = cluster.publisher();
    let hint = with_ports(&world, &cluster, &["cluster", "status", &publisher]);
    assert_eq!(hint.code, 5);
    assert!(
        hint.stderr.contains("of SSH in common: it offers diffie-hellman-group14-sha1; sastctl"),
        "{}",
        hint.stderr
    );
    assert!(hint.stderr.contains("--legacy-ssh"), "{}", hint.stderr);
    let reached = with_ports(&world, &cluster, &["cluster", "status", &publisher, "--legacy-ssh"]).done();
    assert!(reached.stdout.contains("Release 10.5.1.10000-7, mixed mode"), "{}", reached.stdout);
    assert!(reached.stderr.contains("warning: old SSH algorithms are allowed"), "{}", reached.stderr);
}

#[test]
fn host_keys_are_shown_saved_and_never_replaced_silently() {
    let Some((world, cluster)) = started(1, Ssh::Today) else { return };
    let publisher = cluster.publisher();
    let options = cluster.options();
    let (without_key, key) = options.split_at(4);
    let status = |more: &[String]| {
        let ports = Cluster::ports();
        let more = more.iter().chain(&ports).map(String::as_str);
        world.run(&["cluster", "status", &publisher].into_iter().chain(more).collect::<Vec<_>>())
    };
    let unknown = status(without_key);
    assert_eq!(unknown.code, 5);
    assert!(unknown.stderr.contains(&format!("--host-key {}", key[1])), "{}", unknown.stderr);
    status(&options).done();
    status(without_key).done();
    // Another machine on the same address.
    let known = std::fs::read_to_string(cluster.folder.join("known_hosts")).unwrap();
    let host =
        known.lines().find(|l| !l.trim().is_empty()).unwrap().split_whitespace().next().unwrap().to_owned();
    let stranger = std::fs::read_to_string(cluster.folder.join("user_key.pub")).unwrap();
    let ed25519 = stranger.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    std::fs::write(cluster.folder.join("known_hosts"), format!("{host} {ed25519}\n")).unwrap();
    let changed = status(&options);
    assert_eq!(changed.code, 5, "{}", changed.all());
    assert!(
        changed.stderr.contains("changed") && changed.stderr.contains("known_hosts"),
        "{}",
        changed.stderr
    );
    assert!(cluster.nodes[0].told().len() < 12, "nothing was sent");
}

#[test]
fn an_unreachable_node_is_an_error() {
    let world = World::new();
    assert_eq!(world.run(&["cluster", "status", "a b"]).code, 2);
    for (address, says, to_check) in [
        (
            "ssh://admin@127.0.0.99:9",
            "no connection to 127.0.0.99: it refuses TCP port 9 (Connection refused)",
            "check the address, and that SSH of the node listens on TCP 9",
        ),
        (
            "ssh://admin@no-such-node.invalid",
            "no connection to no-such-node.invalid: this name has no address",
            "give the IP address",
        ),
    ] {
        // No password is asked for: its source is not even looked at.
        let gone = world.run(&["cluster", "status", address, "--password-source=env:NOT_THERE"]);
        assert_eq!(gone.code, 5, "{}", gone.all());
        assert_eq!(gone.stderr.lines().next(), Some(&*format!("error: {says}")), "{}", gone.stderr);
        assert!(gone.stderr.contains(to_check) && !gone.stderr.contains("password"), "{}", gone.stderr);
    }
}

/// A host that takes no connection and refuses none, as behind a firewall.
#[test]
fn a_node_that_does_not_answer_is_an_error() {
    // Its queue is full: the system drops what comes.
    let script = "import socket, time\ns = socket.socket()\ns.bind(('127.0.0.98', 0))\ns.listen(0)\n\
                  c = []\nfor n in range(3):\n  x = socket.socket()\n  x.setblocking(False)\n  \
                  x.connect_ex(s.getsockname())\n  c.append(x)\nprint(s.getsockname()[1], flush=True)\ntime.sleep(60)\n";
    let mut full = std::process::Command::new("python3");
    let mut full = full.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    let mut said = std::io::BufReader::new(full.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut port).unwrap();
    let port = port.trim();
    let world = World::new();
    let address = format!("ssh://admin@127.0.0.98:{port}");
    let began = std::time::Instant::now();
    let gone = world.run(&["cluster", "status", &address, "--password-source=env:NOT_THERE"]);
    full.kill().unwrap();
    full.wait().unwrap();
    assert_eq!(gone.code, 5, "{}", gone.all());
    let says = format!("error: no connection to 127.0.0.98: nothing answers on TCP port {port}");
    assert_eq!(gone.stderr.lines().next(), Some(&*says), "{}", gone.stderr);
    assert!(gone.stderr.contains("firewalls"), "{}", gone.stderr);
    assert!(began.elapsed() < std::time::Duration::from_secs(40), "{:?}", began.elapsed());
}

/// A fake node behind a pty, in place of a USB adapter.
struct SerialNode {
    shell: std::process::Child,
    line: String,
}

impl SerialNode {
    fn start(world: &World, quirks: &[&str]) -> Self {
        let folder = world.path("serial");
        node_folder(
            &folder,
            "127.0.0.1 cucm-0.example.com cucm-0 Publisher callmanager DBPub authenticated\n",
        );
        std::fs::write(folder.join("quirks"), quirks.join("\n")).unwrap();
        std::fs::write(folder.join("password"), "Serial-5ecret").unwrap();
        let master =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let line = rustix::pty::ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        // Held open, so that the line does not hang up between two runs.
        let held = std::fs::File::options().read(true).write(true).open(&line).unwrap();
        let mut mode = rustix::termios::tcgetattr(&held).unwrap();
        mode.make_raw();
        rustix::termios::tcsetattr(&held, rustix::termios::OptionalActions::Now, &mode).unwrap();
        std::mem::forget(held);
        let copy: OwnedFd = master.try_clone().unwrap();
        let shell = Command::new(fake_cucm())
            .arg(&folder)
            .stdin(Stdio::from(master))
            .stdout(Stdio::from(copy))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        SerialNode { shell, line }
    }
}

impl Drop for SerialNode {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[test]
fn a_node_is_reached_over_a_serial_line_with_noise_and_delays() {
    let mut world = World::new();
    world.set("NODE_PASSWORD", "Serial-5ecret");
    let node = SerialNode::start(&world, &["login=admin", "noise", "delay=15", "silent", "pager=first"]);
    let address = format!("serial:{}?baud=9600", node.line);
    let status = world.run(&[
        "cluster",
        "status",
        &address,
        "--password-source",
        "env:NODE_PASSWORD",
        "--transcript",
        "transcript",
        "-vv",
    ]);
    assert_eq!(status.code, 0, "{}", status.all());
    assert!(status.stdout.contains("Release 10.5.1.10000-7, mixed mode"), "{}", status.stdout);
    assert!(status.stdout.contains("070367a63575fce81194a47c671ce3c2"), "{}", status.stdout);
    let transcript = String::from_utf8(world.read("transcript")).unwrap();
    assert!(transcript.contains("show ctl"), "{transcript}");
    for text in [&transcript, &status.stderr] {
        assert!(!text.contains("Serial-5ecret"), "the password was written down");
    }
    // Another user left a half-typed line.
    std::fs::write(&node.line, "show stat").unwrap();
    world.run(&["cluster", "status", &address, "--password-source", "env:NODE_PASSWORD"]).done();
}

#[test]
fn a_wrong_password_on_a_serial_line_is_tried_once() {
    let mut world = World::new();
    world.set("NODE_PASSWORD", "wrong");
    let node = SerialNode::start(&world, &["login=admin"]);
    let address = format!("serial:{}", node.line);
    let refused = world.run(&["cluster", "status", &address, "--password-source", "env:NODE_PASSWORD"]);
    assert_eq!(refused.code, 5, "{}", refused.all());
    assert!(refused.stderr.contains("does not accept the login of admin"), "{}", refused.stderr);
    assert!(refused.stderr.contains("tried once"), "{}", refused.stderr);
}

/// The cable is disconnected during a command.
#[test]
fn a_disconnected_cable_is_an_error() {
    let mut world = World::new();
    world.set("NODE_PASSWORD", "Serial-5ecret");
    let node = SerialNode::start(&world, &["login=admin", "hangup=show ctl"]);
    let address = format!("serial:{}", node.line);
    let pulled = world.run(&["cluster", "status", &address, "--password-source", "env:NODE_PASSWORD"]);
    assert_ne!(pulled.code, 0, "{}", pulled.all());
    let says = pulled.all();
    assert!(says.contains("in the middle of \"show ctl\"") || says.contains("did not end within"), "{says}");
}
