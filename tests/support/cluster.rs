//! A simulated cluster behind real servers: OpenSSH's sshd, tftpd-hpa, HTTP and TVS, each node on its own loopback address.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::{World, lists, node_tvs, skip, until};
use crate::pki;

pub const SSH_PORT: u16 = 2222;
pub const TFTP_PORT: u16 = 6969;
pub const HTTP_PORT: u16 = 16970;
pub const TVS_PORT: u16 = 12445;

/// The algorithms of the nodes' sshd.
#[derive(Clone, Copy, PartialEq)]
pub enum Ssh {
    Today,
    /// As old releases: group14-sha1, ssh-rsa, aes-cbc, hmac-sha1.
    Old,
}

/// One node: its folder, and the servers that show it.
pub struct FakeNode {
    pub address: String,
    pub folder: PathBuf,
    servers: Vec<Child>,
}

pub struct Cluster {
    pub nodes: Vec<FakeNode>,
    pub folder: PathBuf,
}

/// Whether the real servers that a cluster needs are installed; if not, the test is skipped.
pub fn can_run() -> bool {
    for (tool, path) in [("sshd", "/usr/sbin/sshd"), ("in.tftpd", "/usr/sbin/in.tftpd")] {
        if !Path::new(path).exists() {
            skip(&format!("{tool} is not installed"));
            return false;
        }
    }
    if !rustix::process::getuid().is_root() {
        skip("tftpd needs root to serve a folder");
        return false;
    }
    true
}

/// The simulated shell, which is built with the tests.
pub fn fake_cucm() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_sastctl")).with_file_name("examples").join("fake-cucm");
    assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
    program
}

