//! The queries and commands of one node, with their answers as values.

use std::time::Duration;

use super::console::Console;
use super::error::ClusterError;
use super::shell::answers::{self, ClusterNode, SecurityMode, ServiceState, ShownCtl};
use super::shell::certificates::{self, OwnCertificate};
use super::shell::health::{self, Backup, License, Replication};
use super::shell::phones::{self, ListedPhone};
use super::shell::screen::last_words;
use super::shell::{COMMAND_LIMIT, Reply, Shell};
use crate::trustlist::Certificate;

/// The trust unit of SAST certificates.
pub const PHONE_SAST_TRUST: &str = "Phone-SAST-trust";
/// The services that are restarted after a new list, in this order.
pub const SERVICES: [&str; 2] = ["Cisco Tftp", "Cisco CallManager"];
/// The service that gives phones their LSCs; it runs on the publisher.
pub const CAPF: &str = "Cisco Certificate Authority Proxy Function";
/// The services that are restarted after certificates were renewed (214231), in the order of a restart: what phones ask first
/// is restarted first.
pub const RENEWAL_SERVICES: [&str; 6] = [
    "Cisco Trust Verification Service",
    "Cisco Tftp",
    CAPF,
    "Cisco HAProxy",
    "Cisco CallManager",
    "Cisco CTIManager",
];

/// The shell's question before a command is carried out.
const YES: [Reply<'_>; 4] = [
    Reply { question: "(y/n)", answer: "y" },
    Reply { question: "<yes>", answer: "y" },
    Reply { question: "(yes|no)", answer: "yes" },
    Reply { question: "(yes/no)", answer: "yes" },
];
/// The time limit for a service to start: some minutes.
const RESTART_LIMIT: Duration = Duration::from_secs(420);
/// The time limit for commands that contact other nodes or a backup server.
const HEALTH_LIMIT: Duration = Duration::from_secs(120);
/// The time limit for a list of all phones.
const PHONES_LIMIT: Duration = Duration::from_secs(300);
/// The time limit for making a new list on the publisher.
const UPDATE_LIMIT: Duration = Duration::from_secs(300);

/// A node whose shell is open.
pub struct Node<C> {
    shell: Shell<C>,
}

impl<C: Console> Node<C> {
    /// Waits for the shell.
    pub fn open(console: C) -> Result<Self, ClusterError> {
        Ok(Node { shell: Shell::open(console)? })
    }

    /// Its name, for messages.
    pub fn name(&self) -> &str {
        self.shell.node()
    }

    /// The output of a command that asks nothing, parsed.
    fn read<T>(&mut self, command: &str, value: impl Fn(&[String]) -> Option<T>) -> Result<T, ClusterError> {
        let said = self.shell.run(command)?;
        value(&said).ok_or_else(|| self.not_understood(command, &said))
    }

    /// The same for a command that may take this long; a refusal is text to parse, too.
    fn read_within<T>(
        &mut self,
        limit: Duration,
        command: &str,
        value: impl Fn(&[String]) -> Option<T>,
    ) -> Result<T, ClusterError> {
        let said = self.shell.ask(command, &[], limit)?;
        value(&said).ok_or_else(|| self.not_understood(command, &said))
    }

    /// The cluster's security mode.
    pub fn security_mode(&mut self) -> Result<SecurityMode, ClusterError> {
        self.read(answers::SECURITY_MODE, answers::security_mode)
    }

    /// Whether "Prepare Cluster for Rollback to pre 8.0" is True.
    pub fn rollback(&mut self) -> Result<bool, ClusterError> {
        self.read(answers::ROLLBACK, answers::rollback)
    }

    /// The node's own report about its CTL.
    pub fn shown_ctl(&mut self) -> Result<ShownCtl, ClusterError> {
        Ok(answers::shown_ctl(&self.shell.run("show ctl")?))
    }

    /// The active release.
    pub fn version(&mut self) -> Result<String, ClusterError> {
        self.read("show version active", answers::version)
    }

