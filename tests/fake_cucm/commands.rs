//! What the node does when it is told something.

use std::time::Duration;

use sastctl::trustlist::{
    Certificate, Digest, Draft, Function, Record, SigningOptions, TrustFile, TrustList, digest, show_list,
};

use crate::Node;
use crate::pki::KeyFile;
use crate::terminal::Terminal;

/// Carries out a command. `None` where the line ended in the middle. `cut`: nobody hears how it ends.
pub fn run(node: &Node, terminal: &mut Terminal, command: &str, cut: bool) -> Option<()> {
    if cut {
        terminal.say("\n");
        terminal.hush();
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["set", "cli", "pagination", "off"] => {
            if node.quirk("old").is_some() {
                terminal.say("No valid command entered\nExecuted command unsuccessfully\n");
            } else {
                terminal.set_pager_off();
                terminal.say("Automatic pagination is turned off.\n");
            }
        }
        ["show", "ctl"] => terminal.page(&show(node, "CTL"))?,
        ["show", "itl"] => terminal.page(&show(node, "ITL"))?,
        ["show", "version", "active"] => {
            terminal.say(&format!("Active Master Version: {}\n", node.text("version").trim()));
        }
        ["show", "network", "cluster"] => terminal.page(&node.text("network"))?,
        ["show", "cert", "list", "trust"] => {
            let mut text = String::from("CallManager-trust/CAPF-e41e7d87.pem: Trust certificate\n");
            for name in trusted(node) {
                text.push_str(&format!("Phone-SAST-trust/{name}.pem: uploaded\n"));
            }
            terminal.page(&text)?;
        }
        ["run", "sql", ..] if command.contains("ClusterSecurityMode") => {
            let mode = node.text("mode");
            terminal.say(&format!(
                "paramname           paramvalue\n=================== ==========\nClusterSecurityMode {} \n",
                mode.trim()
            ));
        }
        ["utils", "service", "list"] => terminal.page(&services(node))?,
        ["utils", "service", "restart", ..] => restart(node, terminal, &words[3..].join(" ")),
        ["file", "delete", "tftp", name] => delete(node, terminal, name, cut)?,
        ["file", "dump", "tftp", name, "hex"] => {
            let bytes = std::fs::read(node.path("tftp").join(name)).unwrap_or_default();
            terminal.page(&dump(&bytes))?;
        }
        ["utils", "ctl", "update", "CTLFile"] => update_ctl(node, terminal, cut)?,
        ["set", "cert", "import", "trust", unit] => import(node, terminal, unit, cut)?,
        _ => terminal.say("No valid command entered\nExecuted command unsuccessfully\n"),
    }
    Some(())
}

fn show(node: &Node, kind: &str) -> String {
    let path = node.path("tftp").join(format!("{kind}File.tlv"));
    let Ok(bytes) = std::fs::read(&path) else {
        return format!(
            "Length of {kind} file: 0\n{kind} File not found. Please run CTLClient plugin or run the CLI - utils \
             ctl.. to generate the {kind} file.\nError parsing the {kind} File."
        );
    };
    match TrustFile::decode(bytes) {
        Ok(TrustFile::List(list)) => show_list(&list, "Fri Mar 06 22:53:33 UTC 2015", list.verify().is_ok()),
        _ => format!("Verification of the {kind} file failed.\nError parsing the {kind} file!!"),
    }
}

/// `NAME[STATE]`, as the file `services` has them.
fn services(node: &Node) -> String {
    format!("Requesting service status, please wait...\nSystem SSH [STARTED]\n{}", node.text("services"))
}

fn restart(node: &Node, terminal: &mut Terminal, service: &str) {
    if !node.text("services").contains(&format!("{service}[")) {
        terminal.say(&format!("Service {service} is not known\nExecuted command unsuccessfully\n"));
        return;
    }
    terminal.say(
        "Do not press Ctrl+C while the service is restarting. If Service has not restarted properly, execute \
                  the same command again.\n",
    );
    terminal.say("Service Manager is running\n");
    for state in ["STOPPING", "STOPPED", "STARTING"] {
        terminal.say(&format!("{service}[{state}]\n"));
        std::thread::sleep(Duration::from_millis(20));
    }
    if node.quirk("stays-down") == Some(service) {
        return;
    }
    terminal.say(&format!("{service}[STARTED]\n"));
}

