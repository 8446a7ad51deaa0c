//! The servers around a cluster: passwords, jump hosts, SFTP.

use std::process::Command;

use crate::pki;
use crate::support::cluster::{Cluster, SSH_PORT, Ssh, can_run, fake_cucm};
use crate::support::{World, skip};

fn started(count: usize) -> Option<(World, Cluster)> {
    if !can_run() {
        return None;
    }
    let world = World::new();
    let cluster = Cluster::start(&world, count, Ssh::Today);
    Some((world, cluster))
}

/// Opens the node's shell and leaves it.
fn visit(
    world: &World,
    cluster: &Cluster,
    address: &str,
    more: &[&str],
    key: bool,
) -> crate::support::Outcome {
    let options = cluster.options();
    let options = if key { &options[..] } else { &options[2..] };
    let node = format!("ssh://root@{address}:{SSH_PORT}");
    let args = ["cluster", "console", &node];
    let args = args.into_iter().chain(options.iter().map(String::as_str)).chain(more.iter().copied());
    world.run_with_input(&args.collect::<Vec<_>>(), b"exit\n")
}

/// The wrapper for an sshd with its own namespaces, in which PAM accepts the password `Adm1n-password` for root.
pub fn with_passwords(cluster: &Cluster) -> Option<Vec<String>> {
    if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|s| s.success()) {
        skip("no mount namespace can be had here");
        return None;
    }
    let shadow = cluster.folder.join("shadow");
    let hashed = Command::new("openssl").args(["passwd", "-6", "Adm1n-password"]).output().unwrap();
    let hashed = String::from_utf8(hashed.stdout).unwrap();
    std::fs::write(&shadow, format!("root:{}:19000:0:99999:7:::\n", hashed.trim())).unwrap();
    let pam = cluster.folder.join("pam");
    std::fs::write(
        &pam,
        "auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
    )
    .unwrap();
    let mounts = format!(
        "mount --bind {} /etc/shadow && mount --bind {} /etc/pam.d/sshd && exec \"$@\"",
        shadow.display(),
        pam.display()
    );
    Some(["unshare", "-m", "sh", "-c", &mounts, "sh"].map(str::to_owned).to_vec())
}

/// The methods password and keyboard-interactive, by PAM, with an account that exists only in the namespaces of that sshd.
#[test]
fn a_password_is_tried_once_by_either_method() {
    let Some((mut world, cluster)) = started(1) else { return };
    let Some(wrapped) = with_passwords(&cluster) else { return };
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    let shell = format!("ForceCommand {} {}", fake_cucm().display(), cluster.nodes[0].folder.display());
    for (byte, methods) in [
        (201, "PasswordAuthentication yes\nKbdInteractiveAuthentication no"),
        (202, "PasswordAuthentication no\nKbdInteractiveAuthentication yes"),
    ] {
        let lines = format!("UsePAM yes\nPubkeyAuthentication no\n{methods}\n{shell}");
        let sshd = cluster.other_sshd(byte, &lines, &wrapped);
        world.set("NODE_PASSWORD", "Adm1n-password");
        let source = ["--password-source", "env:NODE_PASSWORD"];
        let done = visit(&world, &cluster, &sshd.address, &source, false);
        assert_eq!(done.code, 0, "{methods}: {}", done.all());
        world.set("NODE_PASSWORD", "wrong");
        let refused = visit(&world, &cluster, &sshd.address, &source, false);
        assert_eq!(refused.code, 5, "{}", refused.all());
        assert!(refused.stderr.contains("does not accept the login of root"), "{}", refused.stderr);
        assert!(!refused.all().contains("wrong"), "{}", refused.all());
        let log = std::fs::read_to_string(cluster.folder.join(format!("sshd_{byte}.log"))).unwrap();
        let failures =
            log.matches("Failed password").count() + log.matches("PAM: Authentication failure").count();
        assert_eq!(failures, 1, "one try: {log}");
    }
}

