//! Converts the errors of the layers below into messages. One place, so that the same problem has the same text everywhere.

use super::{CommandError, ErrorKind};
use crate::cluster::http::HttpError;
use crate::cluster::{ClusterError, ConsoleError, FetchError};
use crate::files::FileError;
use crate::phone::tvs::TvsError;
use crate::token::TokenError;
use crate::trustlist::{BuildError, SignError};
use crate::workflow::config::ConfigError;
use crate::workflow::enroll::EnrollError;
use crate::workflow::journal::{JournalReopenError, JournalWriteError};
use crate::workflow::{InForce, OperatorError, PlanError, WorkError};

const NO_KEY: &str = "no key was made and nothing was written";

impl CommandError {
    /// What to do about a TVS that could not be asked.
    pub fn tvs_hint(self, error: &TvsError) -> Self {
        let hint = match error {
            TvsError::OldTls { .. } => {
                "--legacy-tls uses TLS 1.0 and accepts weak keys, for nodes of the 7900 era"
            }
            TvsError::OtherCertificate { .. } => {
                "phones would not connect to it: fetch the ITL again, or check which host answers at that address"
            }
            TvsError::NoAnswerToQuery { .. } => {
                "try --tvs-ask verify, the request that phones send about a server and that every TVS supports; \
                 check that Cisco Trust Verification Service is started there"
            }
            TvsError::Connect { .. } | TvsError::Timeout { .. } => {
                "TVS listens on TCP 2445; check that Cisco Trust Verification Service is started there"
            }
            _ => return self,
        };
        self.hint(hint)
    }
}

impl From<TvsError> for CommandError {
    fn from(error: TvsError) -> Self {
        let kind =
            if matches!(error, TvsError::NotAnAddress(_)) { ErrorKind::Usage } else { ErrorKind::Network };
        CommandError::new(kind, error.to_string()).caused_by_sources(&error).tvs_hint(&error)
    }
}

impl From<EnrollError> for CommandError {
    fn from(error: EnrollError) -> Self {
        let base = CommandError::new(ErrorKind::File, error.to_string());
        match error {
            EnrollError::Name { .. } | EnrollError::Validity { .. } => {
                base.of_kind(ErrorKind::Usage).detail("", "no key was kept")
            }
            EnrollError::Builder(_) => base.detail("", "no key was kept"),
            EnrollError::NoFolder(_) => base.detail("", NO_KEY).hint("create it, or give another file"),
            EnrollError::FileExists(_) => {
                base.detail("", NO_KEY).hint("--force replaces it; the old file is kept as NAME.bak")
            }
            EnrollError::NoRandom(_) => base.of_kind(ErrorKind::Token).caused_by_sources(&error),
        }
    }
}

impl From<ConsoleError> for CommandError {
    fn from(error: ConsoleError) -> Self {
        let base = CommandError::new(ErrorKind::Network, error.to_string());
        match error {
            ConsoleError::WithoutSsh => base
                .of_kind(ErrorKind::Usage)
                .hint("use the serial console: serial:/dev/ttyUSB0 or serial:COM3"),
            ConsoleError::PortClosed { port, .. } => base
                .hint(format!("check the address, and that SSH of the node listens on TCP {port}; another port: ssh://user@host:PORT"))
                .hint("a firewall on the way may also refuse the connection"),
            ConsoleError::NoAnswer { port, .. } => base.hint(format!(
                "check the address, that the node is switched on, and that the firewalls on the way allow TCP {port}"
            )),
            ConsoleError::NoSuchHost { source, .. } => base
                .caused_by(&source)
                .hint("check the name and the DNS servers of this computer, or give the IP address"),
            ConsoleError::NoCommonAlgorithm { old_would_do: true, .. } => {
                base.hint("--legacy-ssh also allows old algorithms: SHA-1 and CBC")
            }
            ConsoleError::RevokedHostKey { .. } => {
                base.detail("", "another host may be using that key; nothing was sent")
            }
            ConsoleError::HostCertificate { .. } => base.detail("", "nothing was sent"),
            ConsoleError::UnknownHostKey { fingerprint, .. } => base
                .hint("compare it with what the node shows on its console")
                .hint(format!("if they are the same, run the command again with --host-key {fingerprint}")),
            ConsoleError::ChangedHostKey { line, .. } => base
                .detail("", "another host may be intercepting the connection; nothing was sent")
                .hint(format!("if the node was reinstalled, remove line {line} from known_hosts")),
            ConsoleError::LoginRefused { .. } => {
                base.hint("the password was tried once; check user (--user) and password")
            }
            ConsoleError::Asked { .. } => base.hint(
                "log in by hand once and answer the question, then run the command again: sastctl cluster \
                    console",
            ),
            _ => base,
        }
    }
}

