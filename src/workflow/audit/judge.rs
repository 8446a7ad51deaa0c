//! From facts to findings. Pure: nothing is asked here.

use jiff::{SignedDuration, Timestamp};

use super::facts::{AuditFacts, NodeFacts};
use super::finding::{Finding, Kind, Severity};
use crate::cluster::shell::answers;
use crate::cluster::shell::certificates::OwnCertificate;
use crate::cluster::shell::health::{Backup, Replication};
use crate::cluster::{PHONE_SAST_TRUST, SecurityMode, leftover_says};
use crate::phone::{EXPIRED_TOKEN, InstalledItl, expired_server};
use crate::trustlist::{Certificate, Function, Record, TrustList, day, digest};
use crate::workflow::plan::major_minor;
use crate::workflow::readiness::TOKENS_AFTER_14SU3;
use crate::workflow::{ListCommand, ListOption, Next, Spell};

const RESTART_TFTP: &str = "utils service restart Cisco Tftp";

/// A token that the CTL should have: its SAST name, and its certificate where the file is at hand.
#[derive(Debug, Clone)]
pub struct ExpectedToken {
    pub name: String,
    pub certificate: Option<Certificate>,
}

/// What is judged, against what, and what was found.
pub(super) struct Judge<'a> {
    pub publisher: &'a str,
    pub facts: &'a AuditFacts,
    pub tokens: &'a [ExpectedToken],
    pub now: Timestamp,
    /// Certificates that end before this time are reported.
    pub until: Timestamp,
    pub spell: Spell,
    pub found: Vec<Finding>,
}

/// A command on the shell of a node.
pub(super) fn on(node: &NodeFacts, command: &str) -> Option<String> {
    Some(format!("on {}: {command}", node.status.node))
}

impl<'a> Judge<'a> {
    /// All findings, the worst first.
    pub fn judge(mut self) -> Vec<Finding> {
        for (subject, why) in &self.facts.not_known {
            self.add(Kind::NotKnown, subject, why, None);
        }
        self.facts.nodes.iter().for_each(|node| self.lists(node));
        self.itls();
        if let Some(ctl) = self.facts.ctl_in_force() {
            self.servers(ctl);
            self.publisher_alone(ctl);
            self.sasts(ctl);
        }
        let has = |kind| self.found.iter().any(|finding| finding.kind == kind);
        if has(Kind::CallManagerRenewed) && has(Kind::TvsRenewed) {
            let says = "CallManager and TVS certificates were renewed together: mend one, wait for all phones, then the other";
            self.add(Kind::CallManagerAndTvsRenewed, self.publisher, says, self.topic("renewal"));
        }
        self.dates();
        self.health();
        self.found.sort_by_key(|finding| (finding.severity, finding.kind));
        self.found
    }

    pub fn add(&mut self, kind: Kind, subject: &str, says: impl Into<String>, mend: Option<String>) {
        let (severity, phones) = kind.of();
        let (subject, says, phones) = (subject.to_owned(), says.into(), phones.to_owned());
        self.found.push(Finding { severity, kind, subject, says, phones, mend });
    }

    fn topic(&self, name: &'static str) -> Option<String> {
        Some((self.spell)(&Next::ReadTopic(name)))
    }

    /// A new CTL: with this change of its tokens, or as the cluster is. A tokenless one the cluster makes itself.
    pub fn new_ctl(&self, ctl: &TrustList, change: Option<ListOption>) -> Option<String> {
        let Some(signer) = ctl.sasts().find(|record| ctl.is_signer(record) && record.is_token()) else {
            return on(self.facts.nodes.first()?, "utils ctl update CTLFile");
        };
        let (signer, node) = (signer.short_name(), self.publisher.to_owned());
        let (command, file) = (ListCommand::Update, "CTLFile.tlv".to_owned());
        Some((self.spell)(&match change {
            None => Next::Renew { node, signer },
            Some(change) => {
                Next::MakeList { command, file, options: vec![change, ListOption::Signer(signer)] }
            }
        }))
    }

    /// The CTL of a node, and its services.
    fn lists(&mut self, node: &'a NodeFacts) {
        let (status, name) = (&node.status, &node.status.node);
        if let Some(problem) = &status.problem {
            let look = Some((self.spell)(&Next::ShowClusterStatus));
            self.add(Kind::ListProblem, name, problem, look);
        }
        if status.left_behind {
            let delete = on(node, "file delete activelog cm/tftpdata/CTLFile.tlv");
            self.add(Kind::CtlLeftBehind, name, leftover_says(), delete);
        }
        let first = self.facts.nodes.iter().find(|node| node.status.md5.is_some());
        if let (Some(md5), Some(first)) = (&status.md5, first)
            && first.status.md5.as_ref() != Some(md5)
        {
            let says = format!("its CTL has MD5 {md5}, and that of {} another", first.status.node);
            self.add(Kind::CtlsDiffer, name, says, on(node, RESTART_TFTP));
        }
        for (service, state) in status.services.iter().filter(|(_, s)| s == "stopped" || s == "starting") {
            let start = on(node, &format!("utils service restart {service}"));
            self.add(Kind::ServiceStopped, name, format!("{service} is {state}"), start);
        }
    }

