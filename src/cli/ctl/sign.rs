//! `ctl sign`: lists signed again as they are, configuration files made into `.sgn`; many files, one login.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::operator::TerminalOperator;
use super::super::settings::Settings;
use super::super::signing::{PlaceArgs, SigningArgs, sign};
use super::super::ui::Ui;
use crate::files;
use crate::phone::file_warnings;
use crate::trustlist::{MAX_FILE_BYTES, SgnDraft, Style, TrustFile, is_tftp_name};
use crate::workflow::signing::{Batch, BatchFile, SigningSession};
use crate::workflow::{Request, WorkError, beside, display_name, read_verified, resign};

/// Sign lists again without changes, or make .sgn files from configuration files; one login for all
#[derive(Debug, Args)]
pub struct SignArgs {
    /// CTL, ITL and .sgn files to sign again, or configuration files that become NAME.sgn. If there are several files
    /// and some are lists, give --out DIR or --in-place
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The FILENAME in the new .sgn file: the name that phones request, with its folder below the TFTP root
    /// (Desktops/320x212x16/List.xml.sgn) [default: the name of the file and .sgn]
    #[arg(long, value_name = "NAME")]
    file_name: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

pub fn run(args: &SignArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    args.signing.request_options()?;
    let target = target(args)?;
    if let Some(name) = &args.file_name
        && (args.files.len() > 1 || !is_tftp_name(name) || !name.ends_with(".sgn"))
    {
        let what = format!(
            "--file-name {name:?} is not a .sgn file below the TFTP root, or there are several files to sign"
        );
        return Err(CommandError::new(ErrorKind::Usage, what));
    }
    let (options, selector) = (settings.module_options(), settings.selector()?);
    let operator = TerminalOperator::new(settings, ui);
    let session = SigningSession::open_for_one(&options, selector.as_ref(), &operator)?;
    // Of several lists the first one says which certificate of a key is in force; the others are held against it.
    let is_list =
        |file: &&PathBuf| file.extension().is_some_and(|e| e.eq_ignore_ascii_case("tlv")) && file.is_file();
    let mut plain = args.files.iter().filter(is_list);
    let session = match plain.find_map(|file| read_verified(file).ok()) {
        Some(list) => session.for_list(&list),
        None => session,
    };
    let signer = session.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let plan = |path: &Path| prepare(path, &target, &request, args.file_name.as_deref());
    // A JSON document has all plans in it; people read one after the other.
    // A plan of these is made twice, which what is no plain file cannot be read for.
    let again = args.files.iter().all(|file| file.as_os_str() != "-" && file.is_file());
    if args.files.len() > 1 && again && !ui.is_json() {
        let batch = Batch::Files { paths: &args.files, plan: &plan };
        return sign("ctl-sign", &session, batch, &args.signing, (settings, ui));
    }
    let files = args.files.iter().map(|path| plan(path)).collect::<Result<_, _>>()?;
    sign("ctl-sign", &session, Batch::Planned(files), &args.signing, (settings, ui))
}

/// Reads one file and decides what signing it means.
fn prepare(
    path: &Path,
    out: &Target,
    request: &Request<'_>,
    file_name: Option<&str>,
) -> Result<BatchFile, WorkError> {
    let options = request.options;
    let bytes = Bytes::from(files::read_limited(path, MAX_FILE_BYTES)?);
    let sgn = |name: String, payload: Bytes, out: PathBuf| {
        let cautions = file_warnings(request.signer, options.digest, request.now);
        let draft = SgnDraft::new(name, payload, options, request.name_style.unwrap_or(Style::Cucm));
        Ok(BatchFile::sgn(draft, (request.signer, request.now, cautions), (path, bytes.clone()), out)?)
    };
    match TrustFile::decode(bytes.clone()) {
        Ok(TrustFile::List(list)) => {
            let verified = list.verify();
            let verified =
                verified.map_err(|source| WorkError::NotVerified { file: display_name(path), source })?;
            let list_name = verified.list().header().file_name();
            let plan = resign(&verified, request)?;
            let out = out.for_list(path, &list_name)?;
            Ok(BatchFile::list(plan, out, Some((path, &verified))))
        }
        Ok(TrustFile::Signed(signed)) => {
            let name = signed.header().file_name();
            let out = out.for_file(path, &name)?;
            sgn(name, signed.payload().clone(), out)
        }
        // What looks like a damaged list is not signed as if it were a configuration file.
        Err(e) if bytes.first() == Some(&1) || bytes.is_empty() => {
            Err(WorkError::Decode { file: display_name(path), source: e })
        }
        Err(_) => {
            let own = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if own.is_empty() || own == "-" {
                return Err(CommandError::new(
                    ErrorKind::Usage,
                    "a configuration file is signed with its file name in it",
                )
                .hint("give the file name instead of reading standard input")
                .into());
            }
            let name = format!("{own}.sgn");
            let out = out.for_config(path, &name);
            let name = file_name.map_or(name, str::to_owned);
            sgn(name, bytes.clone(), out)
        }
    }
}

/// Where a signed file goes.
#[derive(Debug)]
enum Target {
    /// Beside where it came from; a list only if it comes `alone`.
    Beside { alone: bool },
    /// Where it came from; a configuration file gets `.sgn` beside it.
    InPlace,
    /// Into this folder, under its own name.
    Folder(PathBuf),
    /// To this file.
    File(PathBuf),
}

impl Target {
    fn for_list(&self, path: &Path, own: &str) -> Result<PathBuf, CommandError> {
        match self {
            Target::Beside { alone: false } => {
                let what = format!(
                    "there are several files to sign, and {} is a list: give its destination",
                    path.display()
                );
                Err(CommandError::new(ErrorKind::Usage, what)
                    .detail("", "nothing was signed and nothing was written")
                    .hint("--out DIR writes the files into a folder")
                    .hint("--in-place replaces them; the old files are kept as NAME.bak"))
            }
            _ => self.for_file(path, own),
        }
    }

