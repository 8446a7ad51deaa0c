//! `ctl ways`: the ways through that are open from a list in force.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::node_run::readiness_text;
use super::super::signing::now;
use super::super::ui::{Ui, printable};
use crate::trustlist::ListKind;
use crate::workflow::{Release, WayThrough, Ways, display_name, read_verified, ways};

/// List the possible procedures from a list in force: for lost tokens, over the bridge, to an HSM, back to tokenless
#[derive(Debug, Args)]
pub struct WaysArgs {
    /// The list in force
    file: PathBuf,
    /// The name of one procedure [default: all]
    way: Option<String>,
    /// The release of the cluster, as `show version active` prints it; it decides which procedures are possible
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
}

pub fn run(args: &WaysArgs, ui: &Ui) -> Result<(), CommandError> {
    let old = read_verified(&args.file)?;
    if old.list().kind() == ListKind::Itl {
        let what =
            format!("{} is an ITL: the ways through begin at the cluster's CTL", display_name(&args.file));
        return Err(CommandError::new(ErrorKind::Usage, what).hint("sastctl ctl ways CTLFile.tlv"));
    }
    let release = args.release.as_deref();
    release
        .map(str::parse::<Release>)
        .transpose()
        .map_err(|e| CommandError::new(ErrorKind::Usage, format!("--release {e}")))?;
    let Ways { before, ways: mut open } = ways(&old, &args.file.display().to_string(), release, now());
    if let Some(name) = &args.way {
        let names: Vec<&str> = open.iter().map(|w| w.name).collect();
        let unknown = CommandError::new(ErrorKind::Usage, format!("no way {name:?} is open from this list"))
            .detail("there are", names.join(", "));
        open.retain(|w| w.name == name);
        if open.is_empty() {
            return Err(unknown);
        }
    }
    if ui.is_json() {
        return ui.print_json(&serde_json::json!({ "before": before, "ways": open }));
    }
    let mut texts = vec![readiness_text(&before)];
    texts.extend(open.iter().map(text));
    ui.print(&texts.join("\n"))
}

fn text(way: &WayThrough) -> String {
    let mut text = format!("{}: {}\n", way.name, way.what);
    if let Some(closed) = &way.closed {
        let _ = writeln!(text, "  not open: {}", printable(closed));
    }
    for (index, step) in way.steps.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", index.saturating_add(1), printable(&step.act));
        if let Some(command) = &step.command {
            let _ = writeln!(text, "       {}", printable(command));
        }
        for line in &step.phones {
            let _ = writeln!(text, "     {}", printable(line));
        }
    }
    text
}
