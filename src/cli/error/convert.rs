//! From the errors of the layers below to what an operator reads: one place, so that the same thing reads the same.

use super::{CommandError, ErrorKind};
use crate::cluster::http::HttpError;
use crate::cluster::{ClusterError, ConsoleError, FetchError, NotAnAddress};
use crate::files::FileError;
use crate::phone::tvs::TvsError;
use crate::token::{LoadProblem, PinState, Sast, TokenError, TokenName};
use crate::trustlist::{BuildError, CertificateError, DecodeError, SignError, VerifyError};
use crate::workflow::PlanError;
use crate::workflow::enroll::EnrollError;
use crate::workflow::journal::{JournalReopenError, JournalWriteError};

const NOTHING_WRITTEN: &str = "nothing was written";

impl CommandError {
    /// A file that does not decode: `CTLFile.tlv is cut short: …`.
    pub fn decode(file: &str, error: &DecodeError) -> Self {
        let plain = CommandError::new(ErrorKind::File, format!("{file} {error}"));
        match error {
            DecodeError::Empty | DecodeError::CutShort { .. } => {
                plain.hint("fetch it again, in binary mode: tftp -m binary HOST -c get CTLFile.tlv")
            }
            DecodeError::NotATrustList { .. } => {
                plain.hint("a trust list is the file CTLFile.tlv or ITLFile.tlv of a TFTP node, as it is")
            }
            DecodeError::NotAList { .. } => {
                plain.hint("sastctl ctl verify FILE --signer CERT checks such a file")
            }
            _ => plain,
        }
    }

    /// A file that is not a certificate.
    pub fn certificate(file: &str, error: &CertificateError) -> Self {
        CommandError::new(ErrorKind::File, format!("{file} holds no certificate: {error}"))
            .hint("a certificate is a DER or PEM file; CUCM exports both from OS Administration")
    }

    /// A list in force whose signature is not good: nothing is built on it.
    pub fn not_verified(file: &str, error: &VerifyError) -> Self {
        CommandError::new(ErrorKind::No, format!("{file} is not verified: {error}"))
            .detail("", NOTHING_WRITTEN)
            .hint(
                "phones would not take this file either; fetch the list that is in force from the TFTP node",
            )
    }

    /// A token that did not sign, in the words of the certificate that was to sign.
    pub fn not_signed(sast: &Sast, error: TokenError) -> Self {
        let mut converted = CommandError::from(error);
        converted.message = format!("{} did not sign: {}", sast.certificate().sast_name(), converted.message);
        converted.details.push((String::new(), NOTHING_WRITTEN.to_owned()));
        converted
    }

    /// The same error, when some files of a batch were written before it.
    #[must_use]
    pub fn after(mut self, written: usize) -> Self {
        if written > 0 {
            let files = if written == 1 { "file was".to_owned() } else { format!("{written} files were") };
            let truth = format!("the first {files} written, the others were not");
            self.message = self.message.replace(NOTHING_WRITTEN, &truth);
            self.details.retain(|(_, fact)| fact != NOTHING_WRITTEN);
            self.details.push((String::new(), truth));
        }
        self
    }

    fn token(self, token: &TokenName) -> Self {
        self.detail("token", token.to_string())
    }
}