impl From<ClusterError> for CommandError {
    fn from(error: ClusterError) -> Self {
        let base = CommandError::new(ErrorKind::Network, error.to_string()).caused_by_sources(&error);
        match error {
            ClusterError::Console(e) => e.into(),
            ClusterError::File(e) => e.into(),
            ClusterError::NoAnswer(own) => own.downcast::<OperatorError>().map_or(base, |own| (*own).into()),
            ClusterError::Fetch(e) => e.into(),
            ClusterError::DumpNotVerified { .. } => {
                base.hint("`file get tftp` on the node copies the file to an SFTP server")
            }
            ClusterError::NoFolder { .. } => base.of_kind(ErrorKind::File),
            ClusterError::OtherNode { nodes, .. } => base
                .of_kind(ErrorKind::Usage)
                .detail("there are", nodes.join(", "))
                .hint("write --tftp-root NODE=DIR with a node name of the cluster, or --tftp-root DIR for all nodes"),
            ClusterError::SerialLine { .. } => base.of_kind(ErrorKind::Usage).hint(
                "give the address of the node: --node HOST; with --alone no shell is opened and no password is needed",
            ),
            ClusterError::NotATftpName { .. } => base
                .of_kind(ErrorKind::File)
                .detail("", "nothing was published")
                .hint("phones request only CTLFile.tlv or ITLFile.tlv; check where this list comes from"),
            ClusterError::NotServed { .. } => base.hint("check that the file is in the TFTP folder, then restart Cisco Tftp"),
            ClusterError::NotStarted { node, .. } => base.hint(format!(
                "check the service there: utils service list; then sastctl cluster restart --node {node:#} --alone"
            )),
            ClusterError::CutOff { .. } => {
                base.hint("check the node before you repeat the command: sastctl cluster status")
            }
            ClusterError::NotUnderstood { .. } => base.hint(
                "the answers differ between releases, and not all releases were tested: do this step by hand; -vv shows the dialogue",
            ),
            _ => base,
        }
    }
}

impl From<FetchError> for CommandError {
    fn from(error: FetchError) -> Self {
        CommandError::new(ErrorKind::Network, format!("{} could not be fetched from {}", error.file, error.host))
            .detail("TFTP", error.tftp.to_string())
            .detail("HTTP", error.http.to_string())
            .hint(match error.http.as_ref() {
                HttpError::Refused { status: 503, .. } => {
                    "CUCM also answers 503 if the file does not exist; if UDP 69 is open from here, TFTP shows which is the case"
                }
                _ => "check that Cisco Tftp is started there, and that UDP 69 or TCP 6970 is open from here",
            })
    }
}

impl From<HttpError> for CommandError {
    fn from(error: HttpError) -> Self {
        let base = CommandError::new(ErrorKind::Network, error.to_string());
        match error {
            HttpError::NotTrusted { .. } => base.detail("", "nothing was sent"),
            HttpError::Reach { .. } => base.hint(
                "for a self-signed certificate of a node, give its fingerprint: --tls-fingerprint SHA256",
            ),
            _ => base,
        }
    }
}

