//! A new token of each module, made in the way of an administrator.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Server, Subject};
use crate::pki;
use crate::support::readers::{CARD_PIN, Readers};
use crate::support::{PIN, World, softhsm_module};

/// The name of the golden signer; a token that has its key signs the golden file.
pub const GOLDEN: &str = "SAST-ADN008580ef";

const SO_PIN: &str = "12345678";

/// A subject with the golden key that supports every operation.
fn subject(module: &'static str, mut world: World, profile: &str, label: &str) -> Subject {
    world.set("SASTCTL_PROFILE", profile);
    world.set("SAST_PIN", PIN);
    world.set("SO_PIN", SO_PIN);
    world.set("SASTCTL_PIN_SOURCE", "env:SAST_PIN");
    Subject {
        module,
        world,
        label: label.to_owned(),
        name: GOLDEN.to_owned(),
        certificate: Some(std::fs::read(fixture("der")).unwrap()),
        wrong_pin: "wrong-4711".to_owned(),
        new_pin: "N3w-password".to_owned(),
        cannot: vec![],
        plug: None,
        servers: vec![],
    }
}

/// The golden signer's key (`key.pem`) or certificate (`der`).
fn fixture(end: &str) -> PathBuf {
    pki::path(&format!("softhsm-fixtures/{GOLDEN}.{end}"))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The first of these paths that exists.
fn library(names: &[&str]) -> Result<String, String> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let all = folders.iter().flat_map(|folder| names.iter().map(move |name| format!("{folder}/{name}")));
    let mut there = all.filter(|path| Path::new(path).exists());
    there.next().ok_or_else(|| format!("{} is not installed", names[0]))
}

fn needs(program: &str) -> Result<(), String> {
    let found = Command::new("which").arg(program).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err(format!("{program} is not installed"))
    }
}

fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ready() {
        assert!(Instant::now() < deadline, "{what} does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn serve(world: &World, program: &str, args: &[&str]) -> Server {
    let mut command = world.program(program, args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Server(command.spawn().unwrap_or_else(|e| panic!("{program}: {e}")))
}

/// Puts the golden key and its certificate on a token by OpenSC's tool.
fn write_golden(world: &World, module: &str, more: &[&str], pin: &str) {
    for (kind, file) in [("privkey", "key.pem"), ("cert", "der")] {
        let file = fixture(file);
        let mut args = vec!["--module", module, "--login", "--pin", pin, "--write-object", path(&file)];
        args.extend(["--type", kind, "--id", "01", "--label", GOLDEN]);
        if kind == "privkey" {
            args.push("--usage-sign");
        }
        args.extend(more);
        world.tool("pkcs11-tool", &args);
    }
}

pub fn softhsm() -> Result<Subject, String> {
    Ok(subject("SoftHSM", World::with_tokens(), "softhsm", "SAST token A"))
}

/// Its state belongs to the whole machine: separate mount, process and IPC namespaces isolate it. This needs root.
pub fn opencryptoki() -> Result<Subject, String> {
    needs("pkcsslotd")?;
    needs("pkcsconf")?;
    let module = library(&["pkcs11/libopencryptoki.so", "opencryptoki/libopencryptoki.so"])?;
    let mut world = World::new();
    let script = r#"
set -eu
cp -a /var/lib/opencryptoki "$1/state"
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/lock/opencryptoki
for folder in /var/lib/opencryptoki/*/; do mkdir "/run/lock/opencryptoki/$(basename "$folder")"; done
chgrp -R pkcs11 /run/lock/opencryptoki; chmod -R 770 /run/lock/opencryptoki
mount -t tmpfs -o mode=0770 tmpfs /var/lib/opencryptoki
cp -a "$1/state/." /var/lib/opencryptoki/
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
pkcsslotd
touch "$1/ready"
exec sleep 600
"#;
    let folder = world.path("hsm");
    std::fs::create_dir(&folder).unwrap();
    let args = ["-mipf", "--mount-proc", "--kill-child", "sh", "-c", script, "sh", path(&folder)];
    let mut server = serve(&world, "unshare", &args);
    wait_until("pkcsslotd", || {
        folder.join("ready").exists() || server.0.try_wait().is_ok_and(|s| s.is_some())
    });
    if !folder.join("ready").exists() {
        return Err("it needs root, for namespaces of its own".to_owned());
    }
    let unshare = server.0.id();
    let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
    let inside = children.split_whitespace().next().unwrap().to_owned();
    world.run_inside(&["nsenter", "-t", &inside, "-m", "-i", "-p", "--"]);
    let conf = |args: &[&str], input: &str| {
        let mut command = world.program("pkcsconf", args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "pkcsconf {args:?}");
    };
    conf(&["-I", "-c", "3", "-S", "87654321"], "SAST token A\n");
    conf(&["-P", "-c", "3", "-S", "87654321", "-n", SO_PIN], "");
    conf(&["-u", "-c", "3", "-S", SO_PIN, "-n", "12345670"], "");
    conf(&["-p", "-c", "3", "-U", "12345670", "-n", "1234"], "");
    write_golden(&world, &module, &[], "1234");
    let mut subject = subject("openCryptoki", world, "opencryptoki", "SAST token A");
    subject.world.set("SAST_PIN", "1234");
    (subject.wrong_pin, subject.new_pin) = ("4711".to_owned(), "5678".to_owned());
    subject.cannot = vec![("init", "openCryptoki 3.8 forgets a changed SO PIN when it initialises")];
    subject.servers.push(server);
    Ok(subject)
}

/// Whether a process listens on the port. Does not connect: that would count as the client.
fn listens(port: u16) -> bool {
    let wanted = format!(":{port:04X} ");
    std::fs::read_to_string("/proc/net/tcp").is_ok_and(|table| table.contains(&wanted))
}

/// Two free ports with consecutive numbers.
fn free_ports() -> u16 {
    loop {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

/// It makes keys but cannot import them, so `cert enroll` makes its SAST key.
pub fn tpm2() -> Result<Subject, String> {
    needs("swtpm_setup")?;
    let module = library(&["pkcs11/libtpm2_pkcs11.so", "libtpm2_pkcs11.so"])?;
    let mut world = World::new();
    let folder = world.path("hsm");
    for sub in ["", "tpm", "store"] {
        std::fs::create_dir(folder.join(sub)).unwrap();
    }
    let state = folder.join("tpm");
    world.tool("swtpm_setup", &["--tpm2", "--tpmstate", path(&state), "--create-ek-cert", "--overwrite"]);
    let port = free_ports();
    let (server, control) = (
        format!("type=tcp,port={port},bindaddr=127.0.0.1"),
        format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1),
    );
    let state = format!("dir={}", path(&state));
    let args = ["socket", "--tpm2", "--tpmstate", &state, "--server", &server, "--ctrl", &control];
    let flags = ["--flags", "not-need-init,startup-clear"];
    let swtpm = serve(&world, "swtpm", &[&args[..], &flags].concat());
    wait_until("swtpm", || listens(port));
    world.set("TPM2_PKCS11_TCTI", &format!("swtpm:host=127.0.0.1,port={port}"));
    world.set("TPM2_PKCS11_STORE", path(&folder.join("store")));
    world.set("TPM2_PKCS11_LOG_LEVEL", "0");
    let tool = |args: &[&str]| world.tool("pkcs11-tool", &[&["--module", &module], args].concat());
    tool(&["--slot-index", "0", "--init-token", "--so-pin", SO_PIN, "--label", "TPM-SAST"]);
    tool(&[
        "--login",
        "--login-type",
        "so",
        "--so-pin",
        SO_PIN,
        "--init-pin",
        "--pin",
        "1234",
        "--slot-index",
        "0",
    ]);
    let mut subject = subject("TPM 2.0", world, "tpm2", "TPM-SAST");
    subject.world.set("SAST_PIN", "1234");
    (subject.wrong_pin, subject.new_pin) = ("4711".to_owned(), "5678".to_owned());
    subject.cannot = vec![("init", "tpm2-pkcs11 initialises a token once")];
    (subject.name, subject.certificate) = ("SAST-TPM-00".to_owned(), None);
    let enrolled = subject.world.run(&["cert", "enroll", "TPM-SAST", "--name=SAST-TPM-00"]);
    assert_eq!(enrolled.code, 0, "{}", enrolled.all());
    subject.servers.push(swtpm);
    Ok(subject)
}

pub fn nss() -> Result<Subject, String> {
    needs("certutil")?;
    needs("pk12util")?;
    library(&["libsoftokn3.so", "nss/libsoftokn3.so"])?;
    let world = World::new();
    let folder = world.path("hsm");
    std::fs::create_dir(&folder).unwrap();
    let database = format!("sql:{}", path(&folder));
    std::fs::write(folder.join("pin"), PIN).unwrap();
    let pin = folder.join("pin");
    world.tool("certutil", &["-N", "-d", &database, "-f", path(&pin)]);
    let (key, certificate) = (fixture("key.pem"), fixture("der"));
    world.tool("openssl", &["x509", "-inform", "der", "-in", path(&certificate), "-out", "golden.pem"]);
    let pack = ["pkcs12", "-export", "-inkey", path(&key), "-in", "golden.pem", "-name", GOLDEN];
    world.tool("openssl", &[&pack[..], &["-out", "golden.p12", "-passout", "pass:x"]].concat());
    world.tool("pk12util", &["-i", "golden.p12", "-d", &database, "-k", path(&pin), "-W", "x"]);
    let mut subject = subject("NSS softokn", world, "nss", "NSS Certificate DB");
    subject.cannot = vec![
        ("unlock", "a certificate database has no administrator"),
        ("init", "a certificate database is made by certutil -N"),
    ];
    let config = format!("configdir='{database}' certPrefix='' keyPrefix='' secmod='secmod.db'");
    subject.world.set("SASTCTL_NSS_CONFIG", &config);
    Ok(subject)
}

fn p11_kit_server(world: &World, socket: &Path) -> Server {
    let provider = softhsm_module();
    let all = "pkcs11:manufacturer=SoftHSM%20project";
    let server =
        serve(world, "p11-kit", &["server", "-f", "-n", path(socket), "--provider", path(&provider), all]);
    wait_until("p11-kit server", || socket.exists());
    server
}

/// A token that is reached through another process: SoftHSM, p11-kit's server and a socket.
pub fn p11_kit() -> Result<Subject, String> {
    needs("p11-kit")?;
    library(&["pkcs11/p11-kit-client.so"])?;
    let world = World::with_tokens();
    let socket = world.path("hsm/p11.sock");
    let server = p11_kit_server(&world, &socket);
    let mut subject = subject("p11-kit", world, "p11-kit-client", "SAST token A");
    subject.world.set("P11_KIT_SERVER_ADDRESS", &format!("unix:path={}", path(&socket)));
    // The client must not need these.
    subject.world.unset("SOFTHSM2_CONF");
    subject.servers.push(server);
    Ok(subject)
}

/// The same with the HSM's host at the other end of SSH: `ssh -L LOCAL.sock:REMOTE.sock`.
pub fn p11_kit_over_ssh() -> Result<Subject, String> {
    needs("p11-kit")?;
    needs("ssh")?;
    needs("ssh-keygen")?;
    library(&["pkcs11/p11-kit-client.so"])?;
    if !Path::new("/usr/sbin/sshd").exists() {
        return Err("sshd is not installed".to_owned());
    }
    let world = World::with_tokens();
    let remote = world.path("hsm/remote.sock");
    let mut servers = vec![p11_kit_server(&world, &remote)];
    for key in ["host", "user"] {
        let file = world.path(&format!("hsm/{key}"));
        world.tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path(&file)]);
    }
    let port = free_ports();
    let (host, user) = (world.path("hsm/host"), world.path("hsm/user"));
    let config = world.path("hsm/sshd_config");
    let lines = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
         AuthorizedKeysFile {}.pub\n",
        host.display(),
        user.display()
    );
    std::fs::write(&config, lines).unwrap();
    // An sshd with privileges needs this folder.
    let _ = std::fs::create_dir("/run/sshd");
    servers.push(serve(&world, "/usr/sbin/sshd", &["-D", "-f", path(&config)]));
    wait_until("sshd", || listens(port));
    let port = port.to_string();
    let local = world.path("hsm/local.sock");
    let forward = format!("{}:{}", local.display(), remote.display());
    let known = format!("UserKnownHostsFile={}", world.path("hsm/known").display());
    let args = [
        "-N",
        "-p",
        &port,
        "-i",
        path(&user),
        "-L",
        &forward,
        "-o",
        &known,
        "-o",
        "ExitOnForwardFailure=yes",
    ];
    let more = ["-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "127.0.0.1"];
    servers.push(serve(&world, "ssh", &[&args[..], &more].concat()));
    wait_until("ssh", || local.exists());
    let mut subject = subject("p11-kit over SSH", world, "p11-kit-client", "SAST token A");
    subject.world.set("P11_KIT_SERVER_ADDRESS", &format!("unix:path={}", path(&local)));
    subject.world.unset("SOFTHSM2_CONF");
    subject.servers.extend(servers);
    Ok(subject)
}

/// `make matrix` builds it and sets `SASTCTL_KRYOPTIC` to its path.
pub fn kryoptic() -> Result<Subject, String> {
    let Some(module) = std::env::var_os("SASTCTL_KRYOPTIC") else {
        return Err("not built here: make matrix builds it".to_owned());
    };
    let module = PathBuf::from(module);
    let mut world = World::new();
    let folder = world.path("hsm");
    std::fs::create_dir(&folder).unwrap();
    let database = folder.join("token.sql");
    let conf = format!("[[slots]]\nslot = 42\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n", database.display());
    std::fs::write(folder.join("kryoptic.conf"), conf).unwrap();
    world.set("KRYOPTIC_CONF", path(&folder.join("kryoptic.conf")));
    let tool = |args: &[&str]| world.tool("pkcs11-tool", &[&["--module", path(&module)], args].concat());
    tool(&["--slot-index", "0", "--init-token", "--so-pin", SO_PIN, "--label", "SAST token A"]);
    tool(&[
        "--slot-index",
        "0",
        "--login",
        "--login-type",
        "so",
        "--so-pin",
        SO_PIN,
        "--init-pin",
        "--pin",
        PIN,
    ]);
    write_golden(&world, path(&module), &[], PIN);
    let mut subject = subject("Kryoptic", world, "kryoptic", "SAST token A");
    subject.world.set("SASTCTL_MODULE", path(&module));
    Ok(subject)
}

/// A card in a virtual reader, which can be removed.
pub fn opensc() -> Result<Subject, String> {
    library(&["opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so"])?;
    let mut world = World::new();
    let mut readers =
        Readers::start(&mut world).ok_or("there is no virtual reader (pcscd, vpcd, python3)")?;
    readers.insert(0, GOLDEN);
    let mut subject = subject("OpenSC, PIV card", world, "opensc", GOLDEN);
    subject.world.set("SAST_PIN", CARD_PIN);
    (subject.wrong_pin, subject.new_pin) = ("471147".to_owned(), "654321".to_owned());
    subject.cannot = vec![
        ("unlock", "OpenSC has no SO login for PIV cards"),
        ("enroll", "OpenSC makes no keys on PIV cards"),
        ("init", "OpenSC does not initialise PIV cards"),
    ];
    subject.plug =
        Some(Box::new(move |insert| if insert { readers.insert(0, GOLDEN) } else { readers.remove(0) }));
    Ok(subject)
}

/// A card that ykcs11 recognises as a YubiKey.
pub fn ykcs11() -> Result<Subject, String> {
    library(&["libykcs11.so"])?;
    let mut world = World::new();
    let name = "Yubico YubiKey CCID";
    let mut readers =
        Readers::named(&mut world, name).ok_or("there is no virtual reader (pcscd, vpcd, python3)")?;
    readers.insert_as(0, GOLDEN, "9A", "yubikey");
    let mut subject = subject("ykcs11", world, "yubikey", "YubiKey PIV #0");
    subject.world.set("SAST_PIN", CARD_PIN);
    subject.world.set("SO_PIN", &"0102030405060708".repeat(3));
    (subject.wrong_pin, subject.new_pin) = ("471147".to_owned(), "654321".to_owned());
    subject.cannot = vec![
        ("unlock", "ykcs11 has no C_InitPIN"),
        ("enroll", "ykcs11 makes keys for the administrator alone"),
        ("init", "the virtual card has no reset"),
    ];
    subject.plug = Some(Box::new(move |insert| {
        if insert { readers.insert_as(0, GOLDEN, "9A", "yubikey") } else { readers.remove(0) }
    }));
    Ok(subject)
}