impl From<TokenError> for CommandError {
    fn from(error: TokenError) -> Self {
        let base = CommandError::new(ErrorKind::Token, error.to_string());
        match error {
            TokenError::UnknownProfile { known, .. } => {
                let mut base =
                    base.hint(format!("the profiles are {}; a file is named by its path", known.join(", ")));
                base.kind = ErrorKind::Usage;
                base
            }
            TokenError::BadProfile { .. } => {
                let mut base = base.hint("sastctl profile show safenet-etoken prints one that is right");
                base.kind = ErrorKind::File;
                base
            }
            TokenError::InsecureProfile { .. } => base
                .hint("take the right to write from others: chmod go-w; it names the library that gets the PIN")
                .hint("--allow-insecure-module uses it all the same"),
            TokenError::NoModule { tried, unset, .. } => {
                let insecure = tried.iter().any(|(_, why)| matches!(why, LoadProblem::OthersMayWrite(_)));
                let base = if insecure {
                    base.hint("take the right to write from others: chmod go-w")
                        .hint("--allow-insecure-module loads it all the same")
                } else {
                    base
                };
                let base = tried
                    .iter()
                    .fold(base, |e, (path, why)| e.detail("", format!("{}: {why}", path.display())));
                let base = unset.iter().fold(base, |e, variable| e.detail("not set", variable.clone()));
                base.hint("install the HSM's client software, or name its library with --module PATH")
            }
            TokenError::NothingInstalled { profiles } => base
                .detail("profiles", profiles.join(", "))
                .hint("install the token's software (SafeNet Authentication Client for eTokens)")
                .hint("or name its PKCS#11 library with --module PATH"),
            TokenError::Call { code, token, .. } => {
                let base = token.iter().fold(base, CommandError::token);
                base.hint(advice(&code))
            }
            TokenError::NoToken { module, slots } => base
                .detail("module", module.display().to_string())
                .detail("slots", if slots == 0 { "none".to_owned() } else { format!("{slots}, all empty") })
                .hint("insert a token and wait for its light; then sastctl token list"),
            TokenError::NoMatch { tokens, .. } => tokens
                .iter()
                .fold(base, |e, token| e.detail("there is", token.clone()))
                .hint("name a token by SAST name, label, serial number or pkcs11: URI"),
            TokenError::Ambiguous { tokens, .. } => match tokens.iter().find(|serial| !serial.is_empty()) {
                Some(serial) => base.hint(format!("name one: --token {serial}")),
                None => base.hint("name one by its SAST name: --token SAST-ADN…"),
            },
            TokenError::NoCertificate { token } => {
                base.token(&token).hint("sastctl token show lists what is on it; is it the right token?")
            }
            TokenError::UnreadableCertificate { token, .. } => base
                .token(&token)
                .hint("take the token out, insert it, and try again; sastctl token show lists what is on it"),
            TokenError::AmbiguousCertificate { token, names } => {
                let hint = names.first().map(|name| format!("name one: --token {name}")).unwrap_or_default();
                base.token(&token).detail("they are", names.join(", ")).hint(hint)
            }
            TokenError::NoKey { token, .. } => base
                .token(&token)
                .hint("the certificate was copied here without its key; use the token that made the key"),
            TokenError::CannotMakeKey { token, .. } => base
                .token(&token)
                .hint("sastctl token show lists its mechanisms, sastctl profile show what is known of the module"),
            TokenError::BadKey { token, .. } => base
                .token(&token)
                .detail("", "the key was destroyed again")
                .hint("a key that can be read out is not a SAST key; use another HSM"),
            TokenError::AlreadyThere { token, .. } => {
                base.token(&token).hint("nothing was changed; sastctl cert list shows it")
            }
            TokenError::NoMechanism { token, .. } => {
                base.token(&token).hint("--digest sha1 is what every SAST token can")
            }
            TokenError::NoRoomForPin { token, .. } => base
                .token(&token)
                .hint("sastctl token show lists its mechanisms; another --digest may be among them"),
            TokenError::SoPinIncorrect { token, state, .. } => base
                .token(&token)
                .detail("tries", tries(state))
                .hint("check it before you run this again; some tokens are destroyed when its tries run out"),
            TokenError::SoPinLocked { token } => {
                base.token(&token).hint("the token cannot be unlocked any more: sastctl help lost-tokens")
            }
            TokenError::OtherToken { token, .. } => base
                .detail("chosen", token.to_string())
                .detail("", "no PIN was tried")
                .hint("insert the token that was chosen, and run the same command again"),
            TokenError::PinStateChanged { token, .. } => {
                base.token(&token).detail("", "no PIN was tried").hint(
                    "somebody entered a wrong PIN meanwhile; sastctl token list, then run the command again",
                )
            }
            TokenError::PinIncorrect { token, state, .. } => base
                .token(&token)
                .detail("tries", tries(state))
                .hint("check the PIN, then run the same command again. The PIN is tried once per run."),
            TokenError::PinLocked { token } => base
                .token(&token)
                .hint("sign with the other token, or give it a new PIN by its administrator's: sastctl token unlock"),
            TokenError::PinNotSet { token } => {
                base.token(&token).hint("set a PIN with the token's own software")
            }
            TokenError::PinLength { token, .. } => base
                .token(&token)
                .detail("", "no try was spent")
                .hint("check the PIN, then run the same command again"),
            TokenError::PinPad { token, has } => base.token(&token).hint(if has {
                "use --pin-source pinpad"
            } else {
                "use another --pin-source: prompt, env:VAR, file:PATH or fd:N"
            }),
            TokenError::SignatureDoesNotVerify { token, why } => base
                .token(&token)
                .detail("because", why)
                .hint("the signature was thrown away; do not use this token before you know why"),
            TokenError::Busy { .. } => base.hint("wait for it, or end it, then run the same command again"),
        }
    }
}

