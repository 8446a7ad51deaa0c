//! The reasons for a phone's decision.

use serde::{Serialize, Serializer};

use crate::trustlist::{Function, ListKind, PHONE_LIMIT_BYTES};

/// One step of a phone's search. The facts are in `docs/phones.md`. JSON contains it as text; `Reason::serialize` gives it as a
/// value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(remote = "Self", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum Reason {
    #[error("the list has {bytes} bytes: phones do not load one over {PHONE_LIMIT_BYTES}")]
    TooLarge { bytes: usize },
    #[error("it has no CTL and no ITL: it accepts the first list blindly")]
    HoldsNothing,
    #[error("its ITL was emptied for a rollback: it accepts the next list blindly")]
    EmptiedItl,
    #[error("its ITL was emptied for a rollback, {}", match is_itl {
        false => "but not its CTL: the CTL decides",
        true => "and it has a CTL: no public source says which of the two decides about the next ITL",
    })]
    EmptiedItlAndCtl { is_itl: bool },
    #[error("it has no ITL, so it can ask no TVS")]
    HoldsNoItl,
    #[error("these phones do not load ITL files")]
    KnowsNoItl,
    #[error("its {} contains {name} as {function} (record {record})", list.label())]
    Knows { list: ListKind, record: usize, name: String, function: Function },
    #[error(
        "its {} contains {name} by issuer and serial (record {record}), but with another key: the signature does not match",
        list.label()
    )]
    OtherKey { list: ListKind, record: usize, name: String },
    #[error("its {} contains {name} (record {record}), but without a key that can be compared", list.label())]
    NoKeyToCompare { list: ListKind, record: usize, name: String },
    #[error(
        "its {} contains {name} only as {function} (record {record}), not as {}",
        list.label(),
        names(needed, " or ")
    )]
    OtherRole { list: ListKind, record: usize, name: String, function: Function, needed: &'static [Function] },
    #[error(
        "its CTL contains {name} only as SAST, a token (record {record}): no public source says whether that is enough \
         for an ITL, without a CCM+TFTP record"
    )]
    TokenAlone { record: usize, name: String },
    #[error("its {} contains no {} record of {name} (issuer and serial)", list.label(), names(needed, " or "))]
    NotIn { list: ListKind, name: String, needed: &'static [Function] },
    #[error("its ITL is not known here{}", match token {
        true => "; no ITL contains a token, and every ITL contains a TVS",
        false => ": it may contain the signer",
    })]
    ItlNotShown { token: bool },
    #[error("its ITL has no TVS record, so it can ask no TVS")]
    NoTvsRecord,
    #[error("these phones do not ask TVS")]
    CannotAskTvs,
    #[error(
        "the new ITL contains none of the TVS certificates in the phone's ITL: {name} and TVS were both renewed, and it \
         can authenticate neither (unless a TVS still uses one of them, like the TVS of the old cluster when phones move)"
    )]
    TvsRenewedToo { name: String },
    #[error("of the TVS of its ITL only {} is in the new ITL: it must ask that one", names.join(", "))]
    TvsStays { names: Vec<String> },
    #[error(
        "TVS does not find {name} as the list spells it: TVS knows only Cisco's own tokens by a reversed serial"
    )]
    TvsDoesNotFindTheSpelling { name: String },
    #[error("TVS was not asked whether it knows {name}")]
    TvsNotAsked { name: String, token: bool },
    #[error("TVS knows {name}, if its certificate is uploaded as stated")]
    TvsUploaded { name: String },
    #[error("{name} is not among the certificates that are uploaded as stated")]
    TvsNotUploaded { name: String },
    #[error("TVS on {server} says valid, as {}", names(roles, ", "))]
    TvsValid { server: String, roles: Vec<Function> },
    #[error("TVS on {server} says valid, {}: no public source says whether that is enough", match &roles[..] {
        [] => "without naming roles".to_owned(),
        roles => format!("but as {} and not as SAST", names(roles, ", ")),
    })]
    TvsOtherRole { server: String, roles: Vec<Function> },
    #[error(
        "TVS on {server} says valid, but it was not checked whether phones can authenticate this server: give their ITL"
    )]
    TvsUnchecked { server: String },
    #[error("TVS on {} shows a certificate that is in no TVS record of its ITL{}", servers.join(", "), match left {
        0 => ": the phone cannot authenticate this server, and has no other to ask".to_owned(),
        left => format!("; {left} of its TVS records belong to other servers: ask each"),
    })]
    TvsOtherCertificate { servers: Vec<String>, left: usize },
    #[error("TVS on {server} says invalid")]
    TvsInvalid { server: String },
    #[error("TVS on {server} did not answer: {why}")]
    TvsNoAnswer { server: String, why: String },
    #[error(
        "the TVS of the cluster do not agree: {valid} says valid, {invalid} says invalid; a phone may ask either"
    )]
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
