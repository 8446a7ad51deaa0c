//! What a journal's lines say. Fields are only ever added. Checksums are hexadecimal, those of certificates over their DER.
#![allow(missing_docs, reason = "fields and variants are called as in docs/journal.md")]

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::phone::{ClassVerdict, Decision, ServiceFinding};
use crate::token::Sast;
use crate::trustlist::{Certificate, digest};
use crate::workflow::cluster_run::{Part, RunKind, Step, StepName};
use crate::workflow::{Plan, PlanStep};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Counted from 1.
    pub seq: u64,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// SHA-256 of the line before, hexadecimal; zeros in the first.
    pub prev: String,
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line.
    Start {
        version: String,
        /// The command line, without anything secret: a PIN is never an argument.
        command: Vec<String>,
        operator: String,
        host: String,
        /// The number of the change, or another name for it, as the operator gave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<String>,
    },
    /// The token that signs.
    Token(TokenSeal),
    /// The request that is signed.
    Request {
        serial: String,
        digest: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<Approver>,
    },
    /// A file that was read.
    Input {
        /// What it is: `in force`, `bridge`, `configuration`, `published`.
        role: String,
        /// Where the result goes, which tells what was made of it; `None` where it says nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        out: Option<String>,
        /// What phones do with it, where it is published: those that hold what a node served before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        phones: Vec<PhoneLine>,
        /// What these phones lose, or do otherwise.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<String>,
        #[serde(flatten)]
        file: FileFingerprint,
    },
    /// A plan that was shown and confirmed.
    Plan {
        /// The digest that identifies it.
        digest: String,
        /// Where the result goes.
        out: String,
        steps: Vec<PlanStep>,
        warnings: Vec<String>,
        phones: Vec<PhoneLine>,
        /// What phones lose, or do otherwise.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<String>,
        by_hand: Vec<String>,
    },
    /// A run on a cluster.
    Run(RunId),
    /// The tokens that the cluster is asked to trust: the run continues with these only.
    Tokens {
        /// The one that signs comes first.
        certificates: Vec<TokenCertificate>,
    },
    /// The run continues.
    Resume,
    /// The CTL that was in force before goes back to every node.
    Rollback,
    /// What the run needs beside its steps.
    Needs {
        /// The services that are restarted, in this order.
        services: Vec<String>,
        /// Whether the CTL stays as it is.
        #[serde(default)]
        ctl_stays: bool,
        /// Whether the cluster has no CTL in force, and is set to mixed mode.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sets_mixed: bool,
        /// What is left to the operator after it.
        left_to_do: Vec<String>,
    },
    /// Where the dialogue with the nodes is kept.
    Transcript { file: String },
    /// A step of a longer run begins, or ended.
    Step {
        name: StepName,
        /// Which part of it; `None` for the step itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// What is done, or how it ended.
        says: String,
        /// Whether it ended well; `None` while it runs.
        done: Option<bool>,
    },
    /// A file that was signed, verified and written.
    Output {
        signed_by: String,
        /// The backup of the old file.
        kept_old_as: Option<String>,
        #[serde(flatten)]
        file: FileFingerprint,
    },
    /// The last line.
    End { outcome: Outcome, says: String },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    Failed,
    /// The operator interrupted it.
    Interrupted,
}

/// A token, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSeal {
    pub label: String,
    pub serial: String,
    pub name: String,
    pub certificate_sha256: String,
}

/// Somebody whose SSH key signed the digest of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// `asked` or `approved`.
    pub did: String,
    /// The name of the person in `signers.toml`.
    pub name: String,
    /// The fingerprint of the key: `SHA256:…`.
    pub key: String,
}

/// Which run on a cluster it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    pub node: String,
    pub folder: String,
    /// What the run does; a journal does not name a revert.
    #[serde(default, skip_serializing_if = "RunKind::is_revert")]
    pub kind: RunKind,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.node, self.folder)
    }
}

/// The certificate of a token of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCertificate {
    pub name: String,
    pub certificate_sha256: String,
}

impl TokenCertificate {
    /// Of this certificate.
    pub fn of(certificate: &Certificate) -> Self {
        let certificate_sha256 = digest::hex(&certificate.sha256(), "");
        TokenCertificate { name: certificate.sast_name(), certificate_sha256 }
    }

    /// `SAST-ADN008580ef (SHA-256 5d…) and SAST-ADN0054f509 (SHA-256 0c…)`
    pub fn list(certificates: &[TokenCertificate]) -> String {
        let one = |c: &TokenCertificate| format!("{} (SHA-256 {})", c.name, c.certificate_sha256);
        certificates.iter().map(one).collect::<Vec<_>>().join(" and ")
    }
}

