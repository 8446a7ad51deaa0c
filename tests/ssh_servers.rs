//! Servers that speak SSH in their own way: algorithms, host keys and authorities, and what they ask at the login.

use std::borrow::Cow;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use russh::server::{self, Auth};
use sastctl::cluster::console::ssh::{Password, SshConsole, SshOptions};
use sastctl::cluster::{ConsoleError, SshAddress, sftp};

use crate::pki;
use crate::support::{Outcome, World, until};

/// A folder with keys, and an sshd on its own port that runs one command for every request.
struct Sshd {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Sshd {
    /// `lines` is its configuration; `{}` in it is the folder. None if there is no sshd, or if it cannot be started.
    fn start(world: &World, kind: &str, lines: &str, command: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/sshd").exists() || !rustix::process::getuid().is_root() {
            crate::support::skip("no sshd can be started here");
            return None;
        }
        fs::create_dir_all("/run/sshd").unwrap();
        let folder = world.path(&format!("sshd-{kind}"));
        let text = folder.display().to_string();
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            for (name, kind) in [("host", kind), ("user", "ed25519"), ("authority", "ed25519")] {
                run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-C", "", "-f", &format!("{text}/{name}")]);
            }
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {text}/host\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
             AuthorizedKeysFile {text}/user.pub\nPasswordAuthentication no\nSetEnv SHLVL=2\nForceCommand {command}\n{}\n",
            lines.replace("{}", &text)
        );
        fs::write(folder.join("config"), config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let server = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(folder.join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let sshd = Sshd { folder, port, server };
        until("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(sshd)
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn public(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    fn fingerprint(&self) -> String {
        let shown = run("ssh-keygen", &["-lf", &self.file("host.pub")]);
        shown.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// The result of a command on this node, with these lines as known hosts.
    fn told(&self, world: &World, known_hosts: &str, command: &[&str], more: &[&str]) -> Outcome {
        let node = format!("ssh://root@127.0.0.1:{}", self.port);
        fs::write(self.folder.join("known_hosts"), known_hosts).unwrap();
        let (identity, known) = (self.file("user"), self.file("known_hosts"));
        let args = [command, &[&node, "--identity", &identity, "--known-hosts", &known], more].concat();
        world.run_with_input(&args, b"")
    }

    /// Opens the console, which prints `reached` if the connection works.
    fn visit(&self, world: &World, known_hosts: &str, more: &[&str]) -> Outcome {
        self.told(world, known_hosts, &["cluster", "console"], more)
    }
}

#[track_caller]
fn reached(outcome: &Outcome) {
    assert!(outcome.code == 0 && outcome.stdout.contains("reached"), "{}", outcome.all());
}

#[track_caller]
fn refused<'a>(outcome: &'a Outcome, says: &str) -> &'a str {
    assert!(outcome.code == 5 && !outcome.stdout.contains("reached"), "{}", outcome.all());
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    &outcome.stderr
}

#[test]
fn a_node_with_only_nist_curves_and_gcm_is_reached() {
    let world = World::new();
    let lines = String::from_utf8(pki::read("tests/testdata/field/ssh/sshd-nistp256-only.conf")).unwrap();
    let Some(sshd) = Sshd::start(&world, "ecdsa", &lines, "echo reached") else { return };
    reached(&sshd.visit(&world, "", &["--host-key", &sshd.fingerprint()]));
    drop(sshd);
    for lines in [
        "KexAlgorithms ecdh-sha2-nistp521\nCiphers aes128-gcm@openssh.com",
        "KexAlgorithms ecdh-sha2-nistp384",
    ] {
        let sshd = Sshd::start(&world, "ecdsa", lines, "echo reached").unwrap();
        reached(&sshd.visit(&world, "", &["--host-key", &sshd.fingerprint()]));
    }
}

#[test]
fn old_algorithms_are_used_only_on_request() {
    let world = World::new();
    for lines in [
        "KexAlgorithms diffie-hellman-group14-sha1",
        "HostKeyAlgorithms ssh-rsa",
        "Ciphers aes128-cbc",
        "Ciphers 3des-cbc",
        "Ciphers aes128-ctr\nMACs hmac-sha1-etm@openssh.com",
    ] {
        let Some(sshd) = Sshd::start(&world, "rsa", lines, "echo reached") else { return };
        let right = sshd.fingerprint();
        let says = sshd.visit(&world, "", &["--host-key", &right]);
        let says = refused(&says, "of SSH in common: it offers");
        let offered = lines.rsplit(' ').next().unwrap();
        assert!(
            says.contains(&format!("it offers {offered}")) && says.contains("--legacy-ssh"),
            "{lines}: {says}"
        );
        reached(&sshd.visit(&world, "", &["--host-key", &right, "--legacy-ssh"]));
    }
}

/// A server with algorithms that are newer than ours: no option would help.
#[test]
fn advice_that_does_not_help_is_not_printed() {
    let world = World::new();
    let lines = "KexAlgorithms sntrup761x25519-sha512@openssh.com";
    let Some(sshd) = Sshd::start(&world, "ed25519", lines, "echo reached") else { return };
    let outcome = sshd.visit(&world, "", &["--host-key", &sshd.fingerprint()]);
    let says = refused(&outcome, "it offers sntrup761x25519-sha512@openssh.com");
    assert!(
        says.contains("no key exchange of SSH in common") && says.contains("sastctl offers mlkem768x25519"),
        "{says}"
    );
    assert!(!says.contains("old") && !says.contains("--legacy-ssh"), "{says}");
}

#[test]
fn a_revoked_key_is_always_refused() {
    let world = World::new();
    let Some(sshd) = Sshd::start(&world, "ed25519", "", "echo reached") else { return };
    let (key, port, right) = (sshd.public("host"), sshd.port, sshd.fingerprint());
    let known = format!("[127.0.0.1]:{port} {key}\n");
    reached(&sshd.visit(&world, &known, &[]));
    for revoked in [
        format!("{known}@revoked * {key}\n"),
        format!("# a comment\n@revoked\t[127.0.0.1]:{port}  {key}\n{known}"),
    ] {
        for more in [&[][..], &["--host-key", &right]] {
            let outcome = sshd.visit(&world, &revoked, more);
            refused(&outcome, "is revoked");
            assert!(outcome.stderr.contains("known_hosts, line 2"), "{}", outcome.stderr);
        }
    }
    // A revoked key of another host has no effect.
    reached(&sshd.visit(&world, &format!("@revoked cucm-sub {key}\n{known}"), &[]));
}

#[test]
fn hosts_are_known_by_patterns_and_hashes() {
    let world = World::new();
    let Some(sshd) = Sshd::start(&world, "ed25519", "", "echo reached") else { return };
    let (key, port) = (sshd.public("host"), sshd.port);
    reached(&sshd.visit(&world, &format!("cucm-sub,[127.0.0.?]:* {key}\n"), &[]));
    reached(&sshd.visit(&world, &format!("*,!10.* {key}\n"), &[]));
    sshd.visit(&world, &format!("[127.0.0.1]:{port} {key}\n"), &[]);
    run("ssh-keygen", &["-q", "-H", "-f", &sshd.file("known_hosts")]);
    let hashed = fs::read_to_string(sshd.file("known_hosts")).unwrap();
    assert!(hashed.starts_with("|1|"), "{hashed}");
    reached(&sshd.visit(&world, &hashed, &[]));
    for other in [
        format!("*,!*127.0.0.1* {key}\n"),
        format!("127.0.0.1 {key}\n"),
        format!("[127.0.0.1]:* {}\n", "ssh-ed25519 x"),
    ] {
        refused(&sshd.visit(&world, &other, &[]), "is not known");
    }
    let another = format!("[127.0.0.1]:{port} {}\n", sshd.public("user"));
    refused(&sshd.visit(&world, &another, &["--host-key", &sshd.fingerprint()]), "changed");
}

#[test]
fn a_host_certificate_of_a_known_authority_is_accepted() {
    let world = World::new();
    let with_certificate = "HostCertificate {}/host-cert.pub";
    let Some(sshd) = Sshd::start(&world, "ed25519", "", "echo reached") else { return };
    let authority = sshd.public("authority");
    let sign = |principal: &str, more: &[&str]| {
        let (ca, host) = (sshd.file("authority"), sshd.file("host.pub"));
        run("ssh-keygen", &[&["-q", "-s", &ca, "-I", "node", "-n", principal], more, &[&host]].concat());
        Sshd::start(&world, "ed25519", with_certificate, "echo reached").unwrap()
    };
    let good = sign("127.0.0.*", &["-h"]);
    let trusted = format!("@cert-authority *127.0.0.1* {authority}\n");
    reached(&good.visit(&world, &trusted, &[]));
    // The key of the authority is not a host key; a certified key or the authority itself may be revoked.
    let as_a_key = format!("[127.0.0.1]:{} {authority}\n", good.port);
    refused(&good.visit(&world, &as_a_key, &["--host-key", &good.fingerprint()]), "changed");
    refused(&good.visit(&world, &format!("{trusted}@revoked * {authority}\n"), &[]), "is revoked");
    refused(
        &good.visit(&world, &format!("{trusted}@revoked * {}\n", sshd.public("host")), &[]),
        "is revoked",
    );
    // An authority for other hosts is ignored.
    refused(&good.visit(&world, &format!("@cert-authority cucm-* {authority}\n"), &[]), "is not known");
    drop(good);
    for (principal, more, says) in [
        ("cucm-sub", &["-h"][..], "it is for cucm-sub"),
        ("127.0.0.1", &["-h", "-V", "20200101:20210101"], "not valid now"),
        ("127.0.0.1", &["-h", "-V", "20400101:20410101"], "not valid now"),
    ] {
        let bad = sign(principal, more);
        let outcome = bad.visit(&world, &trusted, &["--host-key", &bad.fingerprint()]);
        refused(&outcome, says);
    }
}

#[test]
fn a_session_without_a_prompt_reports_the_words_of_the_node() {
    let world = World::new();
    let field = pki::path("tests/testdata/field/shell");
    for (file, then, last) in [
        (
            "session-limit",
            "",
            "it said: The maximum number of CLI sessions has been reached. Please close one and try again.",
        ),
        (
            "expired-password",
            "; cat > $F/typed",
            "Changing password for user admin. / (current) UNIX password:",
        ),
    ] {
        let kind = if then.is_empty() { "ed25519" } else { "ecdsa" };
        let typed = world.path(&format!("sshd-{kind}/typed"));
        let command = format!(
            "cat {}/{file}.txt{}",
            field.display(),
            then.replace("$F/typed", typed.to_str().unwrap())
        );
        let Some(sshd) = Sshd::start(&world, kind, "", &command) else { return };
        let outcome = sshd.told(&world, "", &["cluster", "status"], &["--host-key", &sshd.fingerprint()]);
        refused(&outcome, last);
        let message = outcome.stderr.lines().find(|l| l.contains(last)).unwrap();
        assert!(message.ends_with(last), "{message}");
        assert_eq!(fs::read(&typed).unwrap_or_default(), b"", "nothing is typed");
    }
}

/// The questions of a server, one after the other, and the answers that it got.
#[derive(Clone)]
struct Asks {
    rounds: Vec<Vec<(&'static str, bool)>>,
    answered: Arc<Mutex<Vec<Vec<String>>>>,
}

impl server::Handler for Asks {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<server::Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        if let Some(response) = response {
            let words = response.map(|word| String::from_utf8(word.to_vec()).unwrap()).collect();
            self.answered.lock().unwrap().push(words);
        }
        if self.rounds.is_empty() {
            return Ok(Auth::Accept);
        }
        let prompts: Vec<_> =
            self.rounds.remove(0).into_iter().map(|(p, echo)| (Cow::Borrowed(p), echo)).collect();
        let (name, instructions) = ("Node".into(), "Read this.".into());
        Ok(Auth::Partial { name, instructions, prompts: prompts.into() })
    }
}

/// Logs in to a server with these questions; returns the answers and the result of the login.
fn asked(rounds: &[&[(&'static str, bool)]]) -> (Vec<Vec<String>>, Result<(), ConsoleError>) {
    let world = World::new();
    let key = world.path("key").display().to_string();
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &key]);
    let config = Arc::new(server::Config {
        keys: vec![russh::keys::load_secret_key(&key, None).unwrap()],
        methods: (&[russh::MethodKind::KeyboardInteractive][..]).into(),
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    });
    let answered = Arc::new(Mutex::new(vec![]));
    let asks = Asks { rounds: rounds.iter().map(|r| r.to_vec()).collect(), answered: answered.clone() };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            if let Ok(session) = server::run_stream(config, stream, asks).await {
                let _ = session.await;
            }
        });
    });
    let known_hosts = world.path("known_hosts");
    let public = fs::read_to_string(format!("{key}.pub")).unwrap();
    fs::write(&known_hosts, format!("[127.0.0.1]:{port} {public}")).unwrap();
    let options = SshOptions {
        address: SshAddress { user: None, host: "127.0.0.1".to_owned(), port },
        user: "admin".to_owned(),
        password: Password::Known("s3cret".to_owned().into()),
        identity: None,
        known_hosts,
        legacy: false,
        jump: None,
    };
    let result = SshConsole::open(&options).map(drop);
    let answered = answered.lock().unwrap().clone();
    (answered, result)
}

