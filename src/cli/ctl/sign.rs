//! `ctl sign`: lists signed again as they are, configuration files made into `.sgn`; many files, one login.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::signing::{PlaceArgs, SigningArgs, sign};
use crate::cli::{CommandError, Settings, TerminalOperator, Ui};
use crate::trustlist::is_tftp_name;
use crate::workflow::signing::{Batch, FilesToSign, SigningSession};

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
    check(args)?;
    let files = FilesToSign {
        files: &args.files,
        out: args.signing.out.as_deref(),
        in_place: args.place.in_place,
        file_name: args.file_name.as_deref(),
    };
    let (options, selector) = (settings.module_options(), settings.selector()?);
    let operator = TerminalOperator::new(settings, ui);
    let session = files.signed_by(SigningSession::open_for_one(&options, selector.as_ref(), &operator)?);
    let signer = session.signer().certificate().clone();
    let request = args.signing.request(&signer)?;
    let plan = |path: &Path| files.plan(path, &request);
    // A JSON document has all plans in it; people read one after the other, and such plans are made twice.
    let batch = if args.files.len() > 1 && files.are_plain() && !ui.json {
        Batch::Files { paths: &args.files, plan: &plan }
    } else {
        Batch::Planned(args.files.iter().map(|path| plan(path)).collect::<Result<_, _>>()?)
    };
    sign("ctl-sign", &session, batch, &args.signing, (settings, ui))
}

/// Options that do not fit the files.
fn check(args: &SignArgs) -> Result<(), CommandError> {
    let inputs = args.files.iter().filter(|f| f.as_os_str() == "-").count();
    let (several, out, name) = (args.files.len() > 1, &args.signing.out, args.file_name.as_deref());
    Err(CommandError::usage(match out {
        _ if inputs > 1 => "- is given twice, but standard input is only one file".to_owned(),
        None if inputs > 0 => "a file from standard input needs --out".to_owned(),
        Some(out) if several && !out.is_dir() => {
            format!("--out {} must be a folder when several files are signed", out.display())
        }
        _ => match name.filter(|name| several || !is_tftp_name(name) || !name.ends_with(".sgn")) {
            Some(name) => format!(
                "--file-name {name:?} is not a .sgn file below the TFTP root, or there are several files to sign"
            ),
            None => return Ok(()),
        },
    }))
}
