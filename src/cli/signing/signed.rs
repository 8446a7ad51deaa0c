//! A file whose plan was agreed to, on its way: signed, verified, written, told of.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;

use super::super::error::CommandError;
use super::super::interrupt;
use crate::files::{NewFile, Source};
use crate::trustlist::{SgnDraft, SignError, Signer, TrustList, digest};
use crate::workflow::ConfirmedPlan;
use crate::workflow::journal::{Event, FileFingerprint, Journal};

/// One file whose plan was agreed to.
pub struct ConfirmedFile {
    pub(super) work: Confirmed,
    pub(super) out: PathBuf,
    pub(super) input: Option<Input>,
}

/// What was read.
pub(super) struct Input {
    pub(super) role: &'static str,
    pub(super) path: PathBuf,
    /// All of it.
    pub(super) read: Bytes,
    /// What of it is signed or replaced, as the journal has it.
    pub(super) bytes: Bytes,
    /// Of a list in force.
    pub(super) list: Option<TrustList>,
}

/// A file that was signed and verified, and is not written yet.
pub struct SignedFile {
    out: PathBuf,
    bytes: Bytes,
    signed_by: String,
    input: Option<Input>,
}

/// What is signed.
pub(super) enum Confirmed {
    List(Box<ConfirmedPlan>),
    Sgn(Box<SgnDraft>),
}

/// What was written, for machines.
#[derive(Debug, Serialize)]
pub struct WrittenJson {
    pub file: String,
    /// Where the file before it is kept.
    pub kept_old_as: Option<String>,
    pub bytes: usize,
    pub signed_by: String,
    pub md5: String,
    /// As a phone shows it.
    pub md5_phone: Vec<String>,
    pub sha1: String,
    /// As a phone shows it.
    pub sha1_phone: Vec<String>,
}

impl ConfirmedFile {
    /// Its first lines in the journal: what was read, and the plan.
    pub fn begin(&self, log: &mut Journal) -> Result<(), CommandError> {
        let out = self.out.display().to_string();
        if let Some(Input { role, path, bytes, .. }) = &self.input {
            let file = FileFingerprint::of(path.display().to_string(), bytes);
            log.note(Event::Input { role: (*role).to_owned(), out: Some(out.clone()), file })?;
        }
        match &self.work {
            Confirmed::List(plan) => Ok(log.note(Event::plan(plan.plan(), out))?),
            Confirmed::Sgn(_) => Ok(()),
        }
    }

    /// Signs and verifies.
    pub fn sign<S>(self, signer: &mut S) -> Result<SignedFile, CommandError>
    where
        S: Signer,
        CommandError: From<SignError<S::Error>>,
    {
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
        interrupt::check()?;
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
    pub fn written(self, kept: Option<&Path>) -> (Event, WrittenJson) {
        let SignedFile { out, bytes, signed_by, .. } = self;
        let file = out.display().to_string();
        let kept_old_as = kept.map(|p| p.display().to_string());
        let seal = FileFingerprint::of(&file, &bytes);
        let [md5_phone, sha1_phone] = [&seal.md5, &seal.sha1].map(|sum| digest::phone_lines_of_hex(sum));
        let (md5, sha1) = (seal.md5.clone(), seal.sha1.clone());
        let line =
            Event::Output { signed_by: signed_by.clone(), kept_old_as: kept_old_as.clone(), file: seal };
        let bytes = bytes.len();
        (line, WrittenJson { file, kept_old_as, bytes, signed_by, md5, md5_phone, sha1, sha1_phone })
    }
}

impl WrittenJson {
    /// For people.
    pub fn text(&self) -> String {
        let mut text =
            format!("{}   {} bytes, signed by {}, verified\n", self.file, self.bytes, self.signed_by);
        for (name, sum, phone) in
            [("MD5", &self.md5, &self.md5_phone), ("SHA1", &self.sha1, &self.sha1_phone)]
        {
            let _ = writeln!(text, "  {name:<5} {sum}\n        on the phone: {}", phone.join(" "));
        }
        if let Some(kept) = &self.kept_old_as {
            let _ = writeln!(text, "  the file before is kept as {kept}");
        }
        text
    }
}
