//! The reasons for a phone's decision.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::trustlist::{Function, ListKind, PHONE_LIMIT_BYTES};

/// One step of a phone's search. The facts are in `docs/phones.md`. In JSON it is words; `Reason::serialize` gives its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words of each are below")]
pub enum Reason {
    TooLarge { bytes: usize },
    HoldsNothing,
    EmptiedItl,
    EmptiedItlAndCtl { is_itl: bool },
    HoldsNoItl,
    KnowsNoItl,
    Knows { list: ListKind, record: usize, name: String, function: Function },
    OtherKey { list: ListKind, record: usize, name: String },
    NoKeyToCompare { list: ListKind, record: usize, name: String },
    OtherRole { list: ListKind, record: usize, name: String, function: Function, needed: &'static [Function] },
    TokenAlone { record: usize, name: String },
    NotIn { list: ListKind, name: String, needed: &'static [Function] },
    ItlNotShown { token: bool },
    NoTvsRecord,
    CannotAskTvs,
    TvsRenewedToo { name: String },
    TvsStays { names: Vec<String> },
    TvsDoesNotFindTheSpelling { name: String },
    TvsNotAsked { name: String, token: bool },
    TvsUploaded { name: String },
    TvsNotUploaded { name: String },
    TvsValid { server: String, roles: Vec<Function> },
    TvsOtherRole { server: String, roles: Vec<Function> },
    TvsUnchecked { server: String },
    TvsOtherCertificate { servers: Vec<String>, left: usize },
    TvsInvalid { server: String },
    TvsNoAnswer { server: String, why: String },
    TvsDisagree { valid: String, invalid: String },
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The names of roles.
pub(super) fn names(functions: &[Function], between: &str) -> String {
    functions.iter().map(Function::to_string).collect::<Vec<_>>().join(between)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooLarge { bytes } => {
                write!(f, "the list has {bytes} bytes: phones do not load one over {PHONE_LIMIT_BYTES}")
            }
            Reason::HoldsNothing => write!(f, "it has no CTL and no ITL: it accepts the first list blindly"),
            Reason::EmptiedItl => {
                write!(f, "its ITL was emptied for a rollback: it accepts the next list blindly")
            }
            Reason::EmptiedItlAndCtl { is_itl: false } => {
                write!(f, "its ITL was emptied for a rollback, but not its CTL: the CTL decides")
            }
            Reason::EmptiedItlAndCtl { is_itl: true } => write!(
                f,
                "its ITL was emptied for a rollback, and it has a CTL: no public source says which of the two decides \
                 about the next ITL"
            ),
            Reason::TokenAlone { record, name } => write!(
                f,
                "its CTL contains {name} only as SAST, a token (record {record}): no public source says \
                 whether that is enough for an ITL, without a CCM+TFTP record"
            ),
            Reason::HoldsNoItl => write!(f, "it has no ITL, so it can ask no TVS"),
            Reason::KnowsNoItl => write!(f, "these phones do not load ITL files"),
            Reason::Knows { list, record, name, function } => {
                write!(f, "its {} contains {name} as {function} (record {record})", list.label())
            }
            Reason::OtherKey { list, record, name } => write!(
                f,
                "its {} contains {name} by issuer and serial (record {record}), but with another key: the \
                 signature does not match",
                list.label()
            ),
            Reason::NoKeyToCompare { list, record, name } => write!(
                f,
                "its {} contains {name} (record {record}), but without a key that can be compared",
                list.label()
            ),
            Reason::OtherRole { list, record, name, function, needed } => write!(
                f,
                "its {} contains {name} only as {function} (record {record}), not as {}",
                list.label(),
                names(needed, " or ")
            ),
            Reason::NotIn { list, name, needed } => write!(
                f,
                "its {} contains no {} record of {name} (issuer and serial)",
                list.label(),
                names(needed, " or ")
            ),
            Reason::ItlNotShown { token: true } => {
                write!(f, "its ITL is not known here; no ITL contains a token, and every ITL contains a TVS")
            }
            Reason::ItlNotShown { token: false } => {
                write!(f, "its ITL is not known here: it may contain the signer")
            }
            Reason::NoTvsRecord => write!(f, "its ITL has no TVS record, so it can ask no TVS"),
            Reason::TvsRenewedToo { name } => write!(
                f,
                "the new ITL contains none of the TVS certificates in the phone's ITL: {name} and TVS were both \
                 renewed, and it can authenticate neither (unless a TVS still uses one of them, like the TVS of the old cluster \
                 when phones move)"
            ),
            Reason::TvsStays { names } => {
                write!(
                    f,
                    "of the TVS of its ITL only {} is in the new ITL: it must ask that one",
                    names.join(", ")
                )
            }
            Reason::CannotAskTvs => write!(f, "these phones do not ask TVS"),
            Reason::TvsDoesNotFindTheSpelling { name } => write!(
                f,
                "TVS does not find {name} as the list spells it: TVS knows only Cisco's own tokens by a reversed serial"
            ),
            Reason::TvsNotAsked { name, .. } => {
                write!(f, "TVS was not asked whether it knows {name}")
            }
            Reason::TvsUploaded { name } => {
                write!(f, "TVS knows {name}, if its certificate is uploaded as stated")
            }
            Reason::TvsNotUploaded { name } => {
                write!(f, "{name} is not among the certificates that are uploaded as stated")
            }
            Reason::TvsValid { server, roles } => {
                write!(f, "TVS on {server} says valid, as {}", names(roles, ", "))
            }
            Reason::TvsOtherRole { server, roles } if roles.is_empty() => write!(
                f,
                "TVS on {server} says valid, without naming roles: no public source says whether that is enough"
            ),
            Reason::TvsOtherRole { server, roles } => write!(
                f,
                "TVS on {server} says valid, but as {} and not as SAST: no public source says whether that is enough",
                names(roles, ", ")
            ),
            Reason::TvsUnchecked { server } => write!(
                f,
                "TVS on {server} says valid, but it was not checked whether phones can authenticate this server: give \
                 their ITL"
            ),
            Reason::TvsOtherCertificate { servers, left: 0 } => write!(
                f,
                "TVS on {} shows a certificate that is in no TVS record of its ITL: the phone cannot authenticate this \
                 server, and has no other to ask",
                servers.join(", ")
            ),
            Reason::TvsOtherCertificate { servers, left } => write!(
                f,
                "TVS on {} shows a certificate that is in no TVS record of its ITL; {left} of its TVS records \
                 belong to other servers: ask each",
                servers.join(", ")
            ),
            Reason::TvsInvalid { server } => write!(f, "TVS on {server} says invalid"),
            Reason::TvsNoAnswer { server, why } => write!(f, "TVS on {server} did not answer: {why}"),
            Reason::TvsDisagree { valid, invalid } => write!(
                f,
                "the TVS of the cluster do not agree: {valid} says valid, {invalid} says invalid; a phone may ask \
                 either"
            ),
        }
    }
}