#[test]
fn the_password_question_is_answered_once() {
    // That server opens no shell: the error shows that the login worked.
    let is_in = |result: Result<(), ConsoleError>| {
        matches!(result, Ok(()) | Err(ConsoleError::Broken { .. } | ConsoleError::Connect { .. }))
    };
    for question in ["Password: ", "admin's password:", "Password for admin@cucm-pub:"] {
        let (answered, result) = asked(&[&[(question, false)]]);
        assert_eq!(answered, [["s3cret"]], "{question}");
        assert!(is_in(result), "{question}");
    }
    // A message without a question does not count as a second round.
    let (answered, result) = asked(&[&[], &[("Password: ", false)], &[]]);
    assert_eq!(answered, [vec![], vec!["s3cret".to_owned()], vec![]]);
    assert!(is_in(result));
}

#[test]
fn other_questions_end_the_login_with_the_servers_words() {
    let password = ("Password: ", false);
    for (rounds, answers) in [
        (&[&[("One-time code: ", false)][..]][..], 0),
        (&[&[("New password: ", false)]], 0),
        (&[&[("(current) UNIX password: ", false)]], 0),
        (&[&[("Password: ", true)]], 0),
        (&[&[password, ("One-time code: ", false)]], 0),
        (&[&[password], &[password]], 1),
        (&[&[password], &[("One-time code: ", true)]], 1),
        (&[&[password], &[("New password: ", false), ("Retype new password: ", false)]], 1),
    ] {
        let (answered, result) = asked(rounds);
        assert_eq!(answered.len(), answers, "{rounds:?}: {answered:?}");
        let Err(ConsoleError::Asked { says, .. }) = result else { panic!("{rounds:?}: {result:?}") };
        let last = rounds.last().unwrap().last().unwrap().0;
        assert!(says.starts_with("Node / Read this. / ") && says.ends_with(last.trim()), "{says}");
    }
}

#[test]
fn a_file_name_outside_the_folder_is_refused() {
    // No server listens there: the name is checked before the connection.
    let address = SshAddress { user: None, host: "127.0.0.1".to_owned(), port: 9 };
    let known_hosts = std::path::PathBuf::new();
    let user = "admin".to_owned();
    let options = SshOptions {
        address,
        user,
        password: Password::None,
        identity: None,
        known_hosts,
        legacy: false,
        jump: None,
    };
    for name in ["../x.tlv", "/etc/cron.d/x.tlv", ""] {
        match sftp::put(&options, "/srv/tftp", name, b"") {
            Err(e) => {
                assert!(e.to_string().contains("is not the name of a file in /srv/tftp"), "{e}");
            }
            other => panic!("{other:?}"),
        }
    }
}
