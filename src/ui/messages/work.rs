//! Messages for work that stopped. An error of a layer below gets the text of that layer.

use super::super::next::token_option;
use super::{CommandError, ErrorKind};
use crate::token::{NotASelector, PinKind};
use crate::trustlist::DecodeError;
use crate::workflow::cluster_file::ClusterFileError;
use crate::workflow::signing::SigningError;
use crate::workflow::{NOT_SERVED_YET, OperatorError, WorkError};

const NOTHING: &str = "nothing was signed and nothing was written";

const REFUSED_TOO: &str =
    "phones would not accept this file either; fetch the list in force from the TFTP node";

const EMPTIED_ITL: &str = "an ITL that was emptied for a rollback may not contain its signer: give the earlier ITL \
    of the phones with --installed-itl";

/// What to do if TVS cannot prove anything.
const WITHOUT_PROOF: &str = "--no-tvs continues without the proof; the journal and the output state this";

impl From<WorkError> for CommandError {
    fn from(error: WorkError) -> Self {
        use WorkError as E;
        let kind = match error {
            E::NotVerified { .. } | E::NewNotVerified { .. } | E::SignerNotVerified { .. } => ErrorKind::No,
            E::SignerNotConfirmed { .. } | E::NoTvs { .. } | E::NoItl { .. } => ErrorKind::No,
            E::NotAnItl { .. } | E::ItlNotVerified { .. } | E::NotServedYet { .. } => ErrorKind::No,
            E::NoCtlInForce { .. } => ErrorKind::No,
            E::OtherKind { .. } | E::NoRest | E::ItlForManyNodes => ErrorKind::Usage,
            E::PinNotTried { .. } => ErrorKind::Token,
            E::Declined(_) => ErrorKind::Interrupted,
            E::Partly { ref source, .. } if source.is_interrupted() => ErrorKind::Interrupted,
            _ => ErrorKind::File,
        };
        let base = CommandError::new(kind, error.to_string());
        match error {
            E::NoCtlInForce { .. } => {
                base.hint("sastctl cluster status shows what each node serves; a first CTL comes from a cluster file: sastctl help create")
            }
            E::NoClusterThere { .. } => base.hint("sastctl cluster fetch --node NODE --alone --out DIR"),
            E::NotText { .. } | E::ClusterFileText(_) | E::WriterEnded | E::Record(_) | E::Declined(_) => base,
            E::Decode { source, .. } => base.hints(match source {
                DecodeError::Empty | DecodeError::CutShort { .. } => {
                    &["fetch it again, in binary mode: tftp -m binary HOST -c get CTLFile.tlv"]
                }
                DecodeError::NotATrustList(_) => {
                    &["a trust list is the unchanged file CTLFile.tlv or ITLFile.tlv of a TFTP node"]
                }
                DecodeError::NotAList { .. } => &["sastctl ctl verify FILE --signer CERT checks such a file"],
                DecodeError::TooLarge | DecodeError::Damaged { .. } => &[],
            }),
            E::NotVerified { .. } => base.wrote(0).hint(REFUSED_TOO),
            E::NewNotVerified { is_emptied_itl, .. } => {
                let base = base.wrote(0).hints(&[REFUSED_TOO, "phones refuse a list that does not verify"]);
                base.hints(is_emptied_itl.then_some(EMPTIED_ITL).as_slice())
            }
            E::SignerNotVerified { .. } => base.hint(
                "phones would not accept this list either: fetch the list in force, or give the signer's \
                    certificate",
            ),
            E::Certificate { .. } => {
                base.hint("a certificate is a DER or PEM file; CUCM exports both from OS Administration")
            }
            E::NotAnInventory { .. } => base.hint("an example: sastctl help audit"),
            E::NotAListOfPhones { .. } => base.hint(
                "a list of phones is a CSV file with the columns name, address and model: sastctl phones list --out FILE makes one",
            ),
            E::NotACluster { source, .. } => base
                .detail("", source.to_string().trim_end().replace('\n', "\n  "))
                .hint("docs/cluster-file.md describes every key, with an example"),
            E::ClusterFile { source, .. } => base.hint(match source {
                ClusterFileError::NotAFileName { .. } | ClusterFileError::NotAList { .. } => {
                    "remove file-name: a CTL is CTLFile.tlv, an ITL is ITLFile.tlv"
                }
                ClusterFileError::OtherKind { .. } => {
                    "an ITL is ITLFile.tlv or ITLSEP<MAC>.tlv, a CTL has any other name; docs/cluster-file.md describes every key"
                }
                ClusterFileError::Nowhere { .. } => {
                    "a CTL needs one of them; docs/cluster-file.md describes every key"
                }
            }),
            E::OtherKind { .. } => base.hint("nodes serve the CTL as CTLFile.tlv, and the ITL as ITLFile.tlv"),
            E::NoCertificate => base.hint("a question to TVS needs the certificate: use --trusted instead of --tvs"),
            E::NotSigned { source, .. } => CommandError::from(*source).with_message(base.message).wrote(0),
            E::NoPinToTry(e) => CommandError::from(*e).wrote(0),
            E::PinNotTried { token, which: PinKind::User } => base
                .detail("token", token.to_string())
                .wrote(0)
                .hint("if you are sure of the PIN, run the command again with --allow-last-try"),
            E::PinNotTried { .. } => {
                base.hint("if you are sure of it, run the command again with --allow-last-try")
            }
            E::Stopped { at, source } => CommandError::from(*source).stopped(&at),
            E::JournalNotSigned(e) => {
                CommandError::from(*e).detail("", "the files were written; the journal is not signed")
            }
            E::HiddenUntilLogin(e) => CommandError::from(*e).hint(
                "the token shows no certificate without its PIN; it may be hidden until the login",
            ),
            E::Partly { .. } if kind == ErrorKind::Interrupted => base,
            E::Partly { written, source } => CommandError::from(*source).wrote(written),
            E::NoRest => base.hint("use --by cli or --by hand"),
            E::ItlNotFetched(e) => CommandError::from(e).hint(WITHOUT_PROOF),
            E::SignerNotConfirmed { .. } => base
                .hint(
                    "check that the token's certificate is in Phone-SAST-trust of the publisher, and that TVS is started",
                )
                .hint(WITHOUT_PROOF),
            E::NoTvs { .. } | E::NoItl { .. } | E::NotAnItl { .. } | E::ItlNotVerified { .. } => {
                base.hint(WITHOUT_PROOF)
            }
            E::ItlForManyNodes => base
                .detail("", "nothing was published")
                .hint("--alone --node NODE publishes it on that node"),
            E::NotServedYet { waiting, node, alone, .. } => base
                .details("", waiting.iter().map(|node| format!("{node}: {NOT_SERVED_YET}")))
                .hint(format!(
                    "a CUCM node serves it after a restart of Cisco Tftp: sastctl cluster restart --node {node:#}{}",
                    if alone { " --alone" } else { "" }
                )),
            E::AfterStoring { name, token, source } => {
                CommandError::from(*source).after_storing(&name, &token)
            }
            E::Run(e) => (*e).into(),
            E::Sign(e) => (*e).into(),
            E::Signing(e) => e.into(),
            E::Selector(e) => e.into(),
            E::Plan(e) => e.into(),
            E::Token(e) => e.into(),
            E::File(e) => e.into(),
            E::Cluster(e) => e.into(),
            E::Fetch(e) => e.into(),
            E::Http(e) => e.into(),
            E::Tvs(e) => e.into(),
            E::Enroll(e) => e.into(),
            E::Exchange(e) => e.into(),
            E::Journal(e) => e.into(),
            E::JournalReopen(e) => e.into(),
            E::Operator(e) => e.into(),
        }
    }
}

