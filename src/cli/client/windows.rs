//! The windows before Finish. Each answers whether to go on (`true`) or back (`false`).

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::super::error::CommandError;
use super::super::ui::{printable, table};
use super::Client;
use super::insert::{self, Inserted};
use super::terminal::{choose, text};
use crate::cluster::SecurityMode;
use crate::trustlist::{Certificate, Function, Name};
use crate::workflow::{
    AddedServer, Choices, Entry, NewServer, PlanError, ReadCluster, Start, read_certificate, read_cluster,
    read_verified,
};

/// The third window: the security mode to set, if any.
const MODES: [(Option<SecurityMode>, &str); 3] = [
    (Some(SecurityMode::Mixed), "Set Cisco Unified CallManager Cluster to Mixed Mode"),
    (Some(SecurityMode::NonSecure), "Set Cisco Unified CallManager Cluster to Non-Secure Mode"),
    (None, "Update CTL File"),
];

/// The CTL Client's words at a token that is not in the list in force.
const ANOTHER: &str = "Please remove any Security Tokens already inserted and insert another Security Token.  \
                       Click Ok when done.";

impl Client<'_> {
    /// Window 1. Without a connection to a cluster: the CTL in force or a cluster file, and an output folder.
    pub(super) fn server(&mut self) -> Result<bool, CommandError> {
        self.ui.show("\nServer");
        loop {
            let now = self.source.display().to_string();
            let Some(file) = text("CTL file in force, or a cluster file (*.toml) for a first CTL:", &now)?
            else {
                return Ok(false);
            };
            let file = PathBuf::from(file);
            let Some(start) = self.or_why_not(start(&file)) else { continue };
            let Some(folder) = text("Output folder:", &self.folder.display().to_string())? else { continue };
            let folder = PathBuf::from(if folder.is_empty() { "." } else { &folder });
            if !self.is_file(&folder) && folder.exists() && !folder.is_dir() {
                self.ui.show(&format!("{} is not a folder.", folder.display()));
                continue;
            }
            // What was chosen before does not hold: it is another file, or the same anew.
            self.choices = Some(Choices::new(start));
            self.tokens.clear();
            (self.source, self.folder) = (file, folder);
            return Ok(true);
        }
    }

    /// Window 2, where there is no file in mixed mode.
    pub(super) fn warning(&mut self) -> Result<bool, CommandError> {
        let no_file = matches!(&self.choices()?.start, Start::NoFile { cluster, .. } if cluster.mode == SecurityMode::Mixed);
        if !no_file {
            return Ok(true);
        }
        self.ui.show(
            "\nNo CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode.\n\
             For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.",
        );
        Ok(choose("", &["OK"], 0)?.is_some())
    }

    /// Window 3.
    pub(super) fn mode(&mut self) -> Result<bool, CommandError> {
        self.ui.show("");
        let choices = self.choices()?;
        let now = MODES.iter().position(|(mode, _)| choices.mode == *mode);
        let chosen = choose("Cluster Security Mode", &MODES.map(|(_, label)| label), now.unwrap_or(0))?;
        let mode = chosen.and_then(|at| MODES.get(at));
        mode.inspect(|(mode, _)| choices.mode = *mode);
        Ok(mode.is_some())
    }

    /// Windows 4 and 5: a token, what it is, Add.
    pub(super) fn insert(&mut self) -> Result<bool, CommandError> {
        self.ui.show("");
        loop {
            let inserted = insert::wait(&self.module, self.ui, &self.tokens, self.named.as_ref())?;
            let Some(inserted) = inserted else { return Ok(false) };
            let mut added = false;
            for Inserted { sast, is_named } in inserted {
                let sast = sast.known_by(|certificate| {
                    self.choices.as_ref().is_some_and(|c| c.start.knows(certificate))
                });
                self.ui.show(&information(sast.certificate()));
                if choose("Security Token Information", &["Add", "Cancel"], 0)? != Some(0) {
                    continue;
                }
                let choices = self.choices()?;
                let would_sign = choices.start.is_token_signed() && choices.signer().is_none();
                if let Some(named) = self.named.as_ref().filter(|_| would_sign && !is_named) {
                    let name = printable(&sast.certificate().sast_name());
                    self.ui.show(&format!(
                        "{name} is not the token that --token names: insert {named} first. It signs."
                    ));
                    continue;
                }
                match self.choices()?.add_token(sast.certificate().clone()) {
                    Ok(()) => {
                        if is_named {
                            self.choices()?.named = Some(sast.certificate().clone());
                        }
                        self.tokens.push(sast);
                        added = true;
                    }
                    Err(e @ PlanError::SignerNotInForce { .. }) => {
                        self.ui.show(&CommandError::from(e).to_string());
                        self.ui.show(ANOTHER);
                    }
                    Err(e) => self.ui.show(&CommandError::from(e).to_string()),
                }
            }
            if added {
                return Ok(true);
            }
        }
    }

    /// Window 6.
    pub(super) fn entries(&mut self) -> Result<bool, CommandError> {
        const ACTIONS: [&str; 5] = ["Finish", "Add Tokens", "Add TFTP", "Add Firewall", "Delete Selected"];
        loop {
            self.ui.show("\nCTL Entries");
            self.ui.show(&self.entry_table());
            // What is missing comes first: one token is not enough for a first file.
            let choices = self.choices()?;
            let first = !choices.start.is_token_signed() && choices.first_tokens() < 2;
            let chosen = choose("CTL Entries", &ACTIONS, usize::from(first))?;
            match chosen.and_then(|at| ACTIONS.get(at).copied()) {
                None => return Ok(false),
                Some("Finish") => return Ok(true),
                Some("Add Tokens") => drop(self.insert()?),
                Some("Add TFTP") => self.add_server("TFTP", Function::TFTP)?,
                Some("Add Firewall") => self.add_server("Firewall", Function::CCM)?,
                Some(_) => self.delete()?,
            }
        }
    }

    fn entry_table(&self) -> String {
        let entries = self.choices.as_ref().map(Choices::entries).unwrap_or_default();
        let rows: Vec<Vec<String>> =
            entries.iter().map(|e| e.columns.iter().map(|c| printable(c)).collect()).collect();
        table(&["Type", "Hostname/IP Address", "Issuer Name", "Subject Name"], &rows)
    }

    fn add_server(&mut self, what: &str, function: Function) -> Result<(), CommandError> {
        let mut address_text = String::new();
        loop {
            let given = text(&format!("{what} server, IP address:"), &address_text)?;
            let Some(given) = given else { return Ok(()) };
            address_text = given;
            let Ok(address) = address_text.parse::<Ipv4Addr>() else {
                self.ui.show(&format!("{} is not an IPv4 address.", printable(&address_text)));
                continue;
            };
            let Some(file) = text(&format!("{what} server, certificate file:"), "")? else { continue };
            let Some(certificate) =
                self.or_why_not(read_certificate(Path::new(&file)).map_err(CommandError::from))
            else {
                continue;
            };
            let server = NewServer { function, address, certificate, host: None };
            self.choices()?.servers.push(AddedServer { server, file });
            return Ok(());
        }
    }

    fn delete(&mut self) -> Result<(), CommandError> {
        let entries = self.choices()?.entries();
        let option = |entry: &Entry| {
            let [kind, host, _, subject] = &entry.columns;
            format!("{kind}  {host}  {}", printable(subject))
        };
        let options: Vec<String> = entries.iter().map(option).collect();
        if options.is_empty() {
            self.ui.show("There is nothing to delete.");
            return Ok(());
        }
        let chosen = choose("Delete Selected", &options, 0)?;
        let Some(entry) = chosen.and_then(|at| entries.get(at)) else { return Ok(()) };
        self.choices()?.delete(entry.kind);
        // A token that is no longer among the choices may be added again.
        let kept = self.choices()?.tokens.clone();
        self.tokens.retain(|sast| kept.iter().any(|t| t.der() == sast.certificate().der()));
        Ok(())
    }
}

fn start(file: &Path) -> Result<Start, CommandError> {
    if file.extension().is_some_and(|e| e == "toml") {
        let ReadCluster { cluster, certificates, tokens } = read_cluster(file)?;
        return Ok(Start::NoFile { cluster: Box::new(cluster), certificates, tokens });
    }
    Ok(Start::InForce(Box::new(read_verified(file)?)))
}

/// Window 5. Dates as MM/DD/YYYY, as the CTL Client shows them.
fn information(certificate: &Certificate) -> String {
    let date = |seconds| crate::trustlist::date(seconds, "%m/%d/%Y");
    let style = certificate.sast_style();
    let name = |name: &Name| printable(name.spelled(style).trim_end_matches('\0'));
    format!(
        "\nSecurity Token Information\n  Subject Name:  {}\n  Issuer Name:   {}\n  Valid From:    {}\n  Expires on:    {}",
        name(certificate.subject()),
        name(certificate.issuer()),
        date(certificate.not_before()),
        date(certificate.not_after())
    )
}
