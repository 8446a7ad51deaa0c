//! Procedures that start from a list that a token signs.

use super::super::next::ListOption::{AddToken, Force, Out, Profile, RemoveToken, Signer};
use super::super::next::Next;
use super::{PUBLISH, Procedure, RESTART, Situation, Step, by, every_class, names, procedure, step};
use crate::phone::TvsStatus;
use crate::trustlist::{Function, Record};

/// The first of two lists.
const STEP_1: &str = "CTLFile.step1.tlv";

/// The command that makes the tokenless list.
const UPDATE: &str = "`utils ctl update CTLFile` on the publisher";

impl Situation<'_> {
    pub(super) fn lost_token(&self) -> Procedure {
        let tokens = self.tokens();
        let (first, signer) = match tokens[..] {
            [] | [_] => (
                "the list contains only one token: if this token is lost, see all-tokens-lost".to_owned(),
                names(&tokens),
            ),
            _ => (format!("sign with the token that you still have: {}", names(&tokens)), "LEFT".to_owned()),
        };
        let options = [Signer(signer), AddToken("NEW".into()), RemoveToken("LOST".into())];
        let next = Self::update(self.file, options);
        let phones = self.phones(tokens.first().copied(), &TvsStatus::NotAsked);
        let act = "add the new token and remove the lost one, in one list";
        let steps = vec![step(first), by(next, act, phones), step(PUBLISH)];
        procedure("lost-token", "one token is lost or locked, and you have another token of the list", steps)
    }

    pub(super) fn all_tokens_lost(&self) -> Procedure {
        let mut options = vec![Signer("NEW".into())];
        options.extend(self.tokens().iter().map(|lost| RemoveToken(lost.short_name())));
        options.push(Force);
        let forced = "make a list with the new tokens; it must be forced, since no list in force contains the new \
            signer";
        let delete = "phones that refuse keep their old list: delete it by hand on each of them";
        let tokenless = ", and the cluster is tokenless; then go back to tokens over the bridge";
        let steps = match self.tokenless_signer().filter(|_| self.has_utils_ctl()) {
            Some(server) => vec![self.known_server(server, tokenless), step(RESTART), self.look_at_signer()],
            None => vec![
                Self::upload(),
                by(Self::update(self.file, options), forced, self.phones(None, &TvsStatus::Uploaded)),
                step(delete),
                step(PUBLISH),
            ],
        };
        procedure("all-tokens-lost", "all tokens of the list are lost or locked", steps)
    }

    pub(super) fn to_hsm(&self) -> Procedure {
        let signer = self.old.signer();
        let name = signer.short_name();
        let first = [Signer(name.clone()), AddToken("HSM.cer".into()), Out(STEP_1.into())];
        let second = [Profile("HSM".into()), Signer("HSM".into()), RemoveToken(name)];
        let join = "first list: add the HSM as SAST; a token of the list in force signs";
        let leave =
            "second list: the HSM signs, the tokens are removed (keep one as the spare, or use a second HSM)";
        let accept = every_class("the HSM is in the phone's CTL");
        let steps = vec![
            by(Self::update(self.file, first), join, self.phones(Some(signer), &TvsStatus::NotAsked)),
            step(format!("{PUBLISH}; continue when every phone has it")),
            by(Self::update(STEP_1, second), leave, accept),
            step(PUBLISH),
        ];
        let what = "from RSA 1024 tokens to a 2048-bit HSM, in two lists, so that phones accept both";
        procedure("to-hsm", what, steps)
    }

    /// SAST records of servers, whose keys may sign a later tokenless list.
    fn recovery(&self) -> Vec<&Record> {
        self.old.list().sasts().filter(|r| !r.is_token()).collect()
    }

    /// The SAST record of the server whose key signs the tokenless list: ITLRecovery's from 12.0 on, CallManager's before.
    fn tokenless_signer(&self) -> Option<&Record> {
        let of_release = |r: &&Record| self.number.is_none_or(|n| r.is_itl_recovery() == (n >= (12, 0)));
        self.recovery().into_iter().find(of_release)
    }

    /// The step in which the tokenless list is signed by a server that is in the list in force.
    fn known_server(&self, server: &Record, then: &str) -> Step {
        let servers = names(&self.recovery());
        let act =
            format!("the list contains {servers} as SAST: {UPDATE} signs with a key that phones know{then}");
        Step { phones: self.phones(Some(server), &TvsStatus::NotAsked), ..step(act) }
    }

    /// The end of Cisco's own procedure: in the field, the signer was sometimes another one.
    fn look_at_signer(&self) -> Step {
        let signer = match self.number {
            Some(number) if number >= (12, 0) => "ITLRecovery",
            Some(_) => "CCM+TFTP",
            None => "CCM+TFTP; from 12.0 on ITLRecovery",
        };
        let act = format!(
            "check before you reset the phones: the signer must be the publisher's own certificate ({signer}), \
             and the list must contain no token; if not, go back to the token-signed list and repeat; if so, reset the phones"
        );
        by(Next::ShowClusterStatus, act, vec![])
    }

    pub(super) fn to_tokenless(&self) -> Procedure {
        const RECORDS: &str =
            "phones have a token-signed list with the ITLRecovery and CallManager SAST records";
        let mut steps = match self.tokenless_signer() {
            Some(server) => vec![self.known_server(server, "")],
            None if self.number.is_some_and(|number| number >= (12, 0)) => vec![
                step(format!(
                    "first: {RECORDS}, as 12.0 and later write it; this list does not contain the server that \
                     would sign"
                )),
                step(format!("then: {UPDATE}")),
            ],
            None => {
                let first = format!("{UPDATE}; from 12.0 on only after {RECORDS}");
                let act = if self.number.is_some() { UPDATE.to_owned() } else { first };
                // The publisher's TVS knows the certificates of its own cluster without an upload (118893).
                let is_callmanager = |r: &&Record| r.function() == Function::CCM_TFTP && !r.is_emptied();
                let callmanager = self.old.list().records().iter().find(is_callmanager);
                let phones =
                    callmanager.map(|r| self.phones(Some(r), &TvsStatus::Uploaded)).unwrap_or_default();
                vec![Step { phones, ..step(act) }]
            }
        };
        steps.push(step("never regenerate the CallManager and TVS certificates together"));
        steps.extend([step(RESTART), self.look_at_signer()]);
        self.by_utils_ctl("to-tokenless", "from tokens back to tokenless", steps)
    }
}
