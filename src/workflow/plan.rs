//! The plan: what will change, why, and who signs. Confirmed, it is executed as it was shown.

use serde::Serialize;

use crate::trustlist::{
    BuildError, Certificate, Draft, Function, PHONE_LIMIT_BYTES, Record, SignError, Signer, SigningOptions,
    Style, TrustList, VerifiedList, VerifyError,
};

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It stays as it is.
    Keep,
    /// It leaves.
    Remove,
    /// It stays, changed.
    Change,
    /// It is new.
    Add,
}

impl Mark {
    /// The sign in front of a line of the plan.
    pub fn sign(self) -> char {
        match self {
            Mark::Keep => ' ',
            Mark::Remove => '-',
            Mark::Change => '~',
            Mark::Add => '+',
        }
    }
}

/// One record's part in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// What happens to it.
    pub mark: Mark,
    /// FUNCTION by name.
    pub function: String,
    /// A name to call it by.
    pub name: String,
    /// Why, or what it becomes.
    pub why: String,
}

impl PlanStep {
    pub(super) fn new(mark: Mark, record: &Record, why: impl Into<String>) -> Self {
        PlanStep { mark, function: record.function().to_string(), name: record.short_name(), why: why.into() }
    }
}

/// What every plan needs beside the records.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The certificate of the token that will sign.
    pub signer: &'a Certificate,
    /// How the file is signed.
    pub options: SigningOptions,
    /// Overrides the spelling that fits each certificate.
    pub name_style: Option<Style>,
    /// Now, seconds since 1970-01-01 UTC, for warnings about expired certificates.
    pub now: i64,
}

/// A plan that may be carried out: a draft, what it does in words, and what the operator should know.
#[derive(Debug, Clone)]
pub struct Plan {
    steps: Vec<PlanStep>,
    warnings: Vec<String>,
    draft: Draft,
    signer: Certificate,
    signed_len: usize,
}

/// Why a plan was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The list in force does not verify.
    #[error("the list in force does not verify")]
    NotVerified(#[source] VerifyError),
    /// A revert of a list that a token signed already.
    #[error("the list is already signed by the token {signer}")]
    AlreadyTokenSigned {
        /// The signer's name.
        signer: String,
    },
    /// A revert of an ITL, which has no tokens.
    #[error("this is an ITL file; a revert starts from the CTL of the cluster")]
    NotACtl,
    /// Fewer than two tokens.
    #[error("a first CTL needs two tokens, one signs and the other is the spare; there is one: {name}")]
    OneToken {
        /// The token that there is.
        name: String,
    },
    /// The same token in two roles.
    #[error("the token {name} is named twice")]
    TokenTwice {
        /// The token's name.
        name: String,
    },
    /// A token that is in the list already.
    #[error("the token {name} is in the list already (record {record})")]
    TokenAlreadyInList {
        /// The token's name.
        name: String,
        /// Counted from 1.
        record: usize,
    },
    /// The signer of an update is not in the list in force. The CTL Client's own words.
    #[error("The Security Token you have inserted does not exist in the CTL File")]
    SignerNotInForce {
        /// The token that would sign.
        signer: String,
        /// The SAST records that are in force.
        known: Vec<String>,
    },
    /// The signer would remove itself.
    #[error("the record of {name} cannot be removed: it signs this file")]
    RemovesSigner {
        /// The signer's name.
        name: String,
    },
    /// Nothing matches a name.
    #[error("no {what} matches {name:?}")]
    NoMatch {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// What there is.
        there_are: Vec<String>,
    },
    /// Several match a name.
    #[error("{count} {what}s match {name:?}")]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// How many match.
        count: usize,
        /// What matches.
        matches: Vec<String>,
    },
    /// A server that is in the list already.
    #[error("the list already has a {function} record for {address}")]
    ServerAlreadyInList {
        /// FUNCTION by name.
        function: String,
        /// DNSNAME or address.
        address: String,
    },
    /// Mixed mode, and a server without certificate.
    #[error("mixed mode needs the certificate of {address}")]
    NeedsCertificate {
        /// The server.
        address: String,
    },
    /// Nothing would change.
    #[error("there is nothing to change")]
    NothingToDo,
    /// The new list cannot be built.
    #[error("the new list cannot be built: {0}")]
    Build(#[from] BuildError),
}

