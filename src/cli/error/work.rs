//! What is said where work stopped: each error as that of its layer, and the command line's own ones as they were.

use super::super::next::token_option;
use super::{CommandError, ErrorKind};
use crate::token::{NotASelector, PinKind};
use crate::trustlist::DecodeError;
use crate::workflow::cluster_file::ClusterFileError;
use crate::workflow::signing::SigningError;
use crate::workflow::{NOT_SERVED_YET, OperatorError, WorkError};

const NOTHING: &str = "nothing was signed and nothing was written";

/// What to do where TVS cannot prove anything.
const WITHOUT_PROOF: &str = "--no-tvs goes on without the proof; the journal and the output say so";

impl From<WorkError> for CommandError {
    fn from(error: WorkError) -> Self {
        let message = error.to_string();
        let file_error = |message: String| CommandError::new(ErrorKind::File, message);
        match error {
            WorkError::Decode { source, .. } => file_error(message).hints(match source {
                DecodeError::Empty | DecodeError::CutShort { .. } => {
                    &["fetch it again, in binary mode: tftp -m binary HOST -c get CTLFile.tlv"]
                }
                DecodeError::NotATrustList(_) => {
                    &["a trust list is the file CTLFile.tlv or ITLFile.tlv of a TFTP node, as it is"]
                }
                DecodeError::NotAList { .. } => &["sastctl ctl verify FILE --signer CERT checks such a file"],
                DecodeError::TooLarge | DecodeError::Damaged { .. } => &[],
            }),
            WorkError::NotVerified { .. } => CommandError::new(ErrorKind::No, message)
                .wrote(0)
                .hint("phones would not accept this file either; fetch the list in force from the TFTP node"),
            WorkError::SignerNotVerified { .. } => CommandError::new(ErrorKind::No, message).hint(
                "phones would not accept this list either: fetch the list in force, or give the signer's \
                    certificate",
            ),
            WorkError::Certificate { .. } => file_error(message)
                .hint("a certificate is a DER or PEM file; CUCM exports both from OS Administration"),
            WorkError::NotText { .. } | WorkError::WriterEnded => file_error(message),
            WorkError::NotACluster { source, .. } => file_error(message)
                .detail("", source.to_string().trim_end().replace('\n', "\n  "))
                .hint("docs/cluster-file.md has every key and an example"),
            WorkError::ClusterFile { source, .. } => file_error(message).hint(match source {
                ClusterFileError::NotAFileName { .. } | ClusterFileError::NotAList { .. } => {
                    "leave file-name out: a CTL is CTLFile.tlv, an ITL is ITLFile.tlv"
                }
                ClusterFileError::OtherKind { .. } => {
                    "an ITL is ITLFile.tlv or ITLSEP<MAC>.tlv, a CTL has any other name; docs/cluster-file.md has every key"
                }
                ClusterFileError::Nowhere { .. } => {
                    "a CTL needs one of them; docs/cluster-file.md has every key"
                }
            }),
            WorkError::NewNotVerified { file, source, is_emptied_itl } => {
                let refused = CommandError::from(WorkError::NotVerified { file, source })
                    .hint("phones refuse a list that does not verify");
                if is_emptied_itl {
                    return refused.hint(
                        "an ITL that was emptied for a rollback may not contain its signer: give \
                        the earlier ITL of the phones with --installed-itl",
                    );
                }
                refused
            }
            WorkError::OtherKind { .. } => CommandError::new(ErrorKind::Usage, message)
                .hint("--installed-ctl takes a CTL, --installed-itl an ITL"),
            WorkError::NoCertificate => CommandError::new(ErrorKind::File, message)
                .hint("TVS needs the certificate: use --trusted instead of --tvs"),
            WorkError::NotSigned { source, .. } => CommandError { message, ..(*source).into() }.wrote(0),
            WorkError::NoPinToTry(e) => CommandError::from(*e).wrote(0),
            WorkError::PinNotTried { token, which: PinKind::User } => {
                CommandError::new(ErrorKind::Token, message)
                    .detail("token", token.to_string())
                    .wrote(0)
                    .hint("if you are sure of the PIN, run the command again with --allow-last-try")
            }
            WorkError::PinNotTried { .. } => CommandError::new(ErrorKind::Token, message)
                .hint("if you are sure of it, run the command again with --allow-last-try"),
            WorkError::Run(e) => (*e).into(),
            WorkError::Stopped { at, source } => CommandError::from(*source).stopped(&at),
            WorkError::Sign(e) => (*e).into(),
            WorkError::Signing(SigningError::SamePlace(_)) => CommandError::new(ErrorKind::Usage, message)
                .detail("", NOTHING)
                .hint("sign them in two runs, each with its own --out"),
            WorkError::Signing(SigningError::Place(e)) => CommandError::from(e).detail("", NOTHING),
            WorkError::Signing(SigningError::OtherPlan { wanted, planned }) => {
                CommandError::new(ErrorKind::No, "this is not the plan that --plan-digest names")
                    .detail("wanted", wanted.to_string())
                    .detail("plan", planned.to_string())
                    .wrote(0)
                    .hint("run with --dry-run and compare; the time that the file states is part of a plan: --timestamp")
            }
            WorkError::Selector(e) => e.into(),
            WorkError::JournalNotSigned(e) => {
                CommandError::from(*e).detail("", "the files were written; the journal is not signed")
            }
            WorkError::HiddenUntilLogin(e) => CommandError::from(*e).hint(
                "the token shows no certificate without its PIN: objects may be hidden until the login",
            ),
            WorkError::Partly { source, .. } if source.is_interrupted() => {
                CommandError::new(ErrorKind::Interrupted, message)
            }
            WorkError::Partly { written, source } => CommandError::from(*source).wrote(written),
            WorkError::Plan(e) => e.into(),
            WorkError::Token(e) => e.into(),
            WorkError::File(e) => e.into(),
            WorkError::Cluster(e) => e.into(),
            WorkError::NoRest => CommandError::new(ErrorKind::Usage, message).hint("--by cli, or --by hand"),
            WorkError::Record(_) => CommandError::new(ErrorKind::File, message),
            WorkError::ItlNotFetched(e) => CommandError::from(e).hint(WITHOUT_PROOF),
            WorkError::NotVouchedFor { .. } => CommandError::new(ErrorKind::No, message)
                .hint(
                    "a token's certificate must be in Phone-SAST-trust of the publisher; and is TVS started?",
                )
                .hint(WITHOUT_PROOF),
            WorkError::NoTvs { .. }
            | WorkError::NoItl { .. }
            | WorkError::NotAnItl { .. }
            | WorkError::ItlNotVerified { .. } => {
                CommandError::new(ErrorKind::No, message).hint(WITHOUT_PROOF)
            }
            WorkError::ItlForManyNodes => CommandError::new(ErrorKind::Usage, message)
                .detail("", "nothing was published")
                .hint("--alone --node NODE publishes it on that node"),
            WorkError::NotServedYet { waiting, node, alone, .. } => CommandError::new(ErrorKind::No, message)
                .details("", waiting.iter().map(|node| format!("{node}: {NOT_SERVED_YET}")))
                .hint(format!(
                    "a CUCM node serves it once Cisco Tftp was restarted: sastctl cluster restart --node {node:#}{}",
                    if alone { " --alone" } else { "" }
                )),
            WorkError::Declined(what) => CommandError::new(ErrorKind::Interrupted, what),
            WorkError::Fetch(e) => e.into(),
            WorkError::Http(e) => e.into(),
            WorkError::Tvs(e) => e.into(),
            WorkError::Enroll(e) => e.into(),
            WorkError::AfterStoring { name, token, source } => {
                CommandError::from(*source).after_storing(&name, &token)
            }
            WorkError::Journal(e) => e.into(),
            WorkError::JournalReopen(e) => e.into(),
            WorkError::Operator(e) => e.into(),
        }
    }
}