/// The administrator's password belongs to the cluster: no other host gets it, whatever it asks.
#[test]
fn the_password_of_the_cluster_is_not_sent_to_other_hosts() {
    let Some((mut world, cluster)) = started(1) else { return };
    let Some(wrapped) = with_passwords(&cluster) else { return };
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    let shell = format!("ForceCommand {} {}", fake_cucm().display(), cluster.nodes[0].folder.display());
    let by_password =
        "UsePAM yes\nPubkeyAuthentication no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no";
    let node = cluster.other_sshd(205, &format!("{by_password}\n{shell}"), &wrapped);
    let jump = cluster.other_sshd(206, by_password, &wrapped);
    let files = cluster.other_sshd(207, &format!("{by_password}\nSubsystem sftp internal-sftp"), &wrapped);
    world.set("NODE_PASSWORD", "Adm1n-password");
    let source = ["--password-source", "env:NODE_PASSWORD"];
    assert_eq!(visit(&world, &cluster, &node.address, &source, false).code, 0);

    let through = format!("root@{}:{SSH_PORT}", jump.address);
    let refused =
        visit(&world, &cluster, &node.address, &[&source[..], &["--jump", &through]].concat(), false);
    world.place("token-signed.tlv", "new.tlv");
    let root = format!("sftp://root@{}:{SSH_PORT}/srv", files.address);
    let (options, ports) = (cluster.options(), Cluster::ports());
    let publish = ["cluster", "publish", "new.tlv", "--node", &cluster.nodes[0].address, "--alone", "--yes"];
    let more =
        options[2..].iter().chain(&ports).map(String::as_str).chain(["--tftp-root", &root]).chain(source);
    let unpublished = world.run(&publish.into_iter().chain(more).collect::<Vec<_>>());
    for (outcome, number, address) in [(refused, 206, &jump.address), (unpublished, 207, &files.address)] {
        assert_eq!(outcome.code, 5, "{}", outcome.all());
        let says = format!("the password for root@{address} cannot be asked for");
        assert!(outcome.stderr.contains(&says), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("--identity FILE"), "{}", outcome.stderr);
        let log = std::fs::read_to_string(cluster.folder.join(format!("sshd_{number}.log"))).unwrap();
        assert!(!log.contains("Accepted") && !log.contains("Failed password"), "{log}");
    }
    // The operator is asked for each password, with the name of the host.
    let address = format!("ssh://root@{}:{SSH_PORT}", node.address);
    let console = ["cluster", "console", &address, "--jump", &through];
    let args: Vec<&str> = console.into_iter().chain(options[2..].iter().map(String::as_str)).collect();
    let command = world.command(&args);
    let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    for host in [&jump, &node] {
        session.exp_string(&format!("password for root@{}: ", host.address)).unwrap();
        session.send_line("Adm1n-password").unwrap();
    }
    session.exp_string("Connected to").unwrap();
}

/// A node that can only be reached through another host.
#[test]
fn a_node_is_reached_over_a_jump_host() {
    let Some((world, cluster)) = started(1) else { return };
    let jump = cluster.other_sshd(203, "UsePAM no\nPasswordAuthentication no", &[]);
    let through = format!("root@{}:{SSH_PORT}", jump.address);
    let done = visit(&world, &cluster, &cluster.nodes[0].address, &["--jump", &through], true);
    assert_eq!(done.code, 0, "{}", done.all());
    let log = std::fs::read_to_string(cluster.folder.join("sshd_203.log")).unwrap();
    assert!(log.contains("Accepted publickey"), "{log}");
    let closed = format!("root@{}:9", jump.address);
    let refused = visit(&world, &cluster, &cluster.nodes[0].address, &["--jump", &closed], true);
    assert_eq!(refused.code, 5, "{}", refused.all());
}