/// A file with its checksums and, so that the page can show it, itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFingerprint {
    /// Its path as the operator named it.
    pub file: String,
    pub bytes: usize,
    pub md5: String,
    pub sha1: String,
    pub sha256: String,
    /// The file itself, Base64; left out above 256 KiB.
    pub data: Option<String>,
}

/// Files above this size in bytes are recorded only with their checksums.
const LARGEST_DATA: usize = 256 * 1024;

impl FileFingerprint {
    /// The fingerprint of a file.
    pub fn of(file: impl Into<String>, bytes: &[u8]) -> Self {
        FileFingerprint {
            file: file.into(),
            bytes: bytes.len(),
            md5: digest::hex(&digest::md5(bytes), ""),
            sha1: digest::hex(&digest::sha1(bytes), ""),
            sha256: digest::hex(&digest::sha256(bytes), ""),
            data: (bytes.len() <= LARGEST_DATA).then(|| BASE64.encode(bytes)),
        }
    }

    /// The file itself, if it is there and is what the checksum says.
    pub fn content(&self) -> Option<Vec<u8>> {
        let bytes = BASE64.decode(self.data.as_deref()?.as_bytes()).ok()?;
        (digest::hex(&digest::sha256(&bytes), "") == self.sha256).then_some(bytes)
    }
}

/// What one class of phones does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneLine {
    pub phones: String,
    /// Which list they hold, where it is not that of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<String>,
    pub says: String,
    /// The decision as a value; older journals have only the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub does: Option<PhonesDo>,
    /// Why, in the order in which they look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// What phones do with a list, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhonesDo {
    /// They accept it, or do so if TVS knows its signer; or they do not load such a list.
    Accept,
    /// They keep the list that they hold.
    Refuse,
    /// It cannot be known.
    NotKnown,
}

impl PhoneLine {
    /// Whether these phones keep the list that they hold.
    pub fn refuses(&self) -> bool {
        self.does.map_or_else(|| self.says.starts_with("refuse"), |does| does == PhonesDo::Refuse)
    }

    /// The phones that hold a list of which nobody knows it, and why.
    pub fn not_known(why: String) -> Self {
        PhoneLine {
            phones: "any".to_owned(),
            holds: None,
            says: format!("not known: {why}"),
            does: Some(PhonesDo::NotKnown),
            reasons: vec![],
        }
    }

    /// Whether it is known what these phones do.
    pub fn is_known(&self) -> bool {
        self.does != Some(PhonesDo::NotKnown) && (self.does.is_some() || !self.says.starts_with("cannot be "))
    }

    /// A verdict in words, of phones that hold this list.
    pub fn of(verdict: &ClassVerdict, signer: &str, holds: Option<&str>) -> Self {
        let does = match verdict.verdict.decision {
            Decision::Refuses => PhonesDo::Refuse,
            Decision::NotKnown if !verdict.verdict.waits_for_tvs() => PhonesDo::NotKnown,
            Decision::NotKnown | Decision::Accepts(_) | Decision::DoesNotApply => PhonesDo::Accept,
        };
        PhoneLine {
            does: Some(does),
            phones: verdict.class.label().to_owned(),
            holds: holds.map(str::to_owned),
            says: verdict.verdict.says(signer),
            reasons: verdict.verdict.reasons.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Event {
    /// A file that was read, and where its result goes.
    pub fn input(role: &str, out: Option<String>, file: FileFingerprint) -> Self {
        Event::Input { role: role.to_owned(), out, phones: vec![], findings: vec![], file }
    }

    /// The token that signs.
    pub fn token(sast: &Sast) -> Self {
        Event::Token(TokenSeal {
            label: sast.token().label.to_owned(),
            serial: sast.token().serial.to_owned(),
            name: sast.certificate().sast_name(),
            certificate_sha256: digest::hex(&sast.certificate().sha256(), ""),
        })
    }

    /// A step, or a part of one.
    pub fn step(step: Step, part: Option<Part>, says: impl Into<String>, done: Option<bool>) -> Self {
        Event::Step { name: StepName::Known(step), part, says: says.into(), done }
    }

    /// A plan that was confirmed.
    pub fn plan(plan: &Plan, out: impl Into<String>) -> Self {
        let signer = plan.signer().sast_name();
        Event::Plan {
            digest: plan.digest().to_string(),
            out: out.into(),
            steps: plan.steps.clone(),
            warnings: plan.warnings.clone(),
            phones: plan.phones.iter().map(|v| PhoneLine::of(v, &signer, None)).collect(),
            findings: plan.findings.iter().map(ServiceFinding::line).collect(),
            by_hand: plan.by_hand.clone(),
        }
    }
}