/// What the token says about the tries that are left, as it stood before this one.
fn tries(state: PinState) -> &'static str {
    match state {
        PinState::Ok => "it locks for good after too many wrong PINs in a row; a right one resets the count",
        PinState::Low => "the token says few are left; it locks for good when they run out",
        PinState::LastTry => "that was the last one",
        PinState::Locked | PinState::NotSet | PinState::Unknown => "the token does not say how many are left",
    }
}

/// What to do about a return code.
fn advice(code: &str) -> &'static str {
    match code {
        "CKR_TOKEN_NOT_PRESENT"
        | "CKR_DEVICE_REMOVED"
        | "CKR_SESSION_HANDLE_INVALID"
        | "CKR_SESSION_CLOSED" => {
            "the token was taken out: insert it, wait for its light, and run the same command again"
        }
        "CKR_DEVICE_ERROR" => "take the token out and insert it again; another program may be using it",
        "CKR_DEVICE_MEMORY" | "CKR_HOST_MEMORY" => "the token or the system is out of memory",
        "CKR_GENERAL_ERROR" | "CKR_FUNCTION_FAILED" => {
            "the module gave no reason; its own log may, and sastctl doctor looks at what it needs"
        }
        "CKR_PIN_EXPIRED" => "set a new PIN: sastctl token change-pin",
        "CKR_PIN_LEN_RANGE" => {
            "the token takes no PIN of this length; sastctl token show says which it takes"
        }
        "CKR_FUNCTION_CANCELED" | "CKR_CANCEL" => "the PIN entry was cancelled on the reader",
        "CKR_MECHANISM_INVALID" | "CKR_MECHANISM_PARAM_INVALID" => {
            "the token does not sign this way; --digest sha1 is what every SAST token can"
        }
        "CKR_KEY_FUNCTION_NOT_PERMITTED" | "CKR_KEY_TYPE_INCONSISTENT" | "CKR_KEY_SIZE_RANGE" => {
            "the key may not sign, or not this way; is it the key of a SAST token?"
        }
        "CKR_USER_ANOTHER_ALREADY_LOGGED_IN" => {
            "the administrator is logged in to the token: end the program that is, and run the command again"
        }
        "CKR_SESSION_COUNT" | "CKR_SESSION_EXISTS" | "CKR_OPERATION_ACTIVE" => {
            "end other programs that use the token, and run the same command again"
        }
        "CKR_TOKEN_NOT_RECOGNIZED" => "the module does not know this kind of token; another --profile may",
        "CKR_FUNCTION_NOT_SUPPORTED" => "the module cannot do this; its maker's own software may",
        _ => "take the token out, insert it, and run the same command again; if it stays: sastctl doctor",
    }
}