/// A node's folder: an idle tokenless cluster of release 10.5.
pub fn node_folder(folder: &Path, network: &str) {
    for (name, golden) in [("CTLFile.tlv", "tokenless.tlv"), ("ITLFile.tlv", "itl.tlv")] {
        for place in ["tftp", "served"] {
            fs::create_dir_all(folder.join(place)).unwrap();
            fs::write(folder.join(place).join(name), pki::golden_bytes(golden)).unwrap();
        }
    }
    let services =
        "Cisco CallManager[STARTED]\nCisco Tftp[STARTED]\nCisco Trust Verification Service[STARTED]\n";
    // The data from which the publisher makes its CTL: the golden one.
    let servers = "CCM+TFTP cucm-1051-a-pub 10.48.47.155 publisher\nCAPF cucm-1051-a-pub 10.48.47.155 capf\n\
                   CCM+TFTP cucm-1051-a-sub1 10.48.47.156 sub1\n";
    for (name, text) in [
        ("mode", "1"),
        ("version", "10.5.1.10000-7"),
        ("network", network),
        ("services", services),
        ("servers", servers),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    for (name, stem) in [
        ("publisher", "cucm-1051-a-pub"),
        ("sub1", "cucm-1051-a-sub1"),
        ("capf", "capf-e41e7d87"),
        // The certificate in the TVS record of the golden ITL.
        ("tvs", "cucm8-tvs"),
    ] {
        copy_key(&format!("tests/testdata/pki/{stem}"), &folder.join(name));
    }
}

/// A certificate and its key, below the project and without their endings, under another name.
fn copy_key(stem: &str, to: &Path) {
    for ending in ["der", "key.pem"] {
        fs::copy(pki::path(&format!("{stem}.{ending}")), to.with_extension(ending)).unwrap();
    }
}

impl Cluster {
    /// `count` nodes on addresses that no other test process uses.
    pub fn start(world: &World, count: usize, ssh: Ssh) -> Self {
        Self::start_in(world, "cluster", count, ssh)
    }

    /// The same in a separate folder: a world may have several clusters.
    pub fn start_in(world: &World, folder: &str, count: usize, ssh: Ssh) -> Self {
        // One process may start many clusters, also in parallel, and the servers in threads keep running.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let first = 10 + 20 * (number % 12);
        let pid = std::process::id();
        let net = format!("127.{}.{}", 10 + pid / 250 % 40 + 40 * (number / 12 % 6), 1 + pid % 250);
        let folder = world.path(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let keygen = |args: &[&str], file: &str| {
            let keygen = Command::new("ssh-keygen").args(args).arg(folder.join(file)).output().unwrap();
            assert!(keygen.status.success(), "{}", String::from_utf8_lossy(&keygen.stderr));
            keygen.stdout
        };
        keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], "user_key");
        // An RSA key takes time to make, so all nodes share one.
        fs::copy(pki::path("tests/testdata/keys/rsa2048.key.pem"), folder.join("host_key")).unwrap();
        fs::set_permissions(folder.join("host_key"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.join("host_key.pub"), keygen(&["-y", "-f"], "host_key")).unwrap();
        let network: String = (0..count)
            .map(|i| {
                let role =
                    if i == 0 { "Publisher callmanager DBPub" } else { "Subscriber callmanager DBSub" };
                format!("{net}.{} cucm-{i}.example.com cucm-{i} {role} authenticated\n", first as usize + i)
            })
            .collect();
        let nodes = (0..count)
            .map(|i| {
                let address = format!("{net}.{}", first as usize + i);
                let node = folder.join(format!("node{i}"));
                node_folder(&node, &network);
                fs::write(node.join("role"), if i == 0 { "publisher" } else { "subscriber" }).unwrap();
                let servers = vec![sshd(&folder, &node, &address, ssh), tftpd(&node, &address)];
                http(node.join("served"), &address);
                node_tvs::start(node.clone(), folder.join("node0"), &address);
                FakeNode { address, folder: node, servers }
            })
            .collect();
        let cluster = Cluster { nodes, folder };
        for node in &cluster.nodes {
            wait_for(&node.address, SSH_PORT);
        }
        cluster
    }

    /// Every node serves a file as soon as it is in the folder; CUCM's own TFTP server does not.
    #[must_use]
    pub fn serving_at_once(self) -> Self {
        for node in &self.nodes {
            let served = node.folder.join("served");
            fs::remove_dir_all(&served).unwrap();
            std::os::unix::fs::symlink("tftp", served).unwrap();
        }
        self
    }

    /// Each node gets an ITL of its own, as CUCM makes them: signed by its own CallManager certificate; the TVS
    /// certificates of all nodes are in each. At most three nodes are different.
    pub fn give_own_itls(&self) {
        const CALLMANAGER: [&str; 3] =
            ["pki/cucm-1051-a-pub", "pki/cucm-1051-a-sub1", "pki/cucm8-callmanager"];
        const TVS: [&str; 3] = ["pki/cucm8-tvs", "keys/rsa2048", "keys/rsa3072"];
        let stem = |stems: [&str; 3], node: usize| format!("tests/testdata/{}", stems[node.min(2)]);
        let key = |path: String| lists::Key::open(&pki::path(&path)).unwrap();
        let capf = lists::Certificate::read(&pki::read("tests/testdata/pki/capf-e41e7d87.der")).unwrap();
        for (number, node) in self.nodes.iter().enumerate() {
            copy_key(&stem(TVS, number), &node.folder.join("tvs"));
            let server = key(stem(CALLMANAGER, number));
            fs::write(node.folder.join("callmanager.der"), &server.certificate.der).unwrap();
            let whole = |purpose| lists::record(purpose, &server.certificate, &lists::Layout::Itl);
            let hash = |purpose, of: &lists::Certificate| lists::record(purpose, of, &lists::Layout::ItlHash);
            let mut records = vec![whole(lists::SAST), whole(lists::CCM_TFTP)];
            for other in 0..self.nodes.len().min(3) {
                let tvs = key(stem(TVS, other));
                records.push(hash(lists::TVS, &tvs.certificate));
            }
            records.push(hash(lists::CAPF, &capf));
            node.put("ITLFile.tlv", &lists::sign("ITLFile.tlv", &records, &server, 1_425_670_000));
        }
    }

    pub fn publisher(&self) -> String {
        format!("ssh://{}@{}:{SSH_PORT}", whoami(), self.nodes[0].address)
    }

    /// The options with which a command reaches the cluster.
    pub fn options(&self) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let fingerprint = Command::new("ssh-keygen").args(["-lf", &file("host_key.pub")]).output().unwrap();
        let fingerprint = String::from_utf8(fingerprint.stdout).unwrap();
        let fingerprint = fingerprint.split_whitespace().nth(1).unwrap().to_owned();
        ["--identity", &file("user_key"), "--known-hosts", &file("known_hosts"), "--host-key", &fingerprint]
            .map(str::to_owned)
            .to_vec()
    }

    pub fn ports() -> Vec<String> {
        ["--tftp-port", &TFTP_PORT.to_string(), "--http-port", &HTTP_PORT.to_string()]
            .map(str::to_owned)
            .to_vec()
    }
}

/// A further sshd: a file server, a jump host, or one that asks for passwords.
pub struct OtherSshd {
    pub address: String,
    server: Child,
}

