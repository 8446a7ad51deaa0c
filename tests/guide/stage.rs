//! Where the commands of a page run: two software eTokens, a cluster that does not exist, and somebody at a terminal of
//! 80 columns who answers as the page shows.

use rexpect::reader::Regex;
use rexpect::session::{Options, ReadUntil, spawn_with_options};
use sastctl::cluster::shell::Screen;

use super::page::Step;
use crate::pki;
use crate::support::cluster::{Cluster, HTTP_PORT, SSH_PORT, Ssh, TFTP_PORT, TVS_PORT, can_run};
use crate::support::cluster_lists;
use crate::support::phones::{self, Behaviour};
use crate::support::site::Site;
use crate::support::{PIN, World};

/// The addresses of the nodes in the pages: those of the golden lists.
const ADDRESSES: [&str; 2] = ["10.48.47.155", "10.48.47.156"];
/// What the pages call what is random: serial numbers, slots and readers.
const TOKENS: [(&str, &str, &str); 2] =
    [("A", "8d25e2b35ed0f1c7", "1466302913"), ("B", "31c4a9d6027be58f", "1931577032")];
const HOME: &str = "/home/you";
/// When lists are signed: the time of the golden ones.
const SIGNED_AT: &str = "1425678813";
/// The PIN of tokens that a page makes.
const NEW_PIN: &str = "seventeen-7";
/// By how many words a question is found in a page.
const WORDS: usize = 5;
/// What the program prints when it waits for somebody who uploads a list.
const WAITS: &str = "Waiting until every node serves it";
/// What ends the output of a command.
const END: &str = "\u{2}exit code ";

/// Where the commands of one page run.
pub struct Stage {
    world: World,
    cluster: Option<Cluster>,
    /// What is there, and what the page calls it.
    names: Vec<(String, String)>,
}

/// Three phones that the publisher knows: one has its list, one refused it, one has its web access off. Their addresses, and
/// what the page calls them.
fn start_phones(cluster: &Cluster) -> Vec<(String, String)> {
    let sum = |golden| phones::md5_pairs(&pki::golden_bytes(golden));
    let of = |ctl, line| {
        let (network, messages) = (phones::network_of(&sum(ctl), &sum("itl.tlv")), phones::messages(&[line]));
        Behaviour::Pages(vec![(phones::SERVICEABILITY, network), (phones::MESSAGES, messages)])
    };
    let phones = [
        ("SEP001122334455", "Reception", "Cisco 8845", of("tokenless.tlv", "")),
        (
            "SEP0011223344AA",
            "Meeting room 2",
            "Cisco 8851",
            of("token-signed.tlv", "11:39:03am 11/28/26 Trust List update failed"),
        ),
        ("SEP0011223344BB", "Cellar", "Cisco 7962", Behaviour::Closed),
    ];
    let (mut rows, mut names) = (String::new(), vec![]);
    for (number, (name, place, model, behaviour)) in phones.into_iter().enumerate() {
        let address = phones::phone(behaviour);
        rows += &format!("{name};{place};{address};{model};reg;1\n");
        names.push((address, format!("10.48.50.{}", 11 + number)));
    }
    std::fs::write(cluster.nodes[0].folder.join("phones"), rows).unwrap();
    names
}