impl Plan {
    /// Puts a plan together and works out what the operator should know about it.
    pub(super) fn new(
        request: &Request<'_>,
        file_name: String,
        steps: Vec<PlanStep>,
        records: Vec<Record>,
        mut warnings: Vec<String>,
    ) -> Result<Self, PlanError> {
        let draft = Draft::new(file_name, records, request.options);
        let signed_len = draft.signed_len(request.signer)?;
        warnings.extend(about_signer(request));
        let sasts = draft.records().iter().filter(|r| r.function() == Function::SAST).count();
        if sasts > 2 {
            warnings.push(format!("{sasts} SAST records: some phones are reported to take no more than two"));
        }
        if signed_len > PHONE_LIMIT_BYTES {
            warnings.push(format!(
                "the list will have {signed_len} bytes; phones do not load one over {PHONE_LIMIT_BYTES} (64 KiB)"
            ));
        } else if signed_len > PHONE_LIMIT_BYTES / 10 * 9 {
            warnings.push(format!(
                "the list will have {signed_len} bytes, near the {PHONE_LIMIT_BYTES} (64 KiB) that phones load"
            ));
        }
        Ok(Plan { steps, warnings, draft, signer: request.signer.clone(), signed_len })
    }

    /// What happens to each record.
    pub fn steps(&self) -> &[PlanStep] {
        &self.steps
    }

    /// What the operator should know before going on.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What is to be signed.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The certificate of the token that will sign.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The length of the finished file in bytes.
    pub fn signed_len(&self) -> usize {
        self.signed_len
    }

    /// Signs. What comes out was read back and verified, and holds the records that the plan showed.
    pub fn execute<S: Signer>(self, signer: &mut S) -> Result<VerifiedList, SignError<S::Error>> {
        self.draft.sign(signer)
    }
}

fn about_signer(request: &Request<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let signer = request.signer;
    if signer.not_after() < request.now {
        let day = day(signer.not_after());
        warnings.push(format!(
            "the certificate of {} expired on {day}; it still signs: phones and CUCM do not look at the date",
            signer.sast_name()
        ));
    } else if signer.not_before() > request.now {
        let day = day(signer.not_before());
        warnings.push(format!("the certificate of {} is not valid before {day}", signer.sast_name()));
    }
    match signer.public_key().rsa().map(|key| key.bits()) {
        Some(bits) if bits < 2048 => {
            warnings.push(format!(
                "the signer's key is RSA {bits}: phones in FIPS mode refuse less than 2048 bits"
            ));
        }
        Some(bits) if bits > 2048 => {
            warnings.push(format!(
                "the signer's key is RSA {bits}: older phones are not known to take more than 2048 bits"
            ));
        }
        _ => {}
    }
    if request.options.digest != crate::trustlist::Digest::Sha1 {
        warnings.push(format!("{}: phones of the 7900 era know SHA-1 alone", request.options.digest));
    }
    warnings
}

/// A date for people: `2022-05-17` (UTC).
pub(super) fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |t| t.strftime("%Y-%m-%d").to_string())
}

/// The words for the signer's own line.
pub(super) fn signs_this_file(request: &Request<'_>) -> String {
    format!("signs this file ({}, {})", request.signer.public_key().describe(), request.options.digest)
}

/// The SAST records of a list by name, for messages.
pub(super) fn sast_names(list: &TrustList) -> Vec<String> {
    list.sasts().map(Record::short_name).collect()
}

/// Where a new token record goes: behind the tokens at the head of the list.
pub(super) fn token_position(records: &[Record]) -> usize {
    records.iter().take_while(|r| r.function() == Function::SAST).count()
}

/// A token's record in the spelling that fits its certificate, unless another is asked for.
pub(super) fn token_record(certificate: &Certificate, style: Option<Style>) -> Result<Record, BuildError> {
    Record::token(certificate, style.unwrap_or_else(|| certificate.sast_style()))
}