impl CommandError {
    /// What to do about a TVS that could not be asked.
    #[must_use]
    pub fn tvs_hint(self, error: &TvsError) -> Self {
        match error {
            TvsError::OldTls { .. } => {
                self.hint("--legacy-tls speaks TLS 1.0 and takes weak keys, as nodes of the 7900 era need")
            }
            TvsError::OtherCertificate { .. } => self.hint(
                "phones would not speak with it: fetch the ITL again, or look who answers on that address",
            ),
            TvsError::Connect { .. } | TvsError::Timeout { .. } => {
                self.hint("TVS listens on TCP 2445; is Cisco Trust Verification Service started there?")
            }
            _ => self,
        }
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
        let kind = match error {
            EnrollError::Name { .. } | EnrollError::Validity { .. } => ErrorKind::Usage,
            EnrollError::Builder(_) => ErrorKind::File,
        };
        CommandError::new(kind, error.to_string()).detail("", "no key was kept")
    }
}

impl From<NotAnAddress> for CommandError {
    fn from(error: NotAnAddress) -> Self {
        CommandError::new(ErrorKind::Usage, error.to_string())
    }
}

impl From<ConsoleError> for CommandError {
    fn from(error: ConsoleError) -> Self {
        let base = CommandError::new(ErrorKind::Network, error.to_string());
        match error {
            ConsoleError::OldAlgorithms { .. } => {
                base.hint("--legacy-ssh takes them: SHA-1 key exchange, ssh-rsa, CBC ciphers")
            }
            ConsoleError::UnknownHostKey { fingerprint, .. } => base
                .hint("compare it with what the node shows on its console")
                .hint(format!("then: --host-key {fingerprint}")),
            ConsoleError::ChangedHostKey { line, .. } => base
                .detail("", "somebody may be in between; nothing was sent")
                .hint(format!("if the node was installed again, take line {line} out of known_hosts")),
            ConsoleError::LoginRefused { .. } => {
                base.hint("the password was tried once; check user (--user) and password")
            }
            ConsoleError::Connect { .. } | ConsoleError::Closed { .. } | ConsoleError::Broken { .. } => base,
        }
    }
}

impl From<ClusterError> for CommandError {
    fn from(error: ClusterError) -> Self {
        let base = CommandError::new(ErrorKind::Network, error.to_string()).caused_by_sources(&error);
        match error {
            ClusterError::Console(e) => e.into(),
            ClusterError::CutOff { .. } => {
                base.hint("look at the node before you repeat it: sastctl cluster status")
            }
            ClusterError::NotUnderstood { .. } => base.hint(
                "nothing of this was tried on every release: do this step by hand; -vv shows the dialogue",
            ),
            _ => base,
        }
    }
}

impl From<FetchError> for CommandError {
    fn from(error: FetchError) -> Self {
        CommandError::new(ErrorKind::Network, format!("{} did not come from {}", error.file, error.host))
            .detail("TFTP", error.tftp.to_string())
            .detail("HTTP", error.http.to_string())
            .hint("is Cisco Tftp started there, and is UDP 69 or TCP 6970 open from here?")
    }
}

impl From<HttpError> for CommandError {
    fn from(error: HttpError) -> Self {
        let base = CommandError::new(ErrorKind::Network, error.to_string());
        match error {
            HttpError::NotTrusted { .. } => base.detail("", "nothing was sent"),
            HttpError::Reach { .. } => {
                base.hint("a node's own certificate is known by no authority: --tls-fingerprint SHA256")
            }
            _ => base,
        }
    }
}

impl From<JournalWriteError> for CommandError {
    fn from(error: JournalWriteError) -> Self {
        CommandError::new(ErrorKind::File, error.to_string())
            .caused_by_sources(&error)
            .detail("", "a run that signs keeps a journal")
            .hint("name a folder that can be written: --journal DIR")
    }
}

