//! From facts to findings. Pure: nothing is asked here.

use jiff::Timestamp;

use super::facts::{AuditFacts, NodeFacts};
use super::finding::{Finding, Kind, Mend, Severity};
use crate::cluster::SecurityMode;
use crate::cluster::shell::answers;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::cluster::shell::health::{Backup, Replication};
use crate::cluster::{PHONE_SAST_TRUST, leftover_says};
use crate::phone::{EXPIRED_TOKEN, InstalledItl, expired_server};
use crate::trustlist::{Certificate, Function, Record, TrustList, day, digest};
use crate::workflow::plan::major_minor;
use crate::workflow::readiness::TOKENS_AFTER_14SU3;
use crate::workflow::{ListOption, Next};

/// A token that the CTL should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedToken {
    /// Its SAST name.
    pub name: String,
    /// Its certificate, where the file is at hand.
    pub certificate: Option<Certificate>,
}

/// What is judged, against what.
pub(super) struct Judge<'a> {
    pub publisher: &'a str,
    pub facts: &'a AuditFacts,
    pub tokens: &'a [ExpectedToken],
    /// Seconds since 1970-01-01.
    pub now: i64,
    /// Certificates that end before this time are reported.
    pub until: i64,
}

/// Whether a record has the certificate that a node shows, by serial number and issuer.
pub(super) fn is_of(record: &Record, own: &OwnCertificate) -> bool {
    let (serial, issuer) = match record.certificate() {
        Some(Ok(certificate)) => (certificate.serial.clone(), certificate.issuer.short()),
        _ => {
            let Some((_, serial)) = record.id() else { return false };
            let zeros = serial.iter().take_while(|byte| **byte == 0).count();
            // The names are not compared: the record has no certificate to read them from.
            (serial.get(zeros..).unwrap_or_default().to_vec(), own.issuer.clone())
        }
    };
    serial == own.serial && (own.issuer.is_empty() || issuer == own.issuer)
}

/// A serial number as `show ctl` prints it.
pub(super) fn serial(bytes: &[u8]) -> String {
    digest::hex(bytes, ":").to_uppercase()
}

