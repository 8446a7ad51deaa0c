//! Changes to a list in force, signed by a token that is in it.

mod refresh;

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::cluster::SecurityMode;
use crate::trustlist::{Certificate, Draft, Function, Record, Style, VerifiedList, digest, record_tag};

use super::cluster_file::parse_function;
use super::error::PlanError;
use super::value::{
    Mark, Plan, PlanStep, Request, header_changes, server_record, signer_not_in_force, signs_this_file,
    token_record,
};

/// A server that is to be added.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewServer {
    /// What it may do.
    pub function: Function,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its certificate.
    pub certificate: Certificate,
    /// Host name for lists in CUCM's style; the dotted address otherwise.
    pub host: Option<String>,
}

/// One change to a list.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// A token joins as SAST.
    AddToken(Certificate),
    /// A SAST record leaves, by name or serial number.
    RemoveToken(String),
    /// A server joins.
    AddServer(NewServer),
    /// A server's records leave, by address, DNSNAME or name; `capf:10.1.2.3` means the record of one function.
    RemoveServer(String),
    /// The security mode changes. The SAST and CAPF records stay as they are.
    SetMode(SecurityMode),
    /// A renewed certificate replaces the old one: in the records with its subject, or at an address.
    Refresh {
        /// With an address: only in records of this function, with any subject.
        function: Option<Function>,
        /// The server, where the subject does not tell (after non-secure mode).
        address: Option<Ipv4Addr>,
        /// The new certificate.
        certificate: Certificate,
    },
}

/// Plans changes to the list in force. The signer must be a SAST of that list, and stay one.
pub fn update(old: &VerifiedList, request: &Request<'_>, edits: &[Edit]) -> Result<Plan, PlanError> {
    let list = old.list();
    let in_force = list.sasts().any(|r| r.is_of(request.signer));
    if !in_force && !request.force {
        return Err(signer_not_in_force(old, request.signer, true));
    }
    let mut work = Update::over(list.records());
    if !in_force {
        work.force_signer(request)?;
    }
    work.edit(edits, request)?;
    let removed = work.removed.iter().any(|e| !e.joins);
    if !removed && work.records.iter().all(|e| e.step.mark == Mark::Keep) {
        return Err(PlanError::NothingToDo);
    }
    work.plan_over(old, request)
}

/// Plans a list's new signature and time, over the same records. The signer must be a SAST of the list.
pub fn resign(old: &VerifiedList, request: &Request<'_>) -> Result<Plan, PlanError> {
    if !old.list().sasts().any(|r| r.is_of(request.signer)) {
        return Err(signer_not_in_force(old, request.signer, false));
    }
    Update::over(old.list().records()).plan_over(old, request)
}

/// The mode that the changes set, if they do.
pub(super) fn mode_of(edits: &[Edit]) -> Option<SecurityMode> {
    edits.iter().rev().find_map(|edit| match edit {
        Edit::SetMode(mode) => Some(*mode),
        _ => None,
    })
}

/// A record on its way into the new list, or out of it.
pub(super) struct Entry {
    pub record: Record,
    /// What happened to it last.
    pub step: PlanStep,
    /// It is new in the list, whatever else happens to it.
    pub joins: bool,
    /// The position of its line in the plan; without a line it comes last.
    pub line: Option<usize>,
}

impl Entry {
    pub fn new(mark: Mark, record: Record, why: impl Into<String>) -> Self {
        let step = PlanStep::new(mark, &record, why);
        Entry { record, step, joins: mark == Mark::Add, line: None }
    }

    pub fn change(&mut self, record: Record, why: String) {
        self.step = PlanStep::new(Mark::Change, &record, why);
        self.record = record;
    }

    /// What a plan says of it: nothing where it came and went.
    fn told(&self, request: &Request<'_>) -> Option<PlanStep> {
        let mut step = self.step.clone();
        match step.mark {
            Mark::Remove if self.joins => return None,
            _ if self.joins => step.mark = Mark::Add,
            _ => {}
        }
        if self.record.function() == Function::SAST && self.record.is_of(request.signer) {
            step.why = signs_this_file(request);
        }
        Some(step)
    }
}

/// A new list on its way: its records in their order, and those that leave.
#[derive(Default)]
pub(super) struct Update {
    pub records: Vec<Entry>,
    pub removed: Vec<Entry>,
    pub warnings: Vec<String>,
}

impl Update {
    pub fn over(records: &[Record]) -> Self {
        let stays = |record: &Record| Entry::new(Mark::Keep, record.clone(), "stays as it is");
        Update { records: records.iter().map(stays).collect(), ..Update::default() }
    }