    /// Standard input has no name of its own: in a folder the file is called what its header says.
    fn for_file(&self, path: &Path, own: &str) -> Result<PathBuf, CommandError> {
        match self {
            Target::Beside { .. } => Ok(beside(path)),
            Target::InPlace => Ok(path.to_owned()),
            Target::Folder(folder) if path.as_os_str() != "-" => {
                Ok(folder.join(path.file_name().unwrap_or(path.as_os_str())))
            }
            Target::Folder(folder) if is_tftp_name(own) => {
                Ok(folder.join(own.rsplit('/').next().unwrap_or(own)))
            }
            Target::Folder(_) => {
                let what = format!(
                    "the file from standard input has the name {own:?} in it, which is not a plain \
                    file name"
                );
                Err(CommandError::new(ErrorKind::File, what)
                    .detail("", "nothing was signed and nothing was written")
                    .hint("give the file to write: --out FILE"))
            }
            Target::File(file) => Ok(file.clone()),
        }
    }

    fn for_config(&self, path: &Path, name: &str) -> PathBuf {
        match self {
            Target::Beside { .. } | Target::InPlace => path.with_file_name(name),
            Target::Folder(folder) => folder.join(name),
            Target::File(file) => file.clone(),
        }
    }
}

fn target(args: &SignArgs) -> Result<Target, CommandError> {
    let wrong = |what: &str| Err(CommandError::new(ErrorKind::Usage, what));
    let (alone, inputs) = (args.files.len() == 1, args.files.iter().filter(|f| f.as_os_str() == "-").count());
    match args.signing.out() {
        _ if inputs > 1 => wrong("- is given twice, but standard input is only one file"),
        None if inputs > 0 => wrong("a file from standard input needs --out"),
        None if args.place.in_place() => Ok(Target::InPlace),
        None => Ok(Target::Beside { alone }),
        Some(out) if out.is_dir() => Ok(Target::Folder(out.to_owned())),
        Some(out) if alone => Ok(Target::File(out.to_owned())),
        Some(out) => {
            wrong(&format!("--out {} must be a folder when several files are signed", out.display()))
        }
    }
}
