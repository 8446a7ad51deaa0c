//! A file whose plan the operator confirmed: signed, verified, written.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;

use crate::files::{NewFile, Source};
use crate::trustlist::{SgnDraft, SignError, Signer, VerifiedList, digest};
use crate::workflow::ConfirmedPlan;
use crate::workflow::journal::{Event, FileFingerprint, Journal, JournalWriteError};

/// One file whose plan was confirmed.
pub struct ConfirmedFile {
    pub(super) work: Confirmed,
    pub(super) out: PathBuf,
    pub(super) input: Option<Replaced>,
}

/// What a new file is made from.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug)]
pub struct Replaced {
    pub path: PathBuf,
    pub read: Bytes,
    /// What of it is signed or replaced, as the journal has it.
    pub bytes: Bytes,
    /// The list in force; `None` of a configuration file.
    pub list: Option<VerifiedList>,
}

/// A file that was signed and verified, and is not written yet.
pub(super) struct SignedFile {
    out: PathBuf,
    bytes: Bytes,
    signed_by: String,
    input: Option<Replaced>,
}

pub(super) enum Confirmed {
    List(Box<ConfirmedPlan>),
    Sgn(Box<SgnDraft>),
}

/// What was written; checksums hexadecimal, and as a phone shows them.
#[allow(missing_docs, reason = "the fields are called by what they are")]
#[derive(Debug, Clone, Serialize)]
pub struct WrittenFile {
    pub file: String,
    pub kept_old_as: Option<String>,
    pub bytes: usize,
    pub signed_by: String,
    pub md5: String,
    pub md5_phone: Vec<String>,
    pub sha1: String,
    pub sha1_phone: Vec<String>,
}

impl ConfirmedFile {
    /// Its first lines in the journal: what was read, and the plan.
    pub(super) fn begin(&self, log: &mut Journal) -> Result<(), JournalWriteError> {
        let out = self.out.display().to_string();
        if let Some(Replaced { path, bytes, list, .. }) = &self.input {
            let file = FileFingerprint::of(path.display().to_string(), bytes);
            let role = if list.is_some() { "in force" } else { "configuration" };
            log.note(Event::Input { role: role.to_owned(), out: Some(out.clone()), file })?;
        }
        match &self.work {
            Confirmed::List(plan) => log.note(Event::plan(plan.plan(), out)),
            Confirmed::Sgn(_) => Ok(()),
        }
    }

    /// Signs and verifies.
    pub(super) fn sign<S: Signer>(self, signer: &mut S) -> Result<SignedFile, SignError<S::Error>> {
        let (bytes, signed_by) = match self.work {
            Confirmed::List(plan) => {
                let signed = plan.execute(signer)?;
                (signed.list().bytes().clone(), signed.signer_name())
            }
            Confirmed::Sgn(draft) => {
                let signed = draft.sign(signer)?;
                (signed.bytes().clone(), signed.header().signer_short_name())
            }
        };
        Ok(SignedFile { out: self.out, bytes, signed_by, input: self.input })
    }
}

impl SignedFile {
    /// What is to be written, where, and what must still be as it was then.
    pub fn new_file(&self) -> NewFile<'_> {
        // Standard input gives its bytes once.
        let input = self.input.as_ref().filter(|input| input.path.as_os_str() != "-");
        let made_from = input.map(|input| Source { path: &input.path, bytes: &input.read });
        NewFile { path: &self.out, bytes: &self.bytes, made_from }
    }

    /// What the journal and the operator are told once it is written.
    pub fn written(self, backup: Option<&Path>) -> (Event, WrittenFile) {
        let SignedFile { out, bytes, signed_by, .. } = self;
        let file = out.display().to_string();
        let kept_old_as = backup.map(|p| p.display().to_string());
        let seal = FileFingerprint::of(&file, &bytes);
        let [md5_phone, sha1_phone] = [&seal.md5, &seal.sha1].map(|sum| digest::phone_lines_of_hex(sum));
        let (md5, sha1) = (seal.md5.clone(), seal.sha1.clone());
        let line =
            Event::Output { signed_by: signed_by.clone(), kept_old_as: kept_old_as.clone(), file: seal };
        let bytes = bytes.len();
        (line, WrittenFile { file, kept_old_as, bytes, signed_by, md5, md5_phone, sha1, sha1_phone })
    }
}