    /// The ITL of each TFTP node, against its own certificates and the TVS of every node.
    fn itls(&mut self) {
        let facts = self.facts;
        let mut itls = Vec::new();
        if facts.rollback == Some(true) {
            self.rolled_back(self.publisher, "the rollback parameter is True");
        }
        for node in facts.nodes.iter().filter(|n| n.runs("Cisco Tftp") && n.status.not_asked.is_none()) {
            let name = &node.status.node;
            match &node.status.held.itl {
                InstalledItl::List(itl) => {
                    itls.push((name, itl.list()));
                    let checks = |r: &Record| matches!(r.function(), Function::CCM_TFTP | Function::TFTP);
                    let holds = |own: &&OwnCertificate| {
                        itl.list().records().iter().any(|r| checks(r) && own.is_in(r))
                    };
                    if let Some(own) = node.certificate("CallManager").filter(|own| !holds(own)) {
                        let serial = digest::colons(&own.serial);
                        let says =
                            format!("its ITL does not have its CallManager certificate, serial {serial}");
                        self.add(Kind::ItlOutdated, name, says, on(node, RESTART_TFTP));
                    }
                }
                InstalledItl::Emptied => self.rolled_back(name, "it serves an ITL that is emptied"),
                _ if node.node.address.is_empty() => {
                    let says = "its files cannot be fetched over a serial line";
                    self.add(Kind::NotKnown, name, says, None);
                }
                _ => {
                    self.add(Kind::ItlMissing, name, "it serves no ITL that verifies", on(node, RESTART_TFTP))
                }
            }
        }
        for node in &facts.nodes {
            if let Some(e) = node.status.tvs_error.as_ref().filter(|_| node.status.tvs_problem().is_none()) {
                let without = Some((self.spell)(&Next::LeaveOutTvs));
                self.add(Kind::NotKnown, &node.status.node, format!("TVS: {e}"), without);
            }
            let is_it = |r: &Record, own: &OwnCertificate| r.function() == Function::TVS && own.is_in(r);
            let lacks = |itl: &TrustList| {
                node.certificate("TVS").is_some_and(|own| !itl.records().iter().any(|r| is_it(r, own)))
            };
            let without: Vec<&str> =
                itls.iter().filter(|(_, itl)| lacks(itl)).map(|(name, _)| &name[..]).collect();
            let says = match without.is_empty() {
                true => node.status.tvs_problem(),
                false => Some(format!(
                    "its TVS certificate is not in the ITL of {}; after TVS, restart Cisco Tftp there",
                    without.join(", ")
                )),
            };
            if let Some(says) = says {
                let restart = on(node, "utils service restart Cisco Trust Verification Service");
                self.add(Kind::TvsRenewed, &node.status.node, says, restart);
            }
        }
    }

    fn rolled_back(&mut self, of: &str, says: &str) {
        let back = "set the enterprise parameter to False, restart TVS and Cisco Tftp, and reset all phones";
        let says = format!("{says} (\"Prepare Cluster for Rollback to pre 8.0\")");
        self.add(Kind::Rollback, of, says, Some(back.to_owned()));
    }

    /// The SAST tokens of the CTL, against the inventory and Phone-SAST-trust.
    fn sasts(&mut self, ctl: &TrustList) {
        let tokens: Vec<&Record> = ctl.sasts().filter(|record| record.is_token()).collect();
        let is_it = |record: &Record, token: &ExpectedToken| match &token.certificate {
            Some(certificate) => record.is_of(certificate),
            None => record.short_name() == token.name,
        };
        let expected = self.tokens;
        if tokens.is_empty() && !expected.is_empty() {
            let says = "the CTL has no token, and the inventory names some";
            return self.add(Kind::Tokenless, self.publisher, says, self.topic("reverting"));
        }
        for token in expected.iter().filter(|token| !tokens.iter().any(|record| is_it(record, token))) {
            let add = self.new_ctl(ctl, Some(ListOption::AddToken(token.name.clone())));
            self.add(Kind::TokenMissing, &token.name, "it is not SAST in the CTL", add);
        }
        for record in &tokens {
            let name = record.short_name();
            if !expected.is_empty() && !expected.iter().any(|token| is_it(record, token)) {
                let remove = self.new_ctl(ctl, Some(ListOption::RemoveToken(name.clone())));
                let says = "it is SAST in the CTL, and the inventory does not name it";
                self.add(Kind::TokenNotExpected, &name, says, remove);
            }
            if tokens.len() == 1 {
                let add = self.new_ctl(ctl, Some(ListOption::AddToken("SPARE".to_owned())));
                self.add(Kind::NoSpareToken, &name, "it is the only token of the CTL", add);
            }
            let trusts = |list: &Vec<String>| answers::trusts(list, PHONE_SAST_TRUST, &name);
            if self.facts.trust_list.as_ref().map(trusts) == Some(false) {
                let says = "it is SAST in the CTL, and not in Phone-SAST-trust; upgrades to 12.5(1)SU6, 14SU2 and later drop \
                            expired certificates there";
                self.add(Kind::TokenNotTrusted, &name, says, self.topic("phone-sast-trust"));
            }
            let end = record.certificate().and_then(Result::ok).map(|certificate| certificate.not_after);
            let end = end.and_then(|end| Timestamp::from_second(end).ok());
            if let Some(says) = end.and_then(|end| self.ends(end)) {
                self.add(Kind::TokenExpires, &name, says, None);
                self.found.last_mut().into_iter().for_each(|f| EXPIRED_TOKEN.clone_into(&mut f.phones));
            }
        }
        let release = self.facts.release.as_deref().and_then(major_minor);
        if !tokens.is_empty() && release.is_some_and(|number| number >= (14, 0)) {
            self.add(Kind::TokensEnd, self.publisher, TOKENS_AFTER_14SU3, None);
        }
    }

