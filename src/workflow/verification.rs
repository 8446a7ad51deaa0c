//! The signatures of many files, verified side by side.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::error::WorkError;
use crate::files::{self, FileError, display_name};
use crate::trustlist::{
    Certificate, DecodeError, MAX_FILE_BYTES, SignedBy, SignedFile, TrustFile, TrustList, VerifiedList,
    digest,
};

/// Files that are verified before their verdicts are told.
const AT_A_TIME: usize = 256;

/// The verdict on one file.
#[derive(Debug, Default, Serialize)]
pub struct FileVerdict {
    pub file: String,
    kind: Option<&'static str>,
    pub verified: bool,
    /// Could be read and decoded.
    pub readable: bool,
    pub signed_by: Option<String>,
    pub digest: Option<String>,
    pub key_bits: Option<usize>,
    timestamp_seconds: Option<u32>,
    bytes: Option<usize>,
    md5: Option<String>,
    sha1: Option<String>,
    pub reason: Option<String>,
    pub remarks: Vec<String>,
}

/// The signer of `.sgn` files.
pub enum SgnSigner {
    Certificate(Box<Certificate>),
    List(Box<VerifiedList>),
}

impl SgnSigner {
    /// Reads it. A list must verify itself: anybody can put a record into one that does not.
    pub fn read(path: &Path) -> Result<Self, WorkError> {
        let bytes = files::read_limited(path, MAX_FILE_BYTES)?;
        let file = display_name(path);
        if bytes.first() != Some(&1) {
            return match Certificate::from_file_bytes(&bytes) {
                Ok(certificate) => Ok(SgnSigner::Certificate(Box::new(certificate))),
                Err(source) => Err(WorkError::Certificate { file, source }),
            };
        }
        match TrustList::decode(bytes).map(|list| list.verify()) {
            Ok(Ok(list)) => Ok(SgnSigner::List(Box::new(list))),
            Ok(Err(source)) => Err(WorkError::SignerNotVerified { file, source }),
            Err(source) => Err(WorkError::Decode { file, source }),
        }
    }

    fn verify(&self, signed: &SignedFile) -> Result<SignedBy, String> {
        let by = match self {
            SgnSigner::Certificate(certificate) => signed.verify(certificate),
            SgnSigner::List(list) => signed.verify_in(list),
        };
        by.map_err(|e| e.to_string())
    }
}

/// How files are verified.
pub struct Verification {
    pub signer: Option<SgnSigner>,
    /// The reason why a `.sgn` file is not verified without a signer.
    pub no_signer: &'static str,
    pub with_checksums: bool,
}

/// How many files were not verified, and how many of these could not even be read.
#[derive(Default)]
pub struct Tally {
    pub unverified: usize,
    pub unreadable: usize,
}

impl Verification {
    /// Verifies files and reports results while the next files are verified: ten thousand files need no more memory
    /// than a few. `tell` also gets whether these are the first ones.
    pub fn run<E: Send>(
        &self,
        files: &[PathBuf],
        verified: impl Fn() + Sync,
        tell: impl Fn(&[FileVerdict], bool) -> Result<(), E> + Sync,
    ) -> Result<Tally, E> {
        let one = |file: &PathBuf| {
            verified();
            self.verdict(file)
        };
        let verify = |some: &[PathBuf]| match some {
            [file] => vec![one(file)],
            some => some.par_iter().map(one).collect(),
        };
        let (mut tally, mut first) = (Tally::default(), true);
        let mut rest = files.chunks(AT_A_TIME);
        let mut verdicts = verify(rest.next().unwrap_or_default());
        loop {
            let count = |is_so: fn(&FileVerdict) -> bool| verdicts.iter().filter(|v| is_so(v)).count();
            tally.unverified = tally.unverified.saturating_add(count(|v| !v.verified));
            tally.unreadable = tally.unreadable.saturating_add(count(|v| !v.readable));
            let Some(some) = rest.next() else {
                return tell(&verdicts, first).map(|()| tally);
            };
            let (told, next) = rayon::join(|| tell(&verdicts, first), || verify(some));
            told?;
            (verdicts, first) = (next, false);
        }
    }

    fn verdict(&self, path: &Path) -> FileVerdict {
        let mut verdict = FileVerdict { file: display_name(path), ..FileVerdict::default() };
        let file = match files::read_limited(path, MAX_FILE_BYTES) {
            Ok(bytes) => TrustFile::decode(bytes).map_err(|e| e.to_string()),
            Err(FileError::Read { source, .. }) => Err(format!("cannot be read: {source}")),
            Err(FileError::TooLarge { .. }) => Err(DecodeError::TooLarge.to_string()),
            Err(e) => Err(format!("cannot be read: {e}")),
        };
        let file = match file {
            Ok(file) => file,
            Err(reason) => return FileVerdict { reason: Some(reason), ..verdict },
        };
        verdict.readable = true;
        verdict.timestamp_seconds = Some(file.header().timestamp);
        verdict.bytes = Some(file.bytes().len());
        if self.with_checksums {
            verdict.md5 = Some(digest::hex(&digest::md5(file.bytes()), ""));
            verdict.sha1 = Some(digest::hex(&digest::sha1(file.bytes()), ""));
        }
        let (kind, remarks, by) = match file {
            TrustFile::List(list) => {
                let by = |list: VerifiedList| SignedBy {
                    name: list.signer_name(),
                    digest: list.digest(),
                    key_bits: list.key_bits(),
                };
                (list.kind().label(), list.remarks(), list.verify().map(by).map_err(|e| e.to_string()))
            }
            TrustFile::Signed(signed) => {
                let own = if path.as_os_str() == "-" { None } else { path.file_name() };
                let own =
                    own.map_or_else(|| signed.header().file_name(), |own| own.to_string_lossy().into_owned());
                let mut remarks = signed.remarks(&own);
                if let Some(SgnSigner::Certificate(certificate)) = &self.signer {
                    remarks.extend(certificate.remark());
                }
                let by = match &self.signer {
                    Some(signer) => signer.verify(&signed),
                    None => Err(self.no_signer.to_owned()),
                };
                ("SGN", remarks, by)
            }
        };
        verdict.kind = Some(kind);
        verdict.remarks = remarks.iter().map(ToString::to_string).collect();
        match by {
            Ok(SignedBy { name, digest, key_bits }) => {
                (verdict.verified, verdict.signed_by) = (true, Some(name));
                (verdict.digest, verdict.key_bits) = (Some(digest.to_string()), Some(key_bits));
            }
            Err(reason) => verdict.reason = Some(reason),
        }
        verdict
    }
}