    pub fn plan_over(mut self, old: &VerifiedList, request: &Request<'_>) -> Result<Plan, PlanError> {
        self.warnings.extend(header_changes(old, request));
        self.plan(old.list().header().file_name(), Some(old), request)
    }

    pub fn plan(
        self,
        file_name: String,
        in_force: Option<&VerifiedList>,
        request: &Request<'_>,
    ) -> Result<Plan, PlanError> {
        let mut told: Vec<_> = self.removed.iter().chain(&self.records).collect();
        told.sort_by_key(|entry| entry.line.unwrap_or(usize::MAX));
        let steps = told.into_iter().filter_map(|entry| entry.told(request)).collect();
        let records = self.records.into_iter().map(|e| e.record).collect();
        Plan::new(request, in_force, Draft::new(file_name, records, request.options), steps, self.warnings)
    }

    /// How its servers are written.
    pub fn style(&self) -> Style {
        let mut servers = self.records.iter().filter(|e| e.record.function() != Function::SAST);
        let is_cucm = servers.any(|e| e.record.get(record_tag::SIGNATURE).is_some());
        if is_cucm { Style::Cucm } else { Style::CtlClient }
    }

    /// Carries out the changes, in their order.
    pub fn edit(&mut self, edits: &[Edit], request: &Request<'_>) -> Result<(), PlanError> {
        let style = self.style();
        for edit in edits {
            match edit {
                Edit::AddToken(certificate) => self.add_token(certificate, request)?,
                Edit::RemoveToken(name) => self.remove_token(name, request)?,
                Edit::AddServer(server) => self.add_server(server, request.name_style.unwrap_or(style))?,
                Edit::RemoveServer(name) => self.remove_server(name)?,
                Edit::SetMode(mode) => self.set_mode(*mode)?,
                Edit::Refresh { function: Some(function), address: Some(address), certificate } => {
                    self.refresh_at(*function, *address, certificate)?;
                }
                Edit::Refresh { address, certificate, .. } => self.refresh(*address, certificate)?,
            }
        }
        match self.records.iter().find(|e| e.record.is_emptied()) {
            // Mixed mode needs a certificate in every server's record.
            Some(emptied) if mode_of(edits) == Some(SecurityMode::Mixed) => {
                let address = emptied.record.ip_address().filter(|ip| !ip.is_unspecified());
                let address = address.map_or_else(|| emptied.record.short_name(), |ip| ip.to_string());
                Err(PlanError::NeedsCertificate { address })
            }
            _ => Ok(()),
        }
    }

    /// A signer that phones do not know from the list in force; its record comes last, like that of every signer.
    fn force_signer(&mut self, request: &Request<'_>) -> Result<(), PlanError> {
        let record = token_record(request.signer, request.name_style)?;
        self.records.push(Entry::new(Mark::Add, record, ""));
        self.warnings.push(format!(
            "forced: {} is not in the list in force; phones that hold that list take the new one only if TVS \
             knows the token",
            request.signer.sast_name()
        ));
        Ok(())
    }

    fn add_token(&mut self, certificate: &Certificate, request: &Request<'_>) -> Result<(), PlanError> {
        let is_it = |e: &Entry| e.record.function() == Function::SAST && e.record.is_of(certificate);
        if let Some(index) = self.records.iter().position(is_it) {
            let record = index.saturating_add(1);
            return Err(PlanError::TokenAlreadyInList { name: certificate.sast_name(), record });
        }
        let record = token_record(certificate, request.name_style)?;
        self.records.insert(self.behind_tokens(), Entry::new(Mark::Add, record, "a further token"));
        Ok(())
    }

    /// Where a new token record goes: after the tokens at the start of the list.
    pub fn behind_tokens(&self) -> usize {
        self.records.iter().take_while(|e| e.record.function() == Function::SAST).count()
    }

    fn remove_token(&mut self, name: &str, request: &Request<'_>) -> Result<(), PlanError> {
        let hits = self.find("token", name, |record| {
            record.function() == Function::SAST && (record.short_name() == name || has_serial(record, name))
        })?;
        let [index] = hits[..] else {
            return Err(self.ambiguous("token", name, &hits));
        };
        let sasts = self.records.iter().filter(|e| e.record.function() == Function::SAST).count();
        if sasts < 2 {
            return Err(PlanError::RemovesLastSast { name: name.to_owned() });
        }
        if self.records.get(index).is_some_and(|e| e.record.is_of(request.signer)) {
            return Err(PlanError::RemovesSigner { name: request.signer.sast_name() });
        }
        self.remove(index, "the token leaves the list");
        Ok(())
    }

