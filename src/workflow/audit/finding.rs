//! What an audit finds: values, with what they mean for phones and what mends them.

use serde::Serialize;

use crate::workflow::Next;

/// How much a finding hurts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Phones lose something now, or with their next list.
    Error,
    /// It will hurt, or makes a change impossible.
    Warning,
    /// It was not read, so nothing is known.
    NotKnown,
    /// For information.
    Note,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Severity; 4] = [Severity::Error, Severity::Warning, Severity::NotKnown, Severity::Note];

    /// In a word.
    pub fn label(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::NotKnown => "not known",
            Severity::Note => "note",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "`Kind::of` says what each is")]
pub enum Kind {
    NotKnown,
    ListProblem,
    CtlsDiffer,
    CtlLeftBehind,
    CtlWithoutCertificates,
    CallManagerRenewed,
    CallManagerAndTvsRenewed,
    NodeMissing,
    NodeGone,
    AddressChanged,
    EcRecordMissing,
    CapfRenewed,
    CapfMissing,
    ItlRecoveryRenewed,
    TvsRenewed,
    ItlOutdated,
    ItlMissing,
    Rollback,
    Tokenless,
    TokenMissing,
    TokenNotExpected,
    NoSpareToken,
    TokenNotTrusted,
    TokensEnd,
    Expired,
    Expires,
    TokenExpires,
    Replication,
    NoBackup,
    BackupOutdated,
    Licence,
    ServiceStopped,
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// A command on the admin shell of a node.
    Shell {
        /// The node.
        node: String,
        /// The command.
        command: &'static str,
    },
    /// A command of this program.
    Next(Next),
    /// What a person does.
    ByHand(&'static str),
}

/// One thing that an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it hurts.
    pub severity: Severity,
    /// What it is about.
    pub kind: Kind,
    /// The node, token or service.
    pub subject: String,
    /// What was found.
    pub says: String,
    /// What it means for phones.
    pub phones: String,
    /// What mends it.
    #[serde(skip)]
    pub mend: Option<Mend>,
    /// The same as text; the report fills it in.
    #[serde(rename = "mend")]
    pub mend_text: Option<String>,
}

impl Finding {
    /// A finding with the usual severity and meaning of its kind.
    pub fn new(kind: Kind, subject: impl ToString, says: impl ToString, mend: Option<Mend>) -> Self {
        let (severity, phones) = kind.of();
        Finding {
            severity,
            kind,
            subject: subject.to_string(),
            says: says.to_string(),
            phones: phones.to_owned(),
            mend,
            mend_text: None,
        }
    }
}

impl Kind {
    /// How much it hurts, and what it means for phones (sources: `docs/facts.md`, section on audits).
    fn of(self) -> (Severity, &'static str) {
        use Severity::{Error, Note, Warning};
        match self {
            Kind::NotKnown => (Severity::NotKnown, "not known"),
            Kind::ListProblem => (Error, "phones that get their lists from this node may refuse them"),
            Kind::CtlsDiffer => (Error, "phones of some nodes hold another CTL than the others"),
            Kind::CtlLeftBehind => (Warning, "phones load a CTL that is not in force"),
            Kind::CtlWithoutCertificates => (Error, "phones find no server certificate in the CTL"),
            Kind::CallManagerRenewed | Kind::NodeMissing => {
                (Error, "encrypted and authenticated phones do not register with this node")
            }
            Kind::CallManagerAndTvsRenewed => (
                Error,
                "phones can then authenticate neither new lists nor TVS: mend one, wait for all phones, then the other",
            ),
            Kind::NodeGone => (Warning, "phones still trust the certificate of a server that has left"),
            Kind::AddressChanged => (Error, "phones look for this server at another address"),
            Kind::EcRecordMissing => {
                (Note, "phones that use EC ciphers do not find this certificate in the CTL")
            }
            Kind::CapfRenewed | Kind::CapfMissing => (Error, "phones cannot get or renew an LSC"),
            Kind::ItlRecoveryRenewed => (Warning, "phones refuse a later CTL that the new ITLRecovery signs"),
            Kind::TvsRenewed => {
                (Error, "phones cannot authenticate this TVS: unknown signers and HTTPS fail")
            }
            Kind::ItlOutdated => {
                (Error, "phones of this node do not trust the configuration files that it signs")
            }
            Kind::ItlMissing => (Error, "phones of this node get no ITL"),
            Kind::Rollback => {
                (Warning, "phones that loaded this ITL accept any list and any configuration file")
            }
            Kind::Tokenless => (Error, "phones follow the publisher's certificate, and no longer the tokens"),
            Kind::TokenMissing => (Warning, "phones refuse a CTL that this token signs, unless TVS knows it"),
            Kind::TokenNotExpected => {
                (Warning, "phones accept lists of a token that the inventory does not name")
            }
            Kind::NoSpareToken => {
                (Warning, "if the token is lost, no CTL can be signed that these phones accept without TVS")
            }
            Kind::TokenNotTrusted => {
                (Warning, "phones that hold another CTL accept this token only if TVS finds it in the CTL")
            }
            Kind::TokensEnd => (Note, "none now"),
            // Of these the certificate tells.
            Kind::Expired => (Error, ""),
            Kind::Expires => (Warning, ""),
            Kind::TokenExpires => (Note, ""),
            Kind::Replication => (Warning, "changes may not reach the phones of every node"),
            Kind::NoBackup => {
                (Warning, "if the publisher is lost, its keys are lost, and phones refuse new lists")
            }
            Kind::BackupOutdated => (Warning, "a restore brings old keys back, and locks phones out"),
            Kind::Licence => (Warning, "none now: the cluster refuses mixed mode and utils ctl"),
            Kind::ServiceStopped => (Error, "phones of this node lose what the service does"),
        }
    }
}