#[test]
fn a_list_is_published_to_local_and_remote_folders() {
    let Some((world, cluster)) = started(2) else { return };
    let cluster = cluster.serving_at_once();
    world.place("token-signed.tlv", "new.tlv");
    let files = cluster.other_sshd(204, "UsePAM no\nSubsystem sftp internal-sftp", &[]);
    let roots: Vec<String> = cluster
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let folder = node.folder.join("tftp");
            let folder = folder.display();
            let root = if index == 0 {
                format!("{folder}")
            } else {
                format!("sftp://root@{}:{SSH_PORT}{folder}", files.address)
            };
            format!("{}={root}", node.address)
        })
        .collect();
    let publish = |file: &str, roots: &[String]| {
        let publisher = cluster.publisher();
        let mut args: Vec<String> =
            ["cluster", "publish", file, "--node", &publisher, "--yes", "--publish-wait", "1"]
                .map(str::to_owned)
                .to_vec();
        args.extend(roots.iter().flat_map(|r| ["--tftp-root".to_owned(), r.clone()]));
        args.extend(cluster.options());
        args.extend(Cluster::ports());
        world.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let done = publish("new.tlv", &roots);
    assert_eq!(done.code, 0, "{}", done.all());
    let golden = pki::golden_bytes("token-signed.tlv");
    for node in &cluster.nodes {
        assert!(node.ctl().unwrap() == golden);
        let kept = std::fs::read(node.folder.join("tftp/CTLFile.tlv.bak")).unwrap();
        assert!(kept == pki::golden_bytes("tokenless.tlv"), "the old list is kept");
        let left: Vec<_> = std::fs::read_dir(node.folder.join("tftp"))
            .unwrap()
            .map(|f| f.unwrap().file_name().into_string().unwrap())
            .filter(|f| f.starts_with('.'))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    let journal = world.run(&["journal", "verify"]).done().stdout;
    assert!(journal.contains("cluster-publish.jsonl: verified"), "{journal}");
    // A server that cannot keep the old file, and a folder that does not exist, are found before any file is copied.
    let denies = cluster.other_sshd(208, "UsePAM no\nSubsystem sftp internal-sftp -P hardlink", &[]);
    world.place("token-signed-non-secure.tlv", "next.tlv");
    for (address, below, says) in [
        (&denies.address, "", "has no hardlink@openssh.com"),
        (&files.address, "/gone", "nothing can be put into"),
        (&files.address, "/CTLFile.tlv", "it is no folder"),
    ] {
        let folder = cluster.nodes[1].folder.join("tftp");
        let root = format!(
            "{}=sftp://root@{address}:{SSH_PORT}{}{below}",
            cluster.nodes[1].address,
            folder.display()
        );
        let refused = publish("next.tlv", &[roots[0].clone(), root]);
        assert_eq!(refused.code, 5, "{}", refused.all());
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        assert!(cluster.nodes[0].ctl().unwrap() == golden, "nothing was put to the other node");
    }
    // An upload by hand that is never made.
    world.place("token-signed-non-secure.tlv", "next.tlv");
    let waits = publish("next.tlv", &roots[..1]);
    assert_eq!(waits.code, 5, "{}", waits.all());
    assert!(waits.stderr.contains("TFTP File Management > Upload File"), "{}", waits.stderr);
    assert!(waits.stderr.contains("does not serve the CTLFile.tlv with MD5"), "{}", waits.stderr);
    // A list that does not verify is not published.
    let mut damaged = golden;
    damaged[700] ^= 1;
    std::fs::write(world.path("damaged.tlv"), damaged).unwrap();
    assert_eq!(publish("damaged.tlv", &roots).code, 1);
}

/// The disk is full: the old list stays complete.
#[test]
fn a_full_disk_leaves_the_old_list() {
    let Some((world, cluster)) = started(1) else { return };
    if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|s| s.success()) {
        skip("no mount namespace can be had here");
        return;
    }
    world.place("token-signed.tlv", "new.tlv");
    let small = world.path("cluster/small");
    std::fs::create_dir(&small).unwrap();
    let publisher = cluster.publisher();
    let root = small.display().to_string();
    let mut args: Vec<String> =
        ["cluster", "publish", "new.tlv", "--node", &publisher, "--yes", "--tftp-root", &root]
            .map(str::to_owned)
            .to_vec();
    args.extend(cluster.options());
    args.extend(Cluster::ports());
    let program = world.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let quoted: Vec<String> = std::iter::once(program.get_program())
        .chain(program.get_args())
        .map(|w| format!("'{}'", w.to_string_lossy()))
        .collect();
    let script = format!(
        "mount -t tmpfs -o size=8k none {root} && cp {}/tftp/CTLFile.tlv {root}/ && {}; echo code $?; md5sum {root}/CTLFile.tlv; ls -A {root}",
        cluster.nodes[0].folder.display(),
        quoted.join(" ")
    );
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .env_clear()
        .envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .current_dir(world.path(""))
        .output()
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("code 4"), "{said}{complained}");
    assert!(complained.contains("No space left on device"), "{complained}");
    assert!(said.contains("070367a63575fce81194a47c671ce3c2"), "{said}");
    assert_eq!(said.lines().last(), Some("CTLFile.tlv"), "{said}");
}

