//! Writes advice as text: commands and options for the values of `workflow`, quoted for a shell.

use std::path::Path;

use crate::workflow::exchange::WaitingRun;
use crate::workflow::{ListCommand, ListOption, Next, Subject};

/// The command as it is typed, in some cases with its purpose.
pub fn spell(next: &Next) -> String {
    let plain = match next {
        Next::MakeList { command, file, options } => return shell(&list_command(*command, file, options)),
        Next::CheckList { new, installed } => {
            let itl = Path::new(installed).with_file_name("ITLFile.tlv").display().to_string();
            let lists = shell(&[new, "--installed-ctl", installed, "--installed-itl", &itl]);
            return format!("sastctl ctl check {lists} --tvs NODE");
        }
        Next::FetchCtl { folder } => {
            let out = shell(&["--out", folder]);
            return format!("sastctl cluster fetch --node PUBLISHER --file CTLFile.tlv {out}");
        }
        Next::CheckPhones { expect, node } => {
            return shell(&["sastctl", "phones", "check", "--expect", expect, "--node", node]);
        }
        Next::Migrate { from, to, way } => {
            return shell(&["sastctl", "migrate", "run", "--from", from, "--to", to, "--way", way]);
        }
        Next::TrustCertificates { files, node } => {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            return shell(&[&["sastctl", "cluster", "trust"], &files[..], &["--node", node]].concat());
        }
        Next::ShowProcedure(name) => return format!("sastctl ctl ways FILE {name}"),
        Next::ReadTopic(name) => return format!("sastctl help {name}"),
        Next::Renew { node, signer } => {
            return shell(&["sastctl", "renew", "--node", node, "--token", signer]);
        }
        Next::AskAgain { run, tokens } => {
            let mut words = run_words(&["sastctl", "request", "revert"], run);
            let options = std::iter::once("--token").chain(std::iter::repeat("--spare"));
            words.extend(options.zip(tokens).flat_map(|(option, token)| [option, token]));
            return shell(&[&words[..], &["--out", "R.sastreq"]].concat());
        }
        Next::UseAnswer { run, answer } => {
            let words = run_words(&["sastctl", "revert"], run);
            return shell(&[&words[..], &["--resume", "--answer", answer]].concat());
        }
        Next::ListProcedures { file } => return shell(&["sastctl", "ctl", "ways", file]),
        Next::VerifyList { file } => return shell(&["sastctl", "ctl", "verify", file]),
        Next::KeepDigest(digest) => {
            return format!("--digest {}", digest.to_string().to_lowercase().replace('-', ""));
        }
        Next::KeepSignerVersion(major, minor) => return format!("--signer-version {major}.{minor}"),
        Next::LeaveOutTvs => "where a firewall closes its port: the same command with --no-tvs",
        Next::ExportCertificates => "sastctl cert export --all --out certs",
        Next::FetchAlone => "sastctl cluster fetch --node NODE --alone",
        Next::FindProblems => "sastctl doctor",
        Next::MakeCertificate => "sastctl cert enroll --name SAST-HSM-01",
        Next::ShowClusterStatus => "sastctl cluster status --node PUBLISHER",
        Next::NameModule => "give the PKCS#11 library with --module PATH, and its --profile",
        Next::ListProfiles => "sastctl profile list prints the usual paths",
        Next::ShowProfile => "sastctl profile show prints what it needs",
        Next::WatchTokens => "sastctl token watch reports when it is found",
        Next::EnrollCertificate => "sastctl cert enroll makes one",
        Next::TestPin => "sastctl profile test tries the PIN",
        Next::UnlockToken => "sastctl token unlock sets a new PIN with the administrator PIN",
    };
    plain.to_owned()
}

/// A command for a run on a cluster.
fn run_words<'a>(command: &[&'a str], run: &'a WaitingRun) -> Vec<&'a str> {
    let bridge: &[&str] = if run.bridge { &["--bridge"] } else { &[] };
    [command, &["--node", &run.publisher, "--work", &run.folder], bridge].concat()
}

/// The option that confirms what the operator looked at; empty where nothing can be confirmed.
pub fn confirming_option(subject: Subject) -> &'static str {
    match subject {
        Subject::Replication => "--replication-is-ok",
        Subject::Connectivity => "--nodes-reach-each-other",
        Subject::Backup => "--backup-is-there",
        Subject::Licence => "--licence-is-there",
        _ => "",
    }
}

/// The words of a command that makes a list.
pub fn list_command(command: ListCommand, file: &str, options: &[ListOption]) -> Vec<String> {
    let command: &[&str] = match command {
        ListCommand::Revert => &["sastctl", "revert"],
        ListCommand::Create => &["sastctl", "ctl", "create", "--cluster"],
        ListCommand::Update => &["sastctl", "ctl", "update"],
        ListCommand::Resign => &["sastctl", "ctl", "sign"],
    };
    let mut words: Vec<String> = command.iter().chain([&file]).map(|word| (*word).to_owned()).collect();
    for option in options {
        let mode;
        let (name, value) = match option {
            ListOption::Profile(name) => ("--profile", &name[..]),
            ListOption::Signer(token) => ("--token", &token[..]),
            ListOption::Spare(token) => ("--spare", &token[..]),
            ListOption::AddToken(token) => ("--add-token", &token[..]),
            ListOption::RemoveToken(token) => ("--remove-token", &token[..]),
            ListOption::RemoveServer(server) => ("--remove-server", &server[..]),
            ListOption::AddServer(server) => ("--add-server", &server[..]),
            ListOption::FromCluster(node) => ("--from-cluster", &node[..]),
            ListOption::Refresh(certificate) => ("--refresh", &certificate[..]),
            ListOption::Mode(is) => {
                mode = is.to_string();
                ("--set-mode", &mode[..])
            }
            ListOption::Release(release) => ("--release", &release[..]),
            ListOption::Out(file) => ("--out", &file[..]),
            ListOption::Force => ("--force", ""),
        };
        words.push(name.to_owned());
        words.extend((*option != ListOption::Force).then(|| value.to_owned()));
    }
    words
}

/// `--token SELECTOR`.
pub fn token_option(selector: &str) -> String {
    shell(&["--token", selector])
}

/// One command line, quoted for the shells of this system.
pub fn shell<S: AsRef<str>>(words: &[S]) -> String {
    let quote = if std::env::consts::OS == "windows" { for_windows } else { for_sh };
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

fn is_plain(word: &str, more: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// A word quoted for sh.
pub fn for_sh(word: &str) -> String {
    if is_plain(word, "-_./:=,+@%") { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// cmd and PowerShell read double quotes in the same way, except for characters that one of them replaces. Words with such
/// characters are quoted for PowerShell.
pub fn for_windows(word: &str) -> String {
    match () {
        () if is_plain(word, r"-_./\:+") => word.to_owned(),
        () if !word.contains(['"', '$', '`', '%', '!']) && !word.ends_with('\\') => format!("\"{word}\""),
        () => format!("'{}'", word.replace('\'', "''")),
    }
}
