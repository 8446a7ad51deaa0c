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
    let target = Target::new(args)?;
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
    out: &Target<'_>,
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
            let not_verified = |source| WorkError::NotVerified { file: display_name(path), source };
            let verified = list.verify().map_err(not_verified)?;
            let list_name = verified.list().header().file_name();
            let plan = resign(&verified, request)?;
            let out = out.of(Kind::List, path, &list_name)?;
            Ok(BatchFile::list(plan, out, Some((path, &verified))))
        }
        Ok(TrustFile::Signed(signed)) => {
            let name = signed.header().file_name();
            let out = out.of(Kind::Sgn, path, &name)?;
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
            let out = out.of(Kind::Config, path, &name)?;
            let name = file_name.map_or(name, str::to_owned);
            sgn(name, bytes.clone(), out)
        }
    }
}

/// What a file to sign is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    List,
    Sgn,
    Config,
}

/// Where signed files go: `--out`, in their own place, or beside it. `alone` is true of a single file.
struct Target<'a> {
    out: Option<&'a Path>,
    in_place: bool,
    alone: bool,
}

impl<'a> Target<'a> {
    fn new(args: &'a SignArgs) -> Result<Self, CommandError> {
        let wrong = |what: &str| Err(CommandError::new(ErrorKind::Usage, what));
        let inputs = args.files.iter().filter(|f| f.as_os_str() == "-").count();
        let (out, in_place, alone) = (args.signing.out(), args.place.in_place(), args.files.len() == 1);
        match out {
            _ if inputs > 1 => wrong("- is given twice, but standard input is only one file"),
            None if inputs > 0 => wrong("a file from standard input needs --out"),
            Some(out) if !alone && !out.is_dir() => {
                wrong(&format!("--out {} must be a folder when several files are signed", out.display()))
            }
            _ => Ok(Target { out, in_place, alone }),
        }
    }

    /// `own` is the name in the file's header; of a configuration file the name of the file that is made.
    fn of(&self, kind: Kind, path: &Path, own: &str) -> Result<PathBuf, CommandError> {
        let failed = |kind, what| {
            CommandError::new(kind, what).detail("", "nothing was signed and nothing was written")
        };
        match (self.out, kind) {
            (Some(file), _) if !file.is_dir() => Ok(file.to_owned()),
            (Some(folder), Kind::Config) => Ok(folder.join(own)),
            (Some(folder), _) if path.as_os_str() != "-" => {
                Ok(folder.join(path.file_name().unwrap_or(path.as_os_str())))
            }
            // Standard input has no name of its own.
            (Some(folder), _) if is_tftp_name(own) => Ok(folder.join(own.rsplit('/').next().unwrap_or(own))),
            (Some(_), _) => {
                let what = format!(
                    "the file from standard input has the name {own:?} in it, which is not a plain \
                    file name"
                );
                Err(failed(ErrorKind::File, what).hint("give the file to write: --out FILE"))
            }
            (None, Kind::Config) => Ok(path.with_file_name(own)),
            (None, _) if self.in_place => Ok(path.to_owned()),
            (None, Kind::List) if !self.alone => {
                let file = path.display();
                let what =
                    format!("there are several files to sign, and {file} is a list: give its destination");
                Err(failed(ErrorKind::Usage, what)
                    .hint("--out DIR writes the files into a folder")
                    .hint("--in-place replaces them; the old files are kept as NAME.bak"))
            }
            (None, _) => Ok(beside(path)),
        }
    }
}
