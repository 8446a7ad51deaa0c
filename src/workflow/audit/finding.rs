//! What an audit finds: values, with what they mean for phones and what mends them.

use serde::Serialize;

/// How much a finding hurts; the worst is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Phones lose something now, or with their next list.
    #[error("error")]
    Error,
    /// It will hurt, or makes a change impossible.
    #[error("warning")]
    Warning,
    /// It was not read.
    #[error("not known")]
    NotKnown,
    /// For information.
    #[error("note")]
    Note,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::NotKnown, Self::Note];
}

/// One thing that an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub kind: Kind,
    /// The node, token or service.
    pub subject: String,
    pub says: String,
    /// What it does to phones.
    pub phones: String,
    /// The command that mends it, or what a person does.
    pub mend: Option<String>,
}

/// Declares kinds: each with how much it hurts, and what it does to phones. Sources: `docs/facts.md`.
macro_rules! kinds {
    ($($kind:ident $severity:ident $phones:literal;)*) => {
        /// What a finding is about; what hurts more is first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind { $($kind),* }

        impl Kind {
            /// How much it hurts, and what it does to phones.
            pub fn of(self) -> (Severity, &'static str) {
                match self { $(Kind::$kind => (Severity::$severity, $phones)),* }
            }
        }
    };
}

kinds! {
    CallManagerAndTvsRenewed Error "phones can authenticate neither new lists nor TVS";
    NotKnown NotKnown "not known";
    ListProblem Error "phones that get their lists from this node may refuse them";
    CtlsDiffer Error "phones of some nodes hold another CTL than the others";
    CtlLeftBehind Warning "phones load a CTL that is not in force";
    CtlWithoutCertificates Error "phones find no server certificate in the CTL";
    CallManagerRenewed Error "encrypted and authenticated phones do not register with this node";
    NodeMissing Error "encrypted and authenticated phones do not register with this node";
    NodeGone Warning "phones still trust the certificate of a server that has left";
    AddressChanged Error "phones look for this server at another address";
    EcRecordMissing Note "phones that use EC ciphers do not find this certificate in the CTL";
    CapfRenewed Error "phones cannot get or renew an LSC";
    CapfMissing Error "phones cannot get or renew an LSC";
    ItlRecoveryRenewed Warning "phones refuse a later CTL that the new ITLRecovery signs";
    TvsRenewed Error "phones cannot authenticate this TVS: unknown signers and HTTPS services fail";
    ItlOutdated Error "phones of this node do not trust the configuration files that it signs";
    ItlMissing Error "phones of this node get no ITL";
    Rollback Warning "phones that load this ITL accept any list and any configuration file";
    Tokenless Error "phones follow the publisher's certificate, and no longer the tokens";
    TokenMissing Warning "phones refuse a CTL that this token signs, unless TVS knows it";
    TokenNotExpected Warning "phones accept lists of a token that the inventory does not name";
    NoSpareToken Warning "if the token is lost, no CTL can be signed that phones accept without TVS";
    TokenNotTrusted Warning "phones that hold another CTL accept this token only if TVS finds it in the CTL";
    TokensEnd Note "none now";
    Expired Error "none through trust lists: phones do not authenticate a server by this certificate";
    Expires Warning "none through trust lists: phones do not authenticate a server by this certificate";
    TokenExpires Note "";
    Replication Warning "changes may not reach the phones of every node";
    NoBackup Warning "if the publisher is lost, so are its keys, and phones refuse new lists";
    BackupOutdated Warning "a restore brings old keys back, and locks phones out";
    Licence Warning "none now: the cluster refuses mixed mode and utils ctl";
    ServiceStopped Error "phones of this node lose what the service does";
}