impl From<JournalWriteError> for CommandError {
    fn from(error: JournalWriteError) -> Self {
        if matches!(error, JournalWriteError::NoFolder) {
            return CommandError::usage(error.to_string()).hint("give one: --journal DIR");
        }
        CommandError::new(ErrorKind::File, error.to_string())
            .caused_by_sources(&error)
            .detail("", "every command that signs or publishes writes a journal")
            .hint("give a writable folder: --journal DIR")
    }
}

impl From<JournalReopenError> for CommandError {
    fn from(error: JournalReopenError) -> Self {
        match error {
            JournalReopenError::Io(e) => e.into(),
            e => CommandError::no(e.to_string()).hint("start a new run without --resume"),
        }
    }
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        let base = CommandError::new(ErrorKind::File, error.to_string());
        match &error {
            FileError::NotAFile { .. } => base.hint("give a plain file; --out - writes to standard output"),
            FileError::ForeignLink { .. } => base
                .hint("give the file or folder itself: only links that belong to you or root are followed"),
            FileError::Changed(_) | FileError::SourceChanged { .. } => match &error {
                FileError::Changed(_) => base.detail("", "the existing file was not changed"),
                _ => base.wrote(0),
            }
            .of_kind(ErrorKind::No)
            .hint("find out which program writes there, then run the command again"),
            FileError::NotSynced { backup, .. } => base
                .details("", backup.iter().map(|kept| format!("the old file is kept as {}", kept.display())))
                .hint("run sync, then check the file again: a power failure before that may undo the write")
                .hint("a folder that cannot be read cannot be synced: chmod u+r"),
            FileError::Exists(_) => base.hint("--force replaces it and keeps the old one as NAME.bak"),
            FileError::Write { .. } => base.detail("", "the old file was not changed"),
            FileError::IsFolder(path) => {
                let inside = path.join("CTLFile.new.tlv");
                base.hint(format!("give a file in it: --out {}", inside.display()))
            }
            FileError::Read { .. } | FileError::TooLarge { .. } => base,
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        let base = CommandError::new(ErrorKind::File, error.to_string());
        match error {
            ConfigError::File(e) => e.into(),
            ConfigError::Invalid { line, why, .. } => base.detail("", format!("line {line}: {why}")).hint(
                "the keys are profile, module, token, pin-source, timeout, color, json, verbose and quiet",
            ),
        }
    }
}