    /// The nodes of the cluster.
    pub fn cluster(&mut self) -> Result<Vec<ClusterNode>, ClusterError> {
        let command = "show network cluster";
        let said = self.shell.run(command)?;
        answers::nodes(&said).map_err(|why| {
            let says = format!("{why}; it said: {}", last_words(&said));
            ClusterError::NotUnderstood { node: self.name().to_owned(), command: command.to_owned(), says }
        })
    }

    /// The state of the services that are restarted after a new list.
    pub fn services(&mut self) -> Result<Vec<(&'static str, ServiceState)>, ClusterError> {
        self.states(&SERVICES)
    }

    /// The state of these services.
    pub fn states(
        &mut self,
        services: &[&'static str],
    ) -> Result<Vec<(&'static str, ServiceState)>, ClusterError> {
        let said = self.shell.run("utils service list")?;
        let state = |service| answers::service_state(&said, service).unwrap_or(ServiceState::Missing);
        Ok(services.iter().map(|service| (*service, state(service))).collect())
    }

    /// The node's own certificates, and why some of them were not read.
    pub fn own_certificates(&mut self) -> Result<(Vec<OwnCertificate>, Vec<ClusterError>), ClusterError> {
        let units = self.read("show cert list own", |said| {
            Some(certificates::own_units(said)).filter(|units| !units.is_empty())
        })?;
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for unit in units {
            let read = |said: &[String]| certificates::own_certificate(said, &unit);
            match self.read(&format!("show cert own {unit}"), read) {
                Ok(certificate) => found.push(certificate),
                Err(e @ (ClusterError::Refused { .. } | ClusterError::NotUnderstood { .. })) => {
                    errors.push(e)
                }
                Err(e) => return Err(e),
            }
        }
        Ok((found, errors))
    }

    /// The certificates of all nodes, from the database of the cluster.
    pub fn certificates_in_database(&mut self) -> Result<Vec<Certificate>, ClusterError> {
        Ok(certificates::in_database(&self.shell.ask(certificates::IN_DATABASE, &[], HEALTH_LIMIT)?))
    }

    /// Whether database replication is set up on every node.
    pub fn replication(&mut self) -> Result<Replication, ClusterError> {
        Ok(health::replication(&self.shell.ask("utils dbreplication runtimestate", &[], HEALTH_LIMIT)?))
    }

    /// The last backup that was completed; only the publisher knows it.
    pub fn backups(&mut self) -> Result<Backup, ClusterError> {
        Ok(health::backups(&self.shell.ask("utils disaster_recovery history backup", &[], HEALTH_LIMIT)?))
    }

    /// Whether the licence allows mixed mode; only the publisher knows it, from release 12.0.
    pub fn license(&mut self) -> Result<License, ClusterError> {
        Ok(health::license(&self.shell.ask("show license summary", &[], HEALTH_LIMIT)?))
    }

    /// Whether it reaches another host: four pings.
    pub fn reaches(&mut self, host: &str) -> Result<bool, ClusterError> {
        self.read_within(HEALTH_LIMIT, &format!("utils network ping {host}"), health::is_reached)
    }

    /// The phones that this node knows now. Each CallManager node knows its own.
    pub fn known_phones(&mut self) -> Result<Vec<ListedPhone>, ClusterError> {
        self.read_within(PHONES_LIMIT, "show risdb query phone", phones::known_phones)
    }

    /// The phones in the database of the cluster, with their models.
    pub fn phones_in_database(&mut self) -> Result<Vec<ListedPhone>, ClusterError> {
        self.read_within(PHONES_LIMIT, phones::PHONES_IN_DATABASE, phones::phones_in_database)
    }

    /// The models with Security by Default, if the database tells.
    pub fn models_with_security_by_default(&mut self) -> Result<Vec<String>, ClusterError> {
        let query = self.read(phones::FEATURES, phones::models_query)?;
        self.read(&query, phones::models)
    }

    /// Restarts a service, and returns its state afterwards.
    pub fn restart(&mut self, service: &str) -> Result<ServiceState, ClusterError> {
        let command = format!("utils service restart {service}");
        let said = self.shell.run_and_reply(&command, &YES, RESTART_LIMIT)?;
        match answers::service_state(&said, service) {
            Some(ServiceState::Started) => Ok(ServiceState::Started),
            // The command may return before the service is started.
            _ => {
                let listed = self.shell.run("utils service list")?;
                answers::service_state(&listed, service).ok_or_else(|| self.not_understood(&command, &said))
            }
        }
    }

    /// Deletes a file from the TFTP folder of this node only; returns whether there was one.
    pub fn delete_tftp(&mut self, file: &str) -> Result<bool, ClusterError> {
        let command = format!("file delete tftp {file}");
        let replies = [Reply { question: "to continue", answer: "y" }];
        let said = self.shell.run_and_reply(&command, &replies, COMMAND_LIMIT)?;
        answers::deleted(&said).map(|count| count > 0).ok_or_else(|| self.not_understood(&command, &said))
    }

    /// Whether a certificate of this name is in Phone-SAST-trust.
    pub fn trusts(&mut self, name: &str) -> Result<bool, ClusterError> {
        Ok(answers::trusts(&self.trust_list()?, PHONE_SAST_TRUST, name))
    }

    /// What `show cert list trust` prints, for [`answers::trusts`].
    pub fn trust_list(&mut self) -> Result<Vec<String>, ClusterError> {
        self.shell.run("show cert list trust")
    }

    /// Deletes the certificates of this name from Phone-SAST-trust, as far as the shell takes this unit; returns whether none
    /// is left.
    pub fn distrust(&mut self, name: &str) -> Result<bool, ClusterError> {
        for file in answers::trust_files(&self.trust_list()?, PHONE_SAST_TRUST, name) {
            // A refusal shows in the list.
            let command = format!("set cert delete {PHONE_SAST_TRUST} {file}");
            self.shell.ask(&command, &YES, COMMAND_LIMIT)?;
        }
        Ok(!self.trusts(name)?)
    }

    /// Pastes a certificate into Phone-SAST-trust. It is not known which releases accept this unit; a release that does not
    /// reports an error.
    pub fn import(&mut self, certificate: &Certificate) -> Result<(), ClusterError> {
        let command = format!("set cert import trust {PHONE_SAST_TRUST}");
        let pem = format!("{}\n", certificate.to_pem().trim_end());
        let replies = [Reply { question: "Hit Enter", answer: &pem }];
        let said = self.shell.run_and_reply(&command, &replies, COMMAND_LIMIT)?;
        let is_done = |l: &String| l.to_lowercase().trim_start().starts_with("successfully imported");
        said.iter().any(is_done).then_some(()).ok_or_else(|| self.not_understood(&command, &said))
    }

    /// Makes the publisher write its tokenless CTL again, with the certificates of Phone-SAST-trust.
    pub fn update_ctl(&mut self) -> Result<(), ClusterError> {
        let command = "utils ctl update CTLFile";
        let said = self.shell.run_and_reply(command, &YES, UPDATE_LIMIT)?;
        let is_done = |l: &String| l.trim().eq_ignore_ascii_case("ctl file updated");
        said.iter().any(is_done).then_some(()).ok_or_else(|| self.not_understood(command, &said))
    }

    /// Sets the security mode of the cluster: the publisher writes the CTL of this mode.
    pub fn set_cluster(&mut self, mode: SecurityMode) -> Result<(), ClusterError> {
        let command = format!("utils ctl set-cluster {mode}-mode");
        let said = self.shell.run_and_reply(&command, &YES, UPDATE_LIMIT)?;
        let is_done = |l: &String| l.trim().to_lowercase().starts_with("cluster set to");
        said.iter().any(is_done).then_some(()).ok_or_else(|| self.not_understood(&command, &said))
    }

    /// A file of the TFTP folder as the shell prints it. The caller must verify it before use.
    pub fn dump_tftp(&mut self, file: &str) -> Result<Vec<u8>, ClusterError> {
        let command = format!("file dump tftp {file} hex");
        Ok(answers::dump(&self.shell.run(&command)?))
    }

    fn not_understood(&self, command: &str, said: &[String]) -> ClusterError {
        let says = last_words(said);
        ClusterError::NotUnderstood { node: self.name().to_owned(), command: command.to_owned(), says }
    }
}