impl CommandError {
    /// What follows when a certificate was stored before this.
    #[must_use]
    pub fn after_storing(self, name: &str, token: &str) -> Self {
        self.detail("", format!("{name} and its key were stored on \"{token}\""))
            .hint(format!("sastctl cert export {} writes the certificate", token_option(name)))
    }
}

impl From<NotASelector> for CommandError {
    fn from(error: NotASelector) -> Self {
        let base = CommandError::new(ErrorKind::Usage, error.to_string());
        match error {
            NotASelector::PinInUri => base.hint("--pin-source names where the PIN comes from"),
            _ => base,
        }
    }
}

impl From<OperatorError> for CommandError {
    fn from(error: OperatorError) -> Self {
        let kind = match &error {
            OperatorError::Interrupted { .. } => ErrorKind::Interrupted,
            OperatorError::NobodyToAsk(_) | OperatorError::FrontEnd { .. } => ErrorKind::Usage,
        };
        let base = CommandError::new(kind, error.to_string());
        match error {
            OperatorError::Interrupted { .. } => base,
            OperatorError::NobodyToAsk(question) => {
                base.detail("question", question.to_string()).hint("--yes confirms without a question")
            }
            OperatorError::FrontEnd { error, .. } => error.downcast().map_or(base, |own| *own),
        }
    }
}
