//! The command that does what was chosen, and the names that it calls records by.

use super::super::next::{ListCommand, ListOption};
use super::super::plan::{Mark, Plan};
use super::choices::{Choices, Start, named, serial, server_name};
use crate::cluster::SecurityMode;
use crate::trustlist::{Function, digest};

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

    /// The command that makes this plan without windows.
    pub fn command(&self, plan: &Plan) -> ListCommand {
        match &self.start {
            Start::NoFile { .. } => ListCommand::Create,
            Start::InForce(_) if !self.start.is_token_signed() => ListCommand::Revert,
            // Mixed mode in a list that is in mixed mode changes nothing: the list is signed again.
            Start::InForce(_) if plan.steps.iter().all(|s| s.mark == Mark::Keep) => ListCommand::Resign,
            Start::InForce(_) => ListCommand::Update,
        }
    }

    /// Its other options, besides the signer.
    pub fn options(&self) -> Vec<ListOption> {
        let mut options = Vec::new();
        let signer = self.signer().map(|s| s.der().clone());
        for token in self.tokens.iter().filter(|t| Some(t.der()) != signer.as_ref()) {
            match self.start.is_token_signed() {
                false => options.push(ListOption::Spare(token.sast_name())),
                // One that was put back is in the list.
                true if self.has_entry(token) => {}
                true => options.push(ListOption::AddToken(token.sast_name())),
            }
        }
        for record in self.deleted_records() {
            match record.function() {
                // `revert` has no such option: `leave_afterwards`.
                Function::SAST if !self.start.is_token_signed() => {}
                Function::SAST => options.push(ListOption::RemoveToken(serial(record))),
                _ => options.push(ListOption::RemoveServer(server_name(record))),
            }
        }
        if let Start::NoFile { cluster, .. } = &self.start {
            for server in self.deleted.iter().filter_map(|i| cluster.servers.get(*i)) {
                let at = server.address.map(|ip| ip.to_string()).or_else(|| server.host.clone());
                options.push(ListOption::RemoveServer(named(server.function, &at.unwrap_or_default())));
            }
        }
        for added in &self.servers {
            let at = format!("{}:{}", added.server.address, added.file);
            options.push(ListOption::AddServer(named(added.server.function, &at)));
        }
        match self.mode {
            Some(SecurityMode::Mixed) if !self.mixed_is_a_change() => {}
            mode => options.extend(mode.map(ListOption::Mode)),
        }
        options
    }

    /// Whether mixed mode is not what the command would make without a word.
    fn mixed_is_a_change(&self) -> bool {
        match &self.start {
            Start::InForce(_) => self.start.is_token_signed(),
            Start::NoFile { cluster, .. } => cluster.mode == SecurityMode::NonSecure,
        }
    }
}
