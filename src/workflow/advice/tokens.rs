//! Procedures that start from a list that a token signs.

use super::super::next::ListOption::{AddToken, Force, Out, Profile, RemoveToken, Signer};
use super::{PUBLISH, Procedure, RESTART, Situation, Step, every_class, names};
use crate::phone::Vouch;
use crate::trustlist::{Function, Record};

/// The first of two lists.
const STEP_1: &str = "CTLFile.step1.tlv";

impl Situation<'_> {
    pub(super) fn lost_token(&self) -> Procedure {
        let tokens = self.tokens();
        let (first, signer) = match tokens[..] {
            [] | [_] => (
                "the list names one token: if that is the lost one, see all-tokens-lost".to_owned(),
                tokens.first().map(|left| left.short_name()).unwrap_or_default(),
            ),
            _ => (format!("sign with the one that is left of {}", names(&tokens)), "LEFT".to_owned()),
        };
        let mut steps = vec![Step::act(first)];
        steps.extend(tokens.first().map(|left| {
            Step::act("add the new token and take out the lost one, in one list")
                .by(Self::update(
                    self.file,
                    [Signer(signer), AddToken("NEW".into()), RemoveToken("LOST".into())],
                ))
                .phones(self.signed_by(left, &Vouch::NotAsked))
        }));
        steps.push(Step::act(PUBLISH));
        Procedure::open("lost-token", "one token is lost or locked, another one of the list is here", steps)
    }

    pub(super) fn all_tokens_lost(&self) -> Procedure {
        let mut all_new = vec![Signer("NEW".into())];
        all_new.extend(self.tokens().iter().map(|lost| RemoveToken(lost.short_name())));
        all_new.push(Force);
        let steps = match self.tokenless_signer().filter(|_| self.has_utils_ctl()) {
            Some(server) => vec![
                Step::act(format!(
                    "the list names {} as SAST: `utils ctl update CTLFile` on the publisher signs with a key that \
                     phones know, and the cluster is tokenless; then go back to tokens over the bridge",
                    names(&self.recovery())
                ))
                .phones(self.signed_by(server, &Vouch::NotAsked)),
                Step::act(RESTART),
                self.look_at_signer(),
            ],
            None => vec![
                Self::upload(),
                Step::act(
                    "make a list with the new tokens; it is forced, since nothing in force vouches for it",
                )
                .by(Self::update(self.file, all_new))
                .phones(self.signed_by_stranger(&Vouch::Uploaded)),
                Step::act(
                    "phones that refuse keep their old list: it must be deleted on each of them by hand",
                ),
                Step::act(PUBLISH),
            ],
        };
        let what = "no token of the list is left: all are lost or locked";
        Procedure::open("all-tokens-lost", what, steps)
    }

    pub(super) fn to_hsm(&self) -> Procedure {
        let signer = self.old.signer();
        let (first, name) = (self.signed_by(signer, &Vouch::NotAsked), signer.short_name());
        let steps = vec![
            Step::act("first list: the HSM becomes SAST, a token of the list in force signs")
                .by(Self::update(
                    self.file,
                    [Signer(name.clone()), AddToken("HSM.cer".into()), Out(STEP_1.into())],
                ))
                .phones(first),
            Step::act(format!("{PUBLISH}; go on when every phone holds it")),
            Step::act(
                "second list: the HSM signs, the tokens leave (keep one as the spare, or a second HSM)",
            )
            .by(Self::update(STEP_1, [Profile("HSM".into()), Signer("HSM".into()), RemoveToken(name)]))
            .phones(every_class("accept: the HSM is in the CTL that they hold")),
            Step::act(PUBLISH),
        ];
        let what = "from RSA 1024 tokens to a 2048-bit HSM, in two lists, so that phones follow";
        Procedure::open("to-hsm", what, steps)
    }

    /// The SAST record of the server whose key signs the tokenless list: ITLRecovery's from 12.0 on, CallManager's before.
    fn tokenless_signer(&self) -> Option<&Record> {
        let of_release = |r: &&Record| self.number.is_none_or(|n| r.is_itl_recovery() == (n >= (12, 0)));
        self.recovery().into_iter().find(of_release)
    }

    pub(super) fn to_tokenless(&self) -> Procedure {
        let update = "`utils ctl update CTLFile` on the publisher";
        let mut steps = match self.tokenless_signer() {
            Some(server) => vec![
                Step::act(format!(
                    "the list names {} as SAST: {update} signs with a key that phones know",
                    names(&self.recovery())
                ))
                .phones(self.signed_by(server, &Vouch::NotAsked)),
            ],
            None if self.number.is_some_and(|number| number >= (12, 0)) => vec![
                Step::act(
                    "first: phones hold a token-signed list with the ITLRecovery and CallManager SAST records, as 12.0 and \
                     later write it; this list does not name the server that would sign",
                ),
                Step::act(format!("then: {update}")),
            ],
            None => {
                let first = "from 12.0 on only once phones hold a token-signed list with the ITLRecovery and CallManager \
                             SAST records";
                let act =
                    if self.number.is_some() { update.to_owned() } else { format!("{update}; {first}") };
                // The publisher's TVS knows the certificates of its own cluster without an upload (118893).
                let is_callmanager = |r: &&Record| r.function() == Function::CCM_TFTP && !r.is_emptied();
                let callmanager = self.old.list().records().iter().find(is_callmanager);
                let phones = callmanager.map(|r| self.signed_by(r, &Vouch::Uploaded)).unwrap_or_default();
                vec![Step::act(act).phones(phones)]
            }
        };
        steps.push(Step::act("never regenerate the CallManager and TVS certificates together"));
        steps.extend([Step::act(RESTART), self.look_at_signer()]);
        self.by_utils_ctl("to-tokenless", "from tokens back to tokenless", steps)
    }
}