impl From<SigningError> for CommandError {
    fn from(error: SigningError) -> Self {
        let base = CommandError::usage(error.to_string());
        match error {
            SigningError::SamePlace(_) => {
                base.detail("", NOTHING).hint("sign them in two runs, each with its own --out")
            }
            SigningError::Place(e) => CommandError::from(e).detail("", NOTHING),
            SigningError::OtherPlan { wanted, planned } => {
                CommandError::no("the plan does not have the digest of --plan-digest")
                    .detail("wanted", wanted.to_string())
                    .detail("plan", planned.to_string())
                    .wrote(0)
                    .hint("run with --dry-run and compare; the timestamp of the file is part of the plan: set it with --timestamp")
            }
            SigningError::NoFileName => base.hint("give a file instead of standard input"),
            SigningError::NotAFileName(_) => CommandError::new(ErrorKind::File, error.to_string())
                .detail("", NOTHING)
                .hint("give the file to write: --out FILE"),
            SigningError::NoPlace(_) => base
                .detail("", NOTHING)
                .hint("--out DIR writes the files into a folder")
                .hint("--in-place replaces them; the old files are kept as NAME.bak"),
        }
    }
}

impl CommandError {
    /// Adds that a certificate was stored before the error.
    pub fn after_storing(self, name: &str, token: &str) -> Self {
        self.detail("", format!("{name} and its key were stored on \"{token}\""))
            .hint(format!("sastctl cert export {} writes the certificate", token_option(name)))
    }
}

impl From<NotASelector> for CommandError {
    fn from(error: NotASelector) -> Self {
        let base = CommandError::usage(error.to_string());
        match error {
            NotASelector::PinInUri => base.hint("give the source of the PIN with --pin-source"),
            _ => base,
        }
    }
}

impl From<OperatorError> for CommandError {
    fn from(error: OperatorError) -> Self {
        let base = CommandError::usage(error.to_string());
        match error {
            OperatorError::Interrupted { .. } | OperatorError::WentBack => {
                base.of_kind(ErrorKind::Interrupted)
            }
            OperatorError::CannotAsk(question) => {
                base.detail("question", question.to_string()).hint("--yes confirms without a question")
            }
            OperatorError::FrontEnd { error, .. } => error.downcast().map_or(base, |own| *own),
        }
    }
}
