//! A SAST key made on a token with a certificate or a request for one; an issued certificate stored with its key.

mod certificate;

use std::path::{Path, PathBuf};

pub use certificate::{EnrollError, SastSubject, random};
use certificate::{certify, validity};

use super::error::WorkError;
use super::operator::{Operator, Question, TokenInUse, View};
use super::session::pin_for;
use crate::files::{self, FileError, OnExisting};
use crate::token::{KeyRequest, Module, Sast, TokenContents};
use crate::trustlist::{Certificate, Digest, pem};

/// Where a key and its certificate are made or stored.
pub struct Enrollment<'a> {
    pub module: Module,
    pub contents: TokenContents,
    /// Where the request or the certificate is written; `-` is standard output.
    pub file: Option<&'a Path>,
    pub existing: OnExisting,
    pub operator: &'a dyn Operator,
}

/// The key that is to be made, and what certifies it.
pub struct KeyPlan {
    pub subject: SastSubject,
    /// CKA_ID.
    pub id: Vec<u8>,
    pub bits: usize,
    pub digest: Digest,
    /// The validity; `None` makes a request.
    pub days: Option<u32>,
}

/// What was made.
pub enum Made {
    /// A request, and where the file before it is kept.
    Request(Option<PathBuf>),
    Certificate(Box<Sast>),
}

impl Enrollment<'_> {
    /// Checks what can be known before there is a key, which would have to be destroyed again.
    pub fn check(&self, plan: &KeyPlan) -> Result<(), WorkError> {
        plan.subject.check()?;
        self.contents.check_free(&plan.subject.common_name, &plan.id)?;
        self.module.can_make_key(&self.contents.token, plan.bits)?;
        validity(plan.days.unwrap_or_default())?;
        let Some(path) = self.file.filter(|path| !is_output(path)) else { return Ok(()) };
        files::check_place(path)?;
        let place = files::resolve(path);
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
        if let Some(folder) = place.parent().filter(is_missing) {
            return Err(EnrollError::NoFolder(folder.to_owned()).into());
        }
        if path.exists() && matches!(self.existing, OnExisting::Refuse) {
            return Err(EnrollError::FileExists(path.to_owned()).into());
        }
        Ok(())
    }

    /// Makes the key, and its certificate or request; `None` if the operator does not agree.
    pub fn make(&self, plan: &KeyPlan) -> Result<Option<Made>, WorkError> {
        let Enrollment { module, contents, operator, .. } = self;
        let (token, name) = (&contents.token, &plan.subject.common_name);
        let also = self.file.map(|path| format!(", and write {}", place(path))).unwrap_or_default();
        let question = format!("Make the key on \"{}\"{also}?", token.label);
        if !operator.agrees(&Question::Consent(question))? {
            return Ok(None);
        }
        let pin = pin_for(module, token, *operator)?;
        let _in_use = TokenInUse::begin(*operator);
        let (bits, label) = (plan.bits, &token.label);
        let work = operator
            .long_work(&format!("Making a key of {bits} bits on {label}; this may take a minute"), None);
        let key = KeyRequest { bits, id: plan.id.clone(), label: name.to_owned() };
        let key = module.make_key(token, pin, key)?;
        drop(work);
        operator.check_interrupted()?;
        let sign = |bytes: &[u8]| Ok::<_, WorkError>(key.sign(plan.digest, bytes)?);
        let der = certify(&plan.subject, plan.days, &key.public, plan.digest, sign)?;
        if plan.days.is_none() {
            let written = self.write(pem("CERTIFICATE REQUEST", &der).as_bytes());
            // A request that was written needs its key, even where a power cut may still undo it.
            if matches!(&written, Ok(_) | Err(WorkError::File(FileError::NotSynced { .. }))) {
                key.keep();
            }
            return Ok(Some(Made::Request(written?)));
        }
        let certificate = Certificate::from_der(der)
            .map_err(|source| WorkError::Certificate { file: "the new certificate".to_owned(), source })?;
        operator.something_changes();
        key.store(&certificate)?;
        key.keep();
        self.stored(&certificate).map(|sast| Some(Made::Certificate(Box::new(sast))))
    }

    /// Stores an issued certificate with its key; `None` if the operator does not agree.
    pub fn import(&self, certificate: &Certificate) -> Result<Option<Sast>, WorkError> {
        let Enrollment { module, contents, operator, .. } = self;
        let token = &contents.token;
        let question = format!("Store it on \"{}\"?", token.label);
        if !operator.agrees(&Question::Consent(question))? {
            return Ok(None);
        }
        let pin = pin_for(module, token, *operator)?;
        let _in_use = TokenInUse::begin(*operator);
        operator.something_changes();
        module.import_certificate(contents, pin, certificate)?;
        self.stored(certificate).map(Some)
    }

    /// What is left to do after storing. If it fails, the token keeps what was stored.
    fn stored(&self, certificate: &Certificate) -> Result<Sast, WorkError> {
        let token = &self.contents.token;
        let sast = self.module.find_stored(token, certificate).map_err(WorkError::from);
        sast.and_then(|sast| self.write(certificate.der()).map(|_| sast)).map_err(|source| {
            WorkError::AfterStoring {
                name: certificate.sast_name(),
                token: token.label.to_owned(),
                source: Box::new(source),
            }
        })
    }

    /// Writes the file, if one is wanted; where the file before it is kept.
    fn write(&self, bytes: &[u8]) -> Result<Option<PathBuf>, WorkError> {
        match self.file {
            Some(path) if is_output(path) => self.operator.show(&View::Output(bytes))?,
            Some(path) => {
                self.operator.something_changes();
                return Ok(files::write_new(path, bytes, self.existing)?.backup);
            }
            None => {}
        }
        Ok(None)
    }
}

/// Whether it is standard output.
pub fn is_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The name of an output file for messages.
pub fn place(path: &Path) -> String {
    if is_output(path) { "standard output".to_owned() } else { path.display().to_string() }
}