impl Stage {
    /// The stage of a page; `None` where its servers cannot run.
    pub fn of(page: &str, text: &str) -> Option<Stage> {
        let needs_cluster = ["--node", "--tvs", "audit"].iter().any(|option| {
            text.lines().any(|line| {
                line.contains(&format!("{option} {}", ADDRESSES[0])) || line.contains("\"$NODE\"")
            })
        });
        if needs_cluster && !can_run() {
            return None;
        }
        // Slots are random, and listed in their order.
        let in_order =
            |world: &World| world.slot("A").parse::<u64>().unwrap() < world.slot("B").parse().unwrap();
        let mut world = std::iter::repeat_with(World::with_tokens).find(in_order).unwrap();
        let mut names = vec![];
        for (letter, serial, slot) in TOKENS {
            let (is_serial, is_slot) = (world.serial(letter), world.slot(letter));
            let reader = |slot: &str| format!("SoftHSM slot ID 0x{:x}", slot.parse::<u64>().unwrap());
            names.push((reader(&is_slot), reader(slot)));
            names.push((is_serial, serial.to_owned()));
            names.push((is_slot, slot.to_owned()));
        }
        let home = world.path("home/ctl");
        std::fs::create_dir(&home).unwrap();
        let cluster = needs_cluster.then(|| Cluster::start(&world, 2, Ssh::Today));
        for (node, shown) in cluster.iter().flat_map(|cluster| &cluster.nodes).zip(ADDRESSES) {
            let address = &node.address;
            let publisher = cluster.as_ref().unwrap().publisher();
            let user = publisher.trim_start_matches("ssh://").split('@').next().unwrap().to_owned();
            for way in [
                format!("ssh://{user}@{address}:{SSH_PORT}"),
                format!("{address}_{SSH_PORT}"),
                format!("{address}:{TVS_PORT}"),
                format!("{address}:{SSH_PORT}"),
                address.clone(),
            ] {
                names.push((way, shown.to_owned()));
            }
        }
        names.push((format!("port {TFTP_PORT}"), "port 69".to_owned()));
        names.push((format!(":{HTTP_PORT}"), ":6970".to_owned()));
        names.push((world.path("home").to_str().unwrap().to_owned(), HOME.to_owned()));
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_sastctl")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        for (name, value) in [
            ("PATH", path.as_str()),
            ("SOURCE_DATE_EPOCH", SIGNED_AT),
            ("TERM", "dumb"),
            ("NO_COLOR", "1"),
            ("PAGER", "cat"),
            ("NODE", ADDRESSES[0]),
        ] {
            world.set(name, value);
        }
        for name in ["COLUMNS", "SASTCTL_PIN_SOURCE", "XDG_STATE_HOME"] {
            world.unset(name);
        }
        if matches!(page, "refusing-phones" | "reverting") {
            names.extend(start_phones(cluster.as_ref().unwrap()));
        }
        let (world, cluster) = match (page, cluster) {
            ("renewal-run" | "to-tokenless", Some(cluster)) => {
                let site = Site::of_the_guide(world, cluster, page == "renewal-run");
                (site.world, Some(site.cluster))
            }
            other => (world, other.1),
        };
        let stage = Stage { world, cluster, names };
        stage.set_up(page);
        Some(stage)
    }

    /// What is there before the first command of a page.
    fn set_up(&self, page: &str) {
        let token_signed = pki::golden_bytes("token-signed.tlv");
        match page {
            "lost-tokens" | "renewal" | "way-back" | "expiring" => {
                for node in self.cluster.iter().flat_map(|cluster| &cluster.nodes) {
                    node.put("CTLFile.tlv", &token_signed);
                }
            }
            "audit" => {
                let cluster = self.cluster.as_ref().unwrap();
                cluster_lists::fit(cluster);
                cluster_lists::renew(&cluster.nodes[1], "CallManager");
                cluster_lists::put_itls(cluster);
                let text = format!(
                    "[[cluster]]\nname = \"Berlin\"\nnode = \"{}\"\nidentity = {:?}\n\
                     [[cluster]]\nname = \"Oslo\"\nnode = \"127.0.0.99:9\"\nidentity = \"oslo_key\"\n",
                    cluster.publisher(),
                    cluster.folder.join("user_key"),
                );
                std::fs::write(self.world.path("home/ctl/inventory.toml"), text).unwrap();
            }
            _ => {}
        }
        match page {
            "lost-tokens" => self.world.new_token("SAST token C", "tests/testdata/keys/rsa2048"),
            "renewal" => self.place("tests/testdata/pki/cucm-1051-a-pub-regenerated.der", "CallManager.der"),
            "migration" => {
                self.place("tests/testdata/golden/tokenless.tlv", "a/CTLFile.tlv");
                self.place("tests/testdata/golden/itl.tlv", "a/ITLFile.tlv");
                self.place("tests/testdata/golden/tokenless-regenerated.tlv", "b/CTLFile.tlv");
                self.place("tests/testdata/golden/itl.tlv", "b/ITLFile.tlv");
            }
            "secured" => {
                let mut text = "approvals = 2\n".to_owned();
                for (name, key, roles) in [
                    ("Anna Nowak", "anna", r#"["ask", "approve"]"#),
                    ("Ben Kowalski", "ben", r#"["approve"]"#),
                ] {
                    let file = format!("home/ctl/{key}");
                    self.world.tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", &file]);
                    let public = String::from_utf8(self.world.read(&format!("{file}.pub"))).unwrap();
                    let keys = [public.trim()];
                    text += &format!("\n[[person]]\nname = {name:?}\nkeys = {keys:?}\nroles = {roles}\n");
                }
                let sum = sastctl::trustlist::digest::hex(&pki::token("SAST-ADN008580ef").sha256(), "");
                text += &format!("\n[[token]]\ncertificate = {sum:?}\nsigns = [\"CTL\", \"ITL\", \"sgn\"]\n");
                text += "clusters = [\"Krakow\"]\n";
                std::fs::write(self.world.path("home/ctl/signers.toml"), text).unwrap();
            }
            "README" => self.place("tests/testdata/golden/tokenless.tlv", "CTLFile.tlv"),
            "refusing-phones" | "way-back" => {
                self.place("tests/testdata/golden/tokenless.tlv", "old/CTLFile.tlv");
                if page == "refusing-phones" {
                    self.place("tests/testdata/golden/token-signed.tlv", "before/CTLFile.tlv");
                }
            }
            "pbx" => {
                self.world.new_token("SAST token C", "tests/testdata/keys/rsa2048");
                self.place("tests/testdata/keys/rsa2048.der", "files.der");
                self.place("tests/testdata/pki/cucm-1051-a-pub.der", "pbx.der");
                let pbx = "[[server]]\nfunction = \"CCM\"\naddress = \"192.0.2.10\"\ncertificate = \"pbx.der\"\n\n\
                           [[server]]\nfunction = \"TFTP\"\naddress = \"192.0.2.10\"\ncertificate = \"files.der\"\n";
                std::fs::write(self.world.path("home/ctl/pbx.toml"), pbx).unwrap();
                self.place("tests/testdata/certutils/SEP58971ECC97C1.cnf.xml", "SEP58971ECC97C1.cnf.xml");
            }
            _ => {}
        }
    }

    /// Puts a file of the project into the folder in which the commands run.
    fn place(&self, file: &str, name: &str) {
        let path = self.world.path("home/ctl").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, pki::read(file)).unwrap();
    }

    /// The command with what is there in place of what the page calls it.
    fn command(&self, step: &Step) -> String {
        let command = step.command.replace("\"$NODE\"", ADDRESSES[0]);
        let Some(cluster) = &self.cluster else { return self.real(&command) };
        let mut words: Vec<String> = command.split_inclusive(' ').map(str::to_owned).collect();
        let of_node = ["cluster ", "--node "].iter().any(|word| command.contains(word));
        for at in 0..words.len() {
            let Some(node) = ADDRESSES.iter().position(|shown| words[at].trim_end() == *shown) else {
                continue;
            };
            let address = &cluster.nodes[node].address;
            words[at] = if at > 0 && words[at - 1] == "--tvs " {
                format!("{address}:{TVS_PORT} ")
            } else {
                format!("{} ", cluster.publisher().replace(&cluster.nodes[0].address, address))
            };
        }
        if of_node {
            let mut options = cluster.options();
            if !command.contains("cluster restart") && !command.contains("phones ") {
                options.extend(Cluster::ports());
            }
            if command.contains("cluster trust") || command.contains("revert") {
                options.extend([format!("--tvs-port={TVS_PORT}"), "--tvs-wait=2".to_owned()]);
            }
            if command.contains("cluster audit") {
                options.push(format!("--tvs-port={TVS_PORT}"));
            }
            words.push(format!(" {}", options.join(" ")));
        }
        if command.contains("diagnose ") {
            words.push(format!(" --tvs-port={TVS_PORT}"));
        }
        if command.contains("phones check") || command.contains("diagnose ") {
            words.push(format!(" --phone-http-port={} --phone-https-port={}", phones::HTTP, phones::HTTPS));
        }
        let command = words.concat();
        self.real(&command)
    }

    fn real(&self, command: &str) -> String {
        let serials = TOKENS.iter().map(|(letter, shown, _)| (shown, self.world.serial(letter)));
        serials.fold(command.to_owned(), |text, (shown, is)| text.replace(shown, &is))
    }

    /// Somebody who uploads the named file on the web page of every node, and restarts Cisco Tftp there.
    fn upload(&self, asked: &str, restarts: bool) {
        let asked = asked.split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, from) = asked.split_once("Upload File file ").unwrap();
        let (file, _) = from.split_once(", directory").unwrap();
        let list = std::fs::read(self.world.path("home/ctl").join(file)).unwrap();
        for node in self.cluster.iter().flat_map(|cluster| &cluster.nodes) {
            if restarts {
                node.put("CTLFile.tlv", &list);
            } else {
                std::fs::write(node.folder.join("tftp/CTLFile.tlv"), &list).unwrap();
            }
        }
    }

    /// Runs a command; its output as the page would show it, and its exit code.
    pub fn run(&self, step: &Step) -> (String, i32) {
        let command = self.command(step);
        let folder = self.world.path("home/ctl");
        let line = format!(
            "stty echo cols 80 rows 24\ncd '{}'\n{command}\nprintf '{END}%s\\n' $?",
            folder.display()
        );
        let shell = self.world.program("sh", &["-c", &line]);
        let options = Options::new().timeout_ms(Some(120_000));
        let mut session = spawn_with_options(shell, options).unwrap();
        let secret = Regex::new("(PIN|again) for [^:\r\n]+: $").unwrap();
        let typed = Regex::new("(\\[y/N\\]|Type its [a-z ]+ to [a-z ]+:) $").unwrap();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut shown = words(&step.shown).join(" ");
        let (mut all, mut pin) = (String::new(), String::new());
        loop {
            let wanted = vec![
                ReadUntil::Regex(secret.clone()),
                ReadUntil::Regex(typed.clone()),
                ReadUntil::String(WAITS.to_owned()),
                ReadUntil::EOF,
            ];
            let (before, prompt) =
                session.exp_any(wanted).unwrap_or_else(|e| panic!("{command}\n{all}\n{e}"));
            all += &before;
            all += &prompt;
            if prompt.is_empty() {
                break;
            }
            if prompt == WAITS {
                self.upload(&before, command.contains("cluster publish"));
                continue;
            }
            let answer = if secret.is_match(&prompt) {
                if !prompt.starts_with("again") {
                    let is_old = before.ends_with("(SO) ")
                        || prompt.contains("SAST token") && !before.ends_with("new ");
                    pin = if is_old { PIN.to_owned() } else { NEW_PIN.to_owned() };
                }
                pin.clone()
            } else {
                // Where the page does not show the question: yes, or the number of SoftHSM's blank slot.
                let asked = words(&all);
                let question = asked[asked.len().saturating_sub(WORDS)..].join(" ");
                let otherwise = if prompt.starts_with("Type") { "2" } else { "y" };
                let behind = shown.split_once(&question).map(|(_, behind)| behind.to_owned());
                behind.inspect(|behind| shown.clone_from(behind)).map_or(otherwise.to_owned(), |behind| {
                    behind.split_whitespace().next().unwrap_or(otherwise).to_owned()
                })
            };
            session.send_line(&answer).unwrap();
        }
        let mut screen = Screen::default();
        // The library makes a character of each byte.
        screen.feed(&all.chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<_>>());
        let shown = screen.lines().join("\n");
        let (output, code) =
            shown.split_once(END.trim_start_matches('\u{2}')).unwrap_or_else(|| panic!("{command}\n{shown}"));
        let code = code.trim().parse().unwrap();
        (self.shown(output.trim_end_matches('\u{2}')), code)
    }

    /// What the program printed, with the page's names for what is random.
    fn shown(&self, text: &str) -> String {
        let text = self.names.iter().fold(text.to_owned(), |text, (is, shown)| text.replace(is, shown));
        // Journals are named by the time of the run: `20261121T073000-revert.jsonl`.
        let folder = ".local/state/sastctl/";
        let mut parts = text.split(folder);
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            named += folder;
            named += "[..]";
            named += part.get(15..).unwrap_or(part);
        }
        named
    }
}