    /// Where a certificate ends soon or has ended.
    fn ends(&self, end: Timestamp) -> Option<String> {
        let word = if end < self.now { "expired" } else { "expires" };
        (end < self.until).then(|| format!("its certificate {word} on {}", day(end.as_second())))
    }

    /// The nodes' certificates that have ended, or end soon.
    fn dates(&mut self) {
        for (node, own) in
            self.facts.nodes.iter().flat_map(|n| n.certificates.iter().map(move |own| (n, own)))
        {
            let Some(says) = self.ends(own.not_after) else { continue };
            let kind = if own.not_after < self.now { Kind::Expired } else { Kind::Expires };
            let says = format!("{}: {says}", own.unit);
            self.add(kind, &node.status.node, says, self.topic("renewal"));
            let function = match own.unit.trim_end_matches("-ECDSA") {
                "CallManager" => Some(Function::CCM_TFTP),
                "CAPF" => Some(Function::CAPF),
                "TVS" => Some(Function::TVS),
                _ => None,
            };
            let Some(finding) = self.found.last_mut() else { continue };
            match function {
                Some(function) => expired_server(function).clone_into(&mut finding.phones),
                None => finding.severity = Severity::Warning,
            }
        }
    }

    /// Replication, backup, licence.
    fn health(&mut self) {
        let (facts, publisher) = (self.facts, self.publisher);
        let at = |command| facts.nodes.first().and_then(|node| on(node, command));
        let make = Some("make a backup (Disaster Recovery System)".to_owned());
        match &facts.backup {
            Some(Backup::None) => self.add(Kind::NoBackup, publisher, "no backup was completed", make),
            Some(Backup::NotKnown(says)) => {
                let look = at("utils disaster_recovery history backup");
                self.add(Kind::NotKnown, publisher, format!("backup: {says}"), look);
            }
            Some(Backup::Last { file, .. }) => {
                let in_lists = |own: &&OwnCertificate| !own.unit.starts_with("tomcat") && own.unit != "ipsec";
                let own = facts.nodes.iter().flat_map(|node| &node.certificates).filter(in_lists);
                let made = file.get(..10).unwrap_or_default();
                // The zone of neither time is known: a day more or less does not count.
                let is_later = |own: &&OwnCertificate| {
                    let begins = own.not_before.saturating_sub(SignedDuration::from_hours(24));
                    begins.is_ok_and(|begins| *made < *day(begins.as_second()))
                };
                if let Some(own) = own.max_by_key(|own| own.not_before).filter(is_later) {
                    let (unit, name, begins) = (&own.unit, &own.name, day(own.not_before.as_second()));
                    let says =
                        format!("the last backup is of {made}, the {unit} certificate of {name} of {begins}");
                    self.add(Kind::BackupOutdated, publisher, says, make);
                }
            }
            None => {}
        }
        // Where the answer is not understood, its text is the problem.
        let replication = facts.replication.as_ref().map(|replication| {
            let is_known = !matches!(replication, Replication::NotKnown(_));
            (is_known, Kind::Replication, "database replication", replication.problems().join("; "))
        });
        let licence = facts.licence.as_ref().filter(|licence| licence.export_controlled != Some(true));
        let licence = licence.map(|licence| {
            (licence.export_controlled.is_some(), Kind::Licence, "licence", licence.says.clone())
        });
        for (is_known, kind, what, says) in replication.into_iter().chain(licence) {
            let kind = if is_known { kind } else { Kind::NotKnown };
            let look =
                if what == "licence" { "show license summary" } else { "utils dbreplication runtimestate" };
            if !says.is_empty() {
                self.add(kind, publisher, format!("{what}: {says}"), at(look));
            }
        }
    }
}

impl AuditFacts {
    /// The CTL of the first node that has one in force. In non-secure mode there is none to compare.
    pub fn ctl_in_force(&self) -> Option<&TrustList> {
        let mut nodes = self.nodes.iter().filter(|n| !n.status.left_behind);
        let ctl = nodes.find_map(|n| n.status.held.ctl.as_ref())?;
        (self.mode != Some(SecurityMode::NonSecure)).then_some(ctl.list())
    }
}