impl Judge<'_> {
    /// All findings, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for (subject, why) in &self.facts.not_known {
            found.push(Finding::new(Kind::NotKnown, subject, why, None));
        }
        self.lists(&mut found);
        self.itls(&mut found);
        if let Some(ctl) = self.ctl_in_force() {
            self.servers(ctl, &mut found);
            self.capf(ctl, &mut found);
            self.tokens(ctl, &mut found);
        }
        let has = |kind| found.iter().any(|f: &Finding| f.kind == kind);
        if has(Kind::CallManagerRenewed) && has(Kind::TvsRenewed) {
            let says = "CallManager and TVS certificates were both renewed, and the lists have neither";
            found.push(Finding::new(
                Kind::CallManagerAndTvsRenewed,
                self.publisher,
                says,
                Some(Mend::Next(Next::ReadTopic("renewal"))),
            ));
        }
        self.dates(&mut found);
        self.health(&mut found);
        found.sort_by_key(|finding| finding.severity);
        found
    }

    /// The CTL of the first node that has one in force. In non-secure mode there is none to compare.
    pub fn ctl_in_force(&self) -> Option<&TrustList> {
        let mut nodes = self.facts.nodes.iter().filter(|n| !n.status.left_behind);
        let ctl = nodes.find_map(|n| n.status.held.ctl.as_ref())?;
        (self.facts.mode != Some(SecurityMode::NonSecure)).then_some(ctl.list())
    }

    /// A command on the shell of a node.
    pub fn on(&self, node: &NodeFacts, command: &'static str) -> Option<Mend> {
        Some(Mend::Shell { node: node.node.address.clone(), command })
    }

    /// The CTLs that nodes show and serve.
    fn lists(&self, found: &mut Vec<Finding>) {
        let mut first: Option<&NodeFacts> = None;
        for node in &self.facts.nodes {
            let name = &node.status.node;
            let restart = || self.on(node, "utils service restart Cisco Tftp");
            if let Some(problem) = &node.status.problem {
                found.push(Finding::new(Kind::ListProblem, name, problem, restart()));
            }
            if node.status.left_behind {
                let delete = self.on(node, "file delete activelog cm/tftpdata/CTLFile.tlv");
                found.push(Finding::new(Kind::CtlLeftBehind, name, leftover_says(), delete));
            }
            let Some(md5) = &node.status.md5 else { continue };
            let first = *first.get_or_insert(node);
            if first.status.md5.as_ref() != Some(md5) {
                let says = format!("its CTL has MD5 {md5}, and that of {} another", first.status.node);
                found.push(Finding::new(Kind::CtlsDiffer, name, says, restart()));
            }
            let stopped =
                node.status.services.iter().filter(|(_, s)| matches!(&s[..], "stopped" | "starting"));
            for (service, state) in stopped {
                let start = Some(Mend::ByHand("start it: utils service start, and its name"));
                let says = format!("{service} is {state}");
                found.push(Finding::new(Kind::ServiceStopped, name, says, start));
            }
        }
    }

    /// The ITL of each TFTP node, against its own certificates and the TVS of every node.
    fn itls(&self, found: &mut Vec<Finding>) {
        let nodes = &self.facts.nodes;
        let mut itls = Vec::new();
        for node in
            nodes.iter().filter(|n| n.runs("Cisco Tftp") == Some(true) && n.status.not_asked.is_none())
        {
            let name = &node.status.node;
            let restart = || self.on(node, "utils service restart Cisco Tftp");
            match &node.status.held.itl {
                InstalledItl::List(itl) => {
                    itls.push((node, itl.list()));
                    let checks = |r: &&Record| matches!(r.function(), Function::CCM_TFTP | Function::TFTP);
                    let own = node.certificate("CallManager");
                    let missing =
                        own.filter(|own| !itl.list().records().iter().filter(checks).any(|r| is_of(r, own)));
                    if let Some(own) = missing {
                        let says = format!(
                            "its CallManager certificate, serial {}, is not in its own ITL",
                            serial(&own.serial)
                        );
                        found.push(Finding::new(Kind::ItlOutdated, name, says, restart()));
                    }
                }
                InstalledItl::Emptied => {
                    let says = "its ITL is emptied: \"Prepare Cluster for Rollback to pre 8.0\" is True";
                    let set = "set the enterprise parameter back to False, and reset all phones";
                    found.push(Finding::new(Kind::Rollback, name, says, Some(Mend::ByHand(set))));
                }
                InstalledItl::None | InstalledItl::Unknown if node.node.address.is_empty() => {
                    let says = "its files cannot be fetched over a serial line";
                    found.push(Finding::new(Kind::NotKnown, name, says, None));
                }
                InstalledItl::None | InstalledItl::Unknown => {
                    let says = "it serves no ITL that verifies";
                    found.push(Finding::new(Kind::ItlMissing, name, says, restart()));
                }
            }
        }
        for node in nodes {
            let Some(own) = node.certificate("TVS") else { continue };
            let holds = |itl: &TrustList| {
                itl.records().iter().any(|r| r.function() == Function::TVS && is_of(r, own))
            };
            let without: Vec<&str> =
                itls.iter().filter(|(_, itl)| !holds(itl)).map(|(n, _)| &n.status.node[..]).collect();
            let not_shown = node.status.tvs_problem.clone();
            if !without.is_empty() || not_shown.is_some() {
                let says = not_shown.filter(|_| without.is_empty()).unwrap_or_else(|| {
                    let (serial, itls) = (serial(&own.serial), without.join(", "));
                    format!(
                        "its TVS certificate, serial {serial}, is not in the ITL of {itls}; after TVS, restart Cisco Tftp \
                         there"
                    )
                });
                let restart = self.on(node, "utils service restart Cisco Trust Verification Service");
                found.push(Finding::new(Kind::TvsRenewed, &node.status.node, says, restart));
            }
        }
    }

    /// The SAST tokens of the CTL, against the inventory and Phone-SAST-trust.
    fn tokens(&self, ctl: &TrustList, found: &mut Vec<Finding>) {
        let tokens: Vec<&Record> = ctl.sasts().filter(|record| record.is_token()).collect();
        let is_it = |record: &Record, token: &ExpectedToken| match &token.certificate {
            Some(certificate) => record.is_of(certificate),
            None => record.short_name() == token.name,
        };
        if tokens.is_empty() {
            if !self.tokens.is_empty() {
                let says = "the CTL has no token, and the inventory names some";
                let back = Some(Mend::Next(Next::ReadTopic("reverting")));
                found.push(Finding::new(Kind::Tokenless, self.publisher, says, back));
            }
            return;
        }
        for token in self.tokens.iter().filter(|token| !tokens.iter().any(|r| is_it(r, token))) {
            let add = self.update_ctl(ctl, ListOption::AddToken(token.name.clone()));
            found.push(Finding::new(Kind::TokenMissing, &token.name, "it is not SAST in the CTL", add));
        }
        if tokens.len() == 1 {
            let says = "it is the only token of the CTL";
            let add = self.update_ctl(ctl, ListOption::AddToken("SPARE".to_owned()));
            found.push(Finding::new(
                Kind::NoSpareToken,
                tokens.iter().map(|r| r.short_name()).collect::<String>(),
                says,
                add,
            ));
        }
        for record in tokens {
            let name = record.short_name();
            if !self.tokens.is_empty() && !self.tokens.iter().any(|token| is_it(record, token)) {
                let remove = self.update_ctl(ctl, ListOption::RemoveToken(name.clone()));
                let says = "it is SAST in the CTL, and the inventory does not name it";
                found.push(Finding::new(Kind::TokenNotExpected, &name, says, remove));
            }
            let in_trust =
                self.facts.trust_list.as_ref().map(|l| answers::trusts(l, PHONE_SAST_TRUST, &name));
            if in_trust == Some(false) {
                let says = format!(
                    "it is SAST in the CTL, and not in {PHONE_SAST_TRUST}: upgrades to 12.5(1)SU6, 14SU2 and later drop \
                     expired certificates"
                );
                let upload = Some(Mend::Next(Next::ReadTopic("phone-sast-trust")));
                found.push(Finding::new(Kind::TokenNotTrusted, &name, says, upload));
            }
            if let Some(Ok(certificate)) = record.certificate()
                && certificate.not_after < self.until
            {
                let says = self.ends(certificate.not_after);
                let mut finding = Finding::new(Kind::TokenExpires, &name, says, None);
                finding.phones = EXPIRED_TOKEN.to_owned();
                found.push(finding);
            }
        }
        if self.facts.release.as_deref().and_then(major_minor).is_some_and(|number| number >= (14, 0)) {
            found.push(Finding::new(Kind::TokensEnd, self.publisher, TOKENS_AFTER_14SU3, None));
        }
    }

    /// `ended on 2026-11-28`
    fn ends(&self, end: i64) -> String {
        let word = if end < self.now { "expired" } else { "expires" };
        format!("its certificate {word} on {}", day(end))
    }

    /// The nodes' certificates that have ended, or end soon.
    fn dates(&self, found: &mut Vec<Finding>) {
        for node in &self.facts.nodes {
            for own in node.certificates.iter().filter(|own| own.not_after < self.until) {
                let function = match own.unit.trim_end_matches("-ECDSA") {
                    "CallManager" => Some(Function::CCM_TFTP),
                    "CAPF" => Some(Function::CAPF),
                    "TVS" => Some(Function::TVS),
                    "ITLRecovery" => Some(Function::SAST),
                    _ => None,
                };
                let kind = if own.not_after < self.now { Kind::Expired } else { Kind::Expires };
                let says = format!("{}: {}", own.unit, self.ends(own.not_after));
                let read = Some(Mend::Next(Next::ReadTopic("renewal")));
                let mut finding = Finding::new(kind, &node.status.node, says, read);
                finding.phones = match function {
                    Some(Function::SAST) => expired_server(Function(u16::MAX)),
                    Some(function) => expired_server(function),
                    // The CTL need not be made again after its renewal either.
                    None => "none through trust lists: they do not hold this certificate",
                }
                .to_owned();
                if !matches!(function, Some(Function::CCM_TFTP | Function::CAPF | Function::TVS)) {
                    finding.severity = finding.severity.max(Severity::Warning);
                }
                found.push(finding);
            }
        }
    }

    /// Replication, backup, licence.
    fn health(&self, found: &mut Vec<Finding>) {
        let publisher = self.publisher;
        let mut add = |kind, says: String, mend| found.push(Finding::new(kind, publisher, says, mend));
        let shell = |command| Some(Mend::Shell { node: publisher.to_owned(), command });
        let look = "utils dbreplication runtimestate";
        match &self.facts.replication {
            Some(Replication::NotKnown(says)) => {
                add(Kind::NotKnown, format!("replication: {says}"), shell(look))
            }
            Some(replication) => {
                let problems = replication.problems();
                if !problems.is_empty() {
                    let says = format!("database replication is not in order: {}", problems.join("; "));
                    add(Kind::Replication, says, shell(look));
                }
            }
            None => {}
        }
        let make = Some(Mend::ByHand("make a backup (Disaster Recovery System)"));
        match &self.facts.backup {
            Some(Backup::None) => add(Kind::NoBackup, "no backup was completed".to_owned(), make),
            Some(Backup::NotKnown(says)) => add(Kind::NotKnown, format!("backup: {says}"), make),
            Some(Backup::Last { file, .. }) => {
                let in_lists =
                    |own: &&OwnCertificate| !matches!(&own.unit[..], "tomcat" | "tomcat-ECDSA" | "ipsec");
                let own = self.facts.nodes.iter().flat_map(|node| &node.certificates).filter(in_lists);
                let newest = own.max_by_key(|own| own.not_before);
                // The zone of neither time is known: a day does not count.
                let begins = |own: &OwnCertificate| day(own.not_before.saturating_sub(86_400));
                let made = file.get(..10).unwrap_or_default();
                if let Some(own) = newest.filter(|own| !made.is_empty() && *made < *begins(own)) {
                    let says = format!(
                        "the last backup is of {made}, and the {} certificate of {} of {}",
                        own.unit,
                        own.name,
                        day(own.not_before)
                    );
                    add(Kind::BackupOutdated, says, make);
                }
            }
            None => {}
        }
        if let Some(licence) = &self.facts.licence {
            let (says, look) = (format!("licence: {}", licence.says), "show license summary");
            match licence.export_controlled {
                Some(true) => {}
                Some(false) => add(Kind::Licence, says, shell(look)),
                None => add(Kind::NotKnown, says, shell(look)),
            }
        }
    }
}

/// Now, in seconds.
pub(super) fn now() -> i64 {
    Timestamp::now().as_second()
}