fn delete(node: &Node, terminal: &mut Terminal, name: &str, cut: bool) -> Option<()> {
    let answer = if cut {
        "y".to_owned()
    } else {
        terminal.say(&format!("Delete the File {name}?\n"));
        terminal.ask("Enter \"y\" followed by return to continue: ")?
    };
    if answer.trim() != "y" {
        terminal.say("Delete cancelled\n");
        return Some(());
    }
    let deleted = u32::from(std::fs::remove_file(node.path("tftp").join(name)).is_ok());
    terminal.say(&format!("files: found = {deleted}, deleted = {deleted}\n"));
    Some(())
}

fn dump(bytes: &[u8]) -> String {
    bytes
        .chunks(16)
        .enumerate()
        .map(|(row, chunk)| {
            let hex: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
            let text: String =
                chunk.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
            format!("{:08x}  {:<48} |{text}|\n", row * 16, hex.join(" "))
        })
        .collect()
}

fn trusted(node: &Node) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(node.path("trust")) else { return vec![] };
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn import(node: &Node, terminal: &mut Terminal, unit: &str, cut: bool) -> Option<()> {
    if node.quirk("no-import").is_some() || unit != "Phone-SAST-trust" {
        terminal.say("Incorrect parameters\nExecuted command unsuccessfully\n");
        return Some(());
    }
    if cut {
        return None;
    }
    terminal.say("Paste the Certificate and Hit Enter\n");
    let mut pem = String::new();
    loop {
        let line = terminal.line()?;
        if line.is_empty() && pem.contains("-----END") {
            break;
        }
        pem.push_str(&line);
        pem.push('\n');
    }
    match Certificate::from_file_bytes(pem.as_bytes()) {
        Ok(certificate) => {
            let name = certificate.sast_name();
            std::fs::create_dir_all(node.path("trust")).unwrap();
            std::fs::write(node.path("trust").join(format!("{name}.der")), certificate.der()).unwrap();
            terminal.say(&format!(
                "Successfully imported certificate for {unit}.\nPlease restart the related services.\n"
            ));
        }
        Err(_) => terminal.say("Failed to import certificate\nExecuted command unsuccessfully\n"),
    }
    Some(())
}

/// The tokenless list again, with the certificates of Phone-SAST-trust as SAST records.
fn update_ctl(node: &Node, terminal: &mut Terminal, cut: bool) -> Option<()> {
    if !cut {
        terminal.say("This operation will update the CTLFile. ");
        let answer = terminal.ask("Do you want to continue? (y/n):")?;
        if answer.trim() != "y" {
            terminal.say("Command cancelled\n");
            return Some(());
        }
    }
    terminal.say("Updating CTL file\n");
    let path = node.path("tftp/CTLFile.tlv");
    let list = TrustList::decode(std::fs::read(&path).unwrap()).unwrap();
    let mut records = list.records().to_vec();
    if node.quirk("no-bridge").is_none() {
        for name in trusted(node) {
            let der = std::fs::read(node.path("trust").join(format!("{name}.der"))).unwrap();
            let certificate = Certificate::from_der(der).unwrap();
            if !records.iter().any(|r| r.function() == Function::SAST && r.is_of(&certificate)) {
                records.push(Record::token(&certificate, certificate.sast_style()).unwrap());
            }
        }
    }
    let options = SigningOptions { digest: Digest::Sha1, timestamp: 1_425_680_000, signer_version: None };
    let mut key = KeyFile::open(node.path("publisher").to_str().unwrap());
    let new = Draft::new("CTLFile.tlv", records, options).sign(&mut key).unwrap();
    std::fs::write(&path, new.list().bytes()).unwrap();
    terminal.say(&format!(
        "CTL file Updated\nMD5 {}\nPlease Restart the TFTP and Cisco CallManager services on all nodes in the cluster.\n",
        digest::hex(&new.list().md5(), "")
    ));
    Some(())
}