/// A console session with input from a file, recorded.
#[test]
fn a_console_session_is_recorded() {
    let Some((world, cluster)) = started(1) else { return };
    let mut args: Vec<String> =
        ["cluster", "console", &cluster.publisher(), "--transcript", "session"].map(str::to_owned).to_vec();
    args.extend(cluster.options());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let without_yes = world.run_without_yes(&args, b"file delete tftp CTLFile.tlv\ny\nexit\n");
    assert_eq!(without_yes.code, 2, "{}", without_yes.all());
    assert!(without_yes.stderr.contains("--yes"), "{}", without_yes.stderr);
    assert!(cluster.nodes[0].told().is_empty(), "a pipe is no yes");
    let outcome = world.run_with_input(&args, b"show version active\nexit\n");
    assert_eq!(outcome.code, 0, "{}", outcome.all());
    assert!(outcome.stdout.contains("Active Master Version: 10.5.1.10000-7"), "{}", outcome.all());
    let session = String::from_utf8(world.read("session")).unwrap();
    assert!(session.contains("show version active"), "{session}");
}

/// The password is asked for when the host is reached and its key is accepted, with the name of the user.
#[test]
fn the_password_is_asked_for_after_the_host_key() {
    let Some((world, cluster)) = started(1) else { return };
    let Some(wrapped) = with_passwords(&cluster) else { return };
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    let shell = format!("ForceCommand {} {}", fake_cucm().display(), cluster.nodes[0].folder.display());
    let by_password =
        "UsePAM yes\nPubkeyAuthentication no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no";
    let node = cluster.other_sshd(208, &format!("{by_password}\n{shell}"), &wrapped);
    let address = format!("ssh://root@{}:{SSH_PORT}", node.address);
    let console = || {
        let command = world.command(&["cluster", "console", &address, "--known-hosts=known"]);
        rexpect::session::spawn_command(command, Some(20_000)).unwrap()
    };
    let mut declined = console();
    let before = declined.exp_string("Is it right? [y/N] ").unwrap();
    declined.send_line("n").unwrap();
    let after = declined.exp_eof().unwrap();
    assert!(!before.contains("password") && !after.contains("password"), "{before}{after}");
    let mut accepted = console();
    let before = accepted.exp_string("Is it right? [y/N] ").unwrap();
    assert!(!before.contains("password"), "{before}");
    accepted.send_line("y").unwrap();
    accepted.exp_string(&format!("password for root@{}: ", node.address)).unwrap();
    accepted.send_line("Adm1n-password").unwrap();
    accepted.exp_string("Connected to").unwrap();
    let log = std::fs::read_to_string(cluster.folder.join("sshd_208.log")).unwrap();
    assert_eq!(log.matches("Accepted password").count(), 1, "{log}");
    assert!(!log.contains("Failed password"), "{log}");
}