    fn add_server(&mut self, server: &NewServer, style: Style) -> Result<(), PlanError> {
        let taken = |e: &Entry| {
            e.record.function() == server.function && e.record.ip_address() == Some(server.address)
        };
        let address = server.address.to_string();
        if self.records.iter().any(taken) {
            return Err(PlanError::ServerAlreadyInList { function: server.function.to_string(), address });
        }
        let place = (server.function, server.address, server.host.as_ref());
        let record = server_record(place, &server.certificate, style)?;
        let last = self.records.iter().rposition(|e| e.record.function() != Function::SAST);
        let at = last.map_or_else(|| self.behind_tokens(), |last| last.saturating_add(1));
        self.records.insert(at, Entry::new(Mark::Add, record, address.clone()));
        Ok(())
    }

    fn remove_server(&mut self, name: &str) -> Result<(), PlanError> {
        // `capf:10.48.47.155` means one of its records.
        let of_one =
            name.split_once(':').and_then(|(function, rest)| Some((parse_function(function)?, rest)));
        let (function, name) = of_one.map_or((None, name), |(function, rest)| (Some(function), rest));
        let hits = self.find("server", name, |record| {
            record.function() != Function::SAST
                && function.is_none_or(|f| f == record.function())
                && (record.short_name() == name
                    || record.dns_name().as_deref() == Some(name)
                    || record.ip_address().is_some_and(|ip| ip.to_string() == name))
        })?;
        // All records of the server: its CCM+TFTP and its CAPF record, say.
        for index in hits.into_iter().rev() {
            self.remove(index, "the server leaves the list");
        }
        Ok(())
    }

    fn set_mode(&mut self, mode: SecurityMode) -> Result<(), PlanError> {
        if mode == SecurityMode::Mixed {
            return Ok(());
        }
        for entry in &mut self.records {
            if entry.record.function() == Function::CCM_TFTP && !entry.record.is_emptied() {
                let name = entry.record.short_name();
                let emptied = entry.record.as_non_secure()?;
                entry.change(emptied, format!("non-secure mode: address alone ({name} leaves)"));
            }
        }
        Ok(())
    }

    fn find(
        &self,
        what: &'static str,
        name: &str,
        matches: impl Fn(&Record) -> bool,
    ) -> Result<Vec<usize>, PlanError> {
        let hits: Vec<usize> =
            self.records.iter().enumerate().filter(|(_, e)| matches(&e.record)).map(|(i, _)| i).collect();
        if hits.is_empty() {
            let wanted = |e: &&Entry| match what {
                "token" => e.record.function() == Function::SAST,
                "server" => e.record.function() != Function::SAST,
                _ => true,
            };
            // By what they are looked for: two subjects may have one common name.
            let named =
                |e: &Entry| if what == "record" { e.record.long_name() } else { e.record.short_name() };
            let there_are = self.records.iter().filter(wanted).map(named).collect();
            return Err(PlanError::NoMatch { what, name: name.to_owned(), there_are });
        }
        Ok(hits)
    }

    fn ambiguous(&self, what: &'static str, name: &str, hits: &[usize]) -> PlanError {
        let matches = hits
            .iter()
            .filter_map(|i| self.records.get(*i))
            .map(|e| match e.record.get(record_tag::SERIAL_NUMBER) {
                Some(serial) => format!("serial {}", digest::colons(serial)),
                None => e.record.short_name(),
            })
            .collect();
        PlanError::Ambiguous { what, name: name.to_owned(), count: hits.len(), matches }
    }

    pub fn remove(&mut self, index: usize, why: &str) {
        if index < self.records.len() {
            let entry = self.records.remove(index);
            self.removed.push(Entry { step: PlanStep::new(Mark::Remove, &entry.record, why), ..entry });
        }
    }
}

/// Whether the record's serial number is this one: hexadecimal, with or without colons, in either byte order.
fn has_serial(record: &Record, text: &str) -> bool {
    let wanted = text.replace(':', "").to_lowercase();
    let Some(serial) = record.get(record_tag::SERIAL_NUMBER) else { return false };
    let reversed: Vec<u8> = serial.iter().rev().copied().collect();
    !wanted.is_empty() && (digest::hex(serial, "") == wanted || digest::hex(&reversed, "") == wanted)
}