impl From<JournalReopenError> for CommandError {
    fn from(error: JournalReopenError) -> Self {
        match error {
            JournalReopenError::Io(e) => e.into(),
            e => CommandError::new(ErrorKind::No, e.to_string()).hint("begin a new run, without --resume"),
        }
    }
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        let base = CommandError::new(ErrorKind::File, error.to_string());
        match &error {
            FileError::Exists { .. } => base.hint("--force replaces it and keeps the old one as NAME.bak"),
            FileError::Write { .. } => base.detail("", "what was there before still is"),
            FileError::IsFolder { path } => {
                let inside = path.join("CTLFile.new.tlv");
                base.hint(format!("name a file in it: --out {}", inside.display()))
            }
            FileError::Read { .. } | FileError::TooLarge { .. } => base,
        }
    }
}

impl From<PlanError> for CommandError {
    fn from(error: PlanError) -> Self {
        let base = CommandError::new(ErrorKind::No, error.to_string());
        match error {
            PlanError::NotVerified(_) | PlanError::NothingToDo => base,
            PlanError::AlreadyTokenSigned { .. } => base
                .hint("sastctl ctl update changes a list that tokens signed")
                .hint("ways through: lost-token, to-hsm, to-tokenless: sastctl ctl ways FILE"),
            PlanError::NotACtl => base.hint("name the file CTLFile.tlv"),
            PlanError::OneToken { .. } => base
                .hint("name the other token: --spare SAST-ADN… or --spare FILE.cer if it is not inserted")
                .hint("--single-token goes on with one; when it is lost, no later list can be signed"),
            PlanError::TokenTwice { .. } => {
                base.hint("the spare must be another token than the one that signs")
            }
            PlanError::TokenAlreadyInList { .. } => base,
            PlanError::Changed { .. } => {
                base.detail("", NOTHING_WRITTEN).hint("this is a fault of the program: report it")
            }
            PlanError::RemovesLastSast { .. } => {
                base.hint("add another token first: --add-token, signed by the one that is there")
            }
            PlanError::SignerNotInForce { signer, known } => base
                .detail("token", signer)
                .detail("", format!("the list in force knows {}", known.join(" and ")))
                .hint("insert one of these, or, if they are lost: sastctl help lost-tokens")
                .hint("ways through: lost-token, all-tokens-lost, to-hsm: sastctl ctl ways FILE")
                .hint(
                    "--force signs all the same; phones then take the list only if TVS vouches for the token",
                ),
            PlanError::RemovesSigner { .. } => base
                .hint("sign with the token that stays: --token")
                .hint("ways through: lost-token: sastctl ctl ways FILE lost-token"),
            PlanError::NoMatch { there_are, .. } => base.detail("there are", there_are.join(", ")),
            PlanError::Ambiguous { matches, .. } => {
                matches.iter().fold(base, |e, m| e.detail("", m.clone())).hint("name it by its serial number")
            }
            PlanError::ServerAlreadyInList { .. } => {
                base.hint("--refresh ADDRESS=CERT renews its certificate; --remove-server takes it out")
            }
            PlanError::NeedsCertificate { address } => {
                base.hint(format!("name it: --refresh {address}=CERTFILE, for every CCM+TFTP record"))
            }
            PlanError::Build(e) => CommandError::from(e),
        }
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        let base = CommandError::new(ErrorKind::File, error.to_string());
        match error {
            BuildError::SignerNotInList { .. } => {
                base.hint("add the token first, signed by one that is in the list")
            }
            _ => base,
        }
    }
}

impl From<SignError<TokenError>> for CommandError {
    fn from(error: SignError<TokenError>) -> Self {
        match error {
            SignError::Build(e) => e.into(),
            SignError::Signer(e) => {
                let mut converted = CommandError::from(e);
                converted.details.push((String::new(), NOTHING_WRITTEN.to_owned()));
                converted
            }
            SignError::NotVerified(_) | SignError::NotDecoded(_) => {
                CommandError::new(ErrorKind::Token, error.to_string())
                    .caused_by(&error)
                    .detail("", NOTHING_WRITTEN)
                    .hint("do not use this token before you know why")
            }
        }
    }
}
