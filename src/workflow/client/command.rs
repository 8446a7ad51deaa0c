//! The options of the commands that do what was chosen, and the names that they call records by.

use super::super::plan::cluster_file::FileMode;
use super::{Choices, SecurityMode, Start};
use crate::trustlist::{Function, Record, digest, record_tag};

impl Choices {
    /// The serial numbers of tokens that were taken out though the commands take them in, those of a bridge and of the
    /// cluster file: `ctl update` does that once `revert` or `ctl create` is done.
    pub fn leave_afterwards(&self) -> Vec<String> {
        match &self.start {
            Start::InForce(_) if !self.start.is_token_signed() => {
                self.deleted_records().filter(|r| r.function() == Function::SAST).map(serial).collect()
            }
            Start::InForce(_) => vec![],
            Start::NoFile { cluster, tokens, .. } => {
                let at = self.deleted.iter().filter_map(|i| i.checked_sub(cluster.servers.len()));
                at.filter_map(|at| tokens.get(at)).map(|token| digest::hex(token.serial(), "")).collect()
            }
        }
    }

    /// The options that say the same to `revert` (`--spare`) or `ctl update` (`--add-token`), signer aside.
    pub fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut option = |name: &str, value: String| options.extend([name.to_owned(), value]);
        let signer = self.signer().map(|s| s.der().clone());
        let join = if self.start.is_token_signed() { "--add-token" } else { "--spare" };
        for token in self.tokens.iter().filter(|t| Some(t.der()) != signer.as_ref()) {
            // One that was put back is in the list.
            if !self.start.is_token_signed() || !self.has_entry(token) {
                option(join, token.sast_name());
            }
        }
        for record in self.deleted_records() {
            match record.function() {
                // `revert` has no such option: `leave_afterwards`.
                Function::SAST if !self.start.is_token_signed() => {}
                Function::SAST => option("--remove-token", serial(record)),
                _ => option("--remove-server", server_name(record)),
            }
        }
        if let Start::NoFile { cluster, .. } = &self.start {
            for server in self.deleted.iter().filter_map(|i| cluster.servers.get(*i)) {
                let at = server.address.map(|ip| ip.to_string()).or_else(|| server.host.clone());
                let function = server.function.to_string().to_lowercase();
                option("--remove-server", format!("{function}:{}", at.unwrap_or_default()));
            }
        }
        for added in &self.servers {
            let function = added.server.function.to_string().to_lowercase();
            option("--add-server", format!("{function}:{}:{}", added.server.address, added.file));
        }
        match self.mode {
            SecurityMode::NonSecure => option("--set-mode", "non-secure".to_owned()),
            SecurityMode::Mixed if self.mixed_is_a_change() => option("--set-mode", "mixed".to_owned()),
            SecurityMode::Mixed | SecurityMode::Update => {}
        }
        options
    }

    /// Whether mixed mode is not what the command would make without a word.
    fn mixed_is_a_change(&self) -> bool {
        match &self.start {
            Start::InForce(_) => self.start.is_token_signed(),
            Start::NoFile { cluster, .. } => cluster.mode == FileMode::NonSecure,
        }
    }
}

pub(super) fn serial(record: &Record) -> String {
    record.get(record_tag::SERIAL_NUMBER).map(|s| digest::hex(s, "")).unwrap_or_default()
}

pub(super) fn server_name(record: &Record) -> String {
    let at = record.ip_address().map(|ip| ip.to_string()).or_else(|| record.dns_name()).unwrap_or_default();
    format!("{}:{at}", record.function().to_string().to_lowercase())
}