impl From<PlanError> for CommandError {
    fn from(error: PlanError) -> Self {
        let base = CommandError::no(error.to_string());
        match error {
            PlanError::NotVerified(_) | PlanError::NothingToDo | PlanError::TokenAlreadyInList { .. } => base,
            PlanError::AlreadyTokenSigned { .. } => base
                .hint("to change a token-signed list: sastctl ctl update")
                .hint("possible procedures: lost-token, to-hsm, to-tokenless: sastctl ctl ways FILE"),
            PlanError::NotACtl => base.hint("name the file CTLFile.tlv"),
            PlanError::OneToken { .. } => base
                .hint("give the other token: --spare SAST-ADN… or --spare FILE.cer if it is not inserted")
                .hint("--single-token continues with one token; if it is lost, no later list can be signed"),
            PlanError::TokenTwice { .. } | PlanError::SameKey { .. } => {
                base.hint("the spare must not be the token that signs")
            }
            PlanError::ClusterFile(source) => {
                WorkError::ClusterFile { file: "the cluster file".to_owned(), source }.into()
            }
            PlanError::ServerTwice { .. } => base.hint("remove one of these [[server]] entries"),
            PlanError::TokenAsServer { .. } => {
                base.hint("remove that [[server]]: the record of a token is made from the token")
            }
            PlanError::Changed { .. } => {
                base.wrote(0).hint("this is a bug in sastctl: report it")
            }
            PlanError::RemovesLastSast { .. } => {
                base.hint("first add another token with --add-token, and sign with the token that is in the list")
            }
            PlanError::SignerNotInForce { signer, known, by_serial, list, may_insist } => {
                let base = base
                    .detail("token", signer)
                    .detail("", format!("the list in force contains {}", known.join(" and ")));
                let by_serial = by_serial
                    .then_some("a certificate can also be selected by its serial number: --token 3F:97:…");
                let base = base.hints(by_serial.as_slice());
                let insist = match may_insist {
                    true => "--force signs although the check failed; phones then accept the list only if TVS \
                        knows the token",
                    false => "this command does not change records; sastctl ctl update adds a token",
                };
                match list {
                    InForce::Tokens => base
                        .hint("insert one of these, or, if they are lost: sastctl help lost-tokens")
                        .hint("possible procedures: lost-token, all-tokens-lost, to-hsm: sastctl ctl ways FILE")
                        .hint(insist),
                    InForce::Tokenless => base
                        .hint("the list is tokenless; to change it to tokens: sastctl revert FILE --token … --spare …")
                        .hint("possible procedures: tvs, bridge: sastctl ctl ways FILE"),
                    InForce::Itl => base.hint("the nodes of a cluster sign their ITL themselves").hint(insist),
                }
            }
            PlanError::RemovesSigner { .. } => base
                .hint("sign with a token that stays in the list: --token")
                .hint("possible procedures: lost-token: sastctl ctl ways FILE lost-token"),
            PlanError::NoMatch { what: "record", there_are, .. } => base.details("there is", there_are),
            PlanError::NoMatch { there_are, .. } => base.detail("there are", there_are.join(", ")),
            PlanError::Ambiguous { matches, what, name, .. } => {
                base.details("", matches).hint(if what == "record" {
                    let name = name.to_lowercase();
                    format!(
                        "subject and kind of key match more than one record: remove them with --remove-server {name}, then add one with --add-server {name}:CERTFILE"
                    )
                } else {
                    "select it by its serial number".to_owned()
                })
            }
            PlanError::ServerAlreadyInList { function, address } => {
                let function = function.to_lowercase();
                base.hint(format!(
                    "--refresh {function}:{address}=CERTFILE renews its certificate; --remove-server {function}:{address} removes it"
                ))
            }
            PlanError::NeedsCertificate { address } => {
                base.hint(format!("give the certificate: sastctl ctl update --refresh {address}=CERTFILE, for every CCM+TFTP \
                    record"))
                    .hint("for a first list: write mode = 'mixed' in the cluster file, and give the certificate of every server")
            }
            PlanError::ServerWithoutCertificate { .. } => base
                .hint("write certificate = 'FILE' in its [[server]]; only CCM+TFTP in non-secure mode needs none"),
            PlanError::OtherSubject { address, there_are, .. } => {
                let base = there_are.iter().fold(base, |e, (function, name)| e.detail(function.clone(), name.clone()));
                let function = there_are.first().map(|(function, _)| function.to_lowercase()).unwrap_or_default();
                base.hint(format!("if this is the new certificate of that server, replace the old one: --refresh {function}:{address}=CERTFILE"))
            }
            PlanError::Build(e) => CommandError::from(e),
        }
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        let base = CommandError::new(ErrorKind::File, error.to_string());
        match error {
            BuildError::SignerNotInList(_) => {
                base.hint("first add the token, and sign with a token that is in the list")
            }
            _ => base,
        }
    }
}

impl From<SignError<TokenError>> for CommandError {
    fn from(error: SignError<TokenError>) -> Self {
        match error {
            SignError::Build(e) => e.into(),
            SignError::Signer(e) => CommandError::from(e).wrote(0),
            _ => CommandError::new(ErrorKind::Token, error.to_string())
                .caused_by(&error)
                .wrote(0)
                .hint("do not use this token until you know why"),
        }
    }
}