impl Drop for OtherSshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Cluster {
    /// On an address of its own beside the nodes, with these lines in its configuration. `wrapped` is a command before it,
    /// which runs it in its own namespaces.
    pub fn other_sshd(&self, last_byte: u8, lines: &str, wrapped: &[&str]) -> OtherSshd {
        let net = self.nodes[0].address.rsplit_once('.').unwrap().0;
        let address = format!("{net}.{last_byte}");
        let config = format!(
            "ListenAddress {address}:{SSH_PORT}\nHostKey {}\nPidFile none\nStrictModes no\nPermitRootLogin yes\n\
             SetEnv {NO_BASHRC}\n\
             AuthorizedKeysFile {}\n{lines}\n",
            self.folder.join("host_key").display(),
            self.folder.join("user_key.pub").display(),
        );
        let path = self.folder.join(format!("sshd_{last_byte}"));
        fs::write(&path, config).unwrap();
        let mut words: Vec<&str> = wrapped.to_vec();
        let path = path.to_str().unwrap().to_owned();
        words.extend(["/usr/sbin/sshd", "-D", "-e", "-f", &path]);
        let log = File::create(self.folder.join(format!("sshd_{last_byte}.log"))).unwrap();
        let server = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        wait_for(&address, SSH_PORT);
        OtherSshd { address, server }
    }
}

impl FakeNode {
    pub fn quirks(&self, quirks: &[&str]) {
        fs::write(self.folder.join("quirks"), quirks.join("\n")).unwrap();
    }

    /// The commands that the node's shell received, without those of every session.
    pub fn told(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("commands")).unwrap_or_default();
        log.lines().filter(|l| *l != "set cli pagination off").map(str::to_owned).collect()
    }

    /// The CTL that it serves.
    pub fn ctl(&self) -> Option<Vec<u8>> {
        fs::read(self.folder.join("served/CTLFile.tlv")).ok()
    }

    /// The CTL on its disk, which `show ctl` prints and phones get once Cisco Tftp was restarted.
    pub fn disk_ctl(&self) -> Option<Vec<u8>> {
        fs::read(self.folder.join("tftp/CTLFile.tlv")).ok()
    }

    /// Gives an idle node this file, on disk and served.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        for place in ["tftp", "served"] {
            fs::write(self.folder.join(place).join(name), bytes).unwrap();
        }
    }

    /// Removes this file from an idle node.
    pub fn remove(&self, name: &str) {
        for place in ["tftp", "served"] {
            let _ = fs::remove_file(self.folder.join(place).join(name));
        }
    }

    pub fn stop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Under an sshd bash reads ~/.bashrc unless it is a nested shell; the commands in that file may take seconds, or hang.
const NO_BASHRC: &str = "SHLVL=2";

fn whoami() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

fn sshd(folder: &Path, node: &Path, address: &str, ssh: Ssh) -> Child {
    let old = "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers aes256-cbc\nMACs hmac-sha1\n";
    let config = format!(
        "ListenAddress {address}:{SSH_PORT}\nHostKey {key}\nPidFile none\nUsePAM no\nStrictModes no\n\
         PermitRootLogin yes\nAuthorizedKeysFile {user}\nPasswordAuthentication no\nForceCommand {shell} {node}\n\
         MaxStartups 100\nSetEnv {NO_BASHRC}\n{algorithms}",
        key = folder.join("host_key").display(),
        user = folder.join("user_key.pub").display(),
        shell = fake_cucm().display(),
        node = node.display(),
        algorithms = if ssh == Ssh::Old { old } else { "" },
    );
    let path = node.join("sshd_config");
    fs::write(&path, config).unwrap();
    let log = File::create(node.join("sshd.log")).unwrap();
    Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// tftpd-hpa in the node's folder: `served` may become a link, so every request contains it.
fn tftpd(node: &Path, address: &str) -> Child {
    fs::write(node.join("tftpd.map"), "r ^(.*) served/\\1\n").unwrap();
    Command::new("/usr/sbin/in.tftpd")
        .args(["--foreground", "--listen", "--user", "root", "--secure", "--map-file"])
        .arg(node.join("tftpd.map"))
        .arg("--address")
        .arg(format!("{address}:{TFTP_PORT}"))
        .arg(node)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The file server of a node.
fn http(folder: PathBuf, address: &str) {
    let listener = TcpListener::bind((address, HTTP_PORT)).unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut tcp) = connection else { return };
            let mut request = [0; 2048];
            let n = tcp.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..n]).into_owned();
            let name = text.split_whitespace().nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let answer = match fs::read(folder.join(name)) {
                Ok(bytes) => {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        bytes.len()
                    );
                    [head.into_bytes(), bytes].concat()
                }
                Err(_) => {
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
                }
            };
            let _ = tcp.write_all(&answer);
        }
    });
}

fn wait_for(address: &str, port: u16) {
    until(&format!("{address}:{port} listens"), || TcpStream::connect((address, port)).is_ok());
}
