//! Files that are to be signed: the kind of each, and where its result is written.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::batch::{BatchFile, SigningError};
use super::session::SigningSession;
use crate::files;
use crate::phone::file_warnings;
use crate::trustlist::{MAX_FILE_BYTES, SgnDraft, Style, TrustFile, is_tftp_name};
use crate::workflow::{Request, WorkError, beside, display_name, read_verified, resign};

/// Lists that are signed again as they are, and configuration files that become `.sgn` files; `-` is standard input.
pub struct FilesToSign<'a> {
    pub files: &'a [PathBuf],
    /// The output file or folder; `None`: next to each file.
    pub out: Option<&'a Path>,
    /// Whether each file is replaced.
    pub in_place: bool,
    /// The FILENAME in a new `.sgn` file; `None` for the name of the file and `.sgn`.
    pub file_name: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    List,
    Sgn,
    Config,
}

impl FilesToSign<'_> {
    /// If a key has several certificates, the first list decides which one is in force; the other lists are checked against it.
    pub fn signed_by(&self, session: SigningSession) -> SigningSession {
        let is_list = |file: &&PathBuf| {
            file.extension().is_some_and(|e| e.eq_ignore_ascii_case("tlv")) && file.is_file()
        };
        match self.files.iter().filter(is_list).find_map(|file| read_verified(file).ok()) {
            Some(list) => session.for_list(&list),
            None => session,
        }
    }

    /// Whether each file can be read again after its plan was shown.
    pub fn are_plain(&self) -> bool {
        self.files.iter().all(|file| file.as_os_str() != "-" && file.is_file())
    }

    /// Reads one of the files and makes the plan for it.
    pub fn plan(&self, path: &Path, request: &Request<'_>) -> Result<BatchFile, WorkError> {
        self.plan_of(path, Bytes::from(files::read_limited(path, MAX_FILE_BYTES)?), request)
    }

    /// Makes the plan for a file with these bytes.
    pub fn plan_of(&self, path: &Path, bytes: Bytes, request: &Request<'_>) -> Result<BatchFile, WorkError> {
        let options = request.options;
        let sgn = |name: String, payload: Bytes, out: PathBuf| {
            let cautions = file_warnings(request.signer, options.digest, request.now);
            let draft = SgnDraft::new(name, payload, options, request.name_style.unwrap_or(Style::Cucm));
            Ok(BatchFile::sgn(draft, (request.signer, request.now, cautions), (path, bytes.clone()), out)?)
        };
        match TrustFile::decode(bytes.clone()) {
            Ok(TrustFile::List(list)) => {
                let not_verified = |source| WorkError::NotVerified { file: display_name(path), source };
                let verified = list.verify().map_err(not_verified)?;
                let plan = resign(&verified, request)?;
                let out = self.place(Kind::List, path, &verified.list().header().file_name())?;
                Ok(BatchFile::list(plan, out, Some((path, &verified))))
            }
            Ok(TrustFile::Signed(signed)) => {
                let name = signed.header().file_name();
                let out = self.place(Kind::Sgn, path, &name)?;
                sgn(name, signed.payload().clone(), out)
            }
            // A damaged list must not be signed as a configuration file.
            Err(e) if bytes.first() == Some(&1) || bytes.is_empty() => {
                Err(WorkError::Decode { file: display_name(path), source: e })
            }
            Err(_) => {
                let own = path.file_name().filter(|name| *name != "-").ok_or(SigningError::NoFileName)?;
                let name = format!("{}.sgn", own.to_string_lossy());
                let out = self.place(Kind::Config, path, &name)?;
                sgn(self.file_name.map_or(name, str::to_owned), bytes.clone(), out)
            }
        }
    }

    /// `own` is the name in the file's header; for a configuration file, the name of the new file.
    fn place(&self, kind: Kind, path: &Path, own: &str) -> Result<PathBuf, SigningError> {
        match (self.out, kind) {
            (Some(file), _) if !file.is_dir() => Ok(file.to_owned()),
            (Some(folder), Kind::Config) => Ok(folder.join(own)),
            (Some(folder), _) if path.as_os_str() != "-" => {
                Ok(folder.join(path.file_name().unwrap_or(path.as_os_str())))
            }
            // Standard input has no file name.
            (Some(folder), _) if is_tftp_name(own) => Ok(folder.join(own.rsplit('/').next().unwrap_or(own))),
            (Some(_), _) => Err(SigningError::NotAFileName(own.to_owned())),
            (None, Kind::Config) => Ok(path.with_file_name(own)),
            (None, _) if self.in_place => Ok(path.to_owned()),
            (None, Kind::List) if self.files.len() > 1 => Err(SigningError::NoPlace(path.to_owned())),
            (None, _) => Ok(beside(path)),
        }
    }
}
