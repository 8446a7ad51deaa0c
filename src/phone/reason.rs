//! Why a phone decides as it does: one thing that it looked at, in words.

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

/// Roles, for people.
pub(super) fn names(functions: &[Function], between: &str) -> String {
    functions.iter().map(Function::to_string).collect::<Vec<_>>().join(between)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooLarge { bytes } => {
                write!(f, "the list has {bytes} bytes: phones do not load one over {PHONE_LIMIT_BYTES}")
            }
            Reason::HoldsNothing => write!(f, "it holds no CTL and no ITL: the first list is taken blindly"),
            Reason::EmptiedItl => {
                write!(f, "its ITL was emptied for a rollback: the next list is taken blindly")
            }
            Reason::EmptiedItlAndCtl { is_itl: false } => {
                write!(
                    f,
                    "its ITL was emptied for a rollback, which empties no CTL: the CTL that it holds decides"
                )
            }
            Reason::EmptiedItlAndCtl { is_itl: true } => write!(
                f,
                "its ITL was emptied for a rollback, and it holds a CTL: no public source says which of the two decides \
                 about the next ITL"
            ),
            Reason::TokenAlone { record, name } => write!(
                f,
                "the CTL that it holds knows {name} as SAST alone, a token (record {record}): no public source says \
                 whether an ITL passes by that, and not by a CCM+TFTP record"
            ),
            Reason::HoldsNoItl => write!(f, "it holds no ITL: there is no TVS that it could ask"),
            Reason::KnowsNoItl => write!(f, "these phones do not load ITL files"),
            Reason::Knows { list, record, name, function } => {
                write!(f, "the {} that it holds knows {name} as {function} (record {record})", list.label())
            }
            Reason::OtherKey { list, record, name } => write!(
                f,
                "the {} that it holds knows {name} by issuer and serial (record {record}), but with another key: the \
                 signature does not match",
                list.label()
            ),
            Reason::NoKeyToCompare { list, record, name } => write!(
                f,
                "the {} that it holds has a record for {name} (record {record}) without a key that can be compared",
                list.label()
            ),
            Reason::OtherRole { list, record, name, function, needed } => write!(
                f,
                "the {} that it holds knows {name} as {function} alone (record {record}), not as {}",
                list.label(),
                names(needed, " or ")
            ),
            Reason::NotIn { list, name, needed } => write!(
                f,
                "the {} that it holds has no {} record of {name} (issuer and serial)",
                list.label(),
                names(needed, " or ")
            ),
            Reason::ItlNotShown { token: true } => {
                write!(f, "its ITL is not known here; tokens are in no ITL, and every ITL names a TVS")
            }
            Reason::ItlNotShown { token: false } => {
                write!(f, "its ITL is not known here: it may know the signer")
            }
            Reason::NoTvsRecord => write!(f, "its ITL has no TVS record: there is no TVS that it could ask"),
            Reason::TvsRenewedToo { name } => write!(
                f,
                "the new ITL has none of the TVS certificates of the ITL that it holds: {name} and TVS were both renewed, \
                 and it can authenticate neither (unless a TVS still shows one, as that of the old cluster does where \
                 phones move)"
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
                "TVS does not find {name} as the list spells it: only Cisco's own tokens are known by a reversed serial"
            ),
            Reason::TvsNotAsked { name, .. } => {
                write!(f, "TVS was not asked whether it knows {name}")
            }
            Reason::TvsUploaded { name } => {
                write!(f, "TVS vouches for {name}, if the certificate is uploaded as said")
            }
            Reason::TvsNotUploaded { name } => {
                write!(f, "{name} is not among the certificates that TVS is said to know")
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
                "TVS on {server} says valid, and whether phones would speak with it was not checked: the ITL that they \
                 hold says so"
            ),
            Reason::TvsOtherCertificate { servers, left: 0 } => write!(
                f,
                "TVS on {} shows a certificate that is in no TVS record of its ITL: it cannot authenticate it, and has no \
                 other to ask",
                servers.join(", ")
            ),
            Reason::TvsOtherCertificate { servers, left } => write!(
                f,
                "TVS on {} shows a certificate that is in no TVS record of its ITL; {left} of its TVS records are those of \
                 others: ask each",
                servers.join(", ")
            ),
            Reason::TvsInvalid { server } => write!(f, "TVS on {server} says invalid"),
            Reason::TvsNoAnswer { server, why } => write!(f, "TVS on {server} did not answer: {why}"),
            Reason::TvsDisagree { valid, invalid } => write!(
                f,
                "the TVS of the cluster do not agree: {valid} says valid, {invalid} says invalid; a phone asks either"
            ),
        }
    }
}
