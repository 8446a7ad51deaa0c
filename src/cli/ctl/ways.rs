//! `ctl ways`: the procedures that start from a list in force.

use std::path::PathBuf;

use askama::Template;
use clap::Args;

use super::super::cluster_run::readiness_text;
use super::super::next::spell;
use super::super::signing::now;
use crate::cli::texts::text;
use crate::cli::{CommandError, STATE, Ui};
use crate::trustlist::ListKind;
use crate::workflow::advice::{Procedure, Step, procedures};
use crate::workflow::{Readiness, Release, display_name, read_verified};

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
        let what = format!("{} is an ITL: give the CTL of the cluster", display_name(&args.file));
        return Err(CommandError::usage(what).hint("sastctl ctl ways CTLFile.tlv"));
    }
    let release = args.release.as_deref();
    release
        .map(str::parse::<Release>)
        .transpose()
        .map_err(|e| CommandError::usage(format!("--release {e}")))?;
    let (before, mut open) = procedures(&old, &args.file.display().to_string(), release, now());
    if let Some(name) = &args.way {
        let names: Vec<&str> = open.iter().map(|w| w.name).collect();
        let unknown = CommandError::usage(format!("{name:?} is not possible from this list"))
            .did_you_mean(name, names.iter().copied())
            .detail("possible", names.join(", "));
        open.retain(|w| w.name == name);
        if open.is_empty() {
            return Err(unknown);
        }
    }
    show("ctl-ways", &before, &open, ui)
}

/// The answer of a command that lists procedures.
pub fn show(schema: &str, before: &[Readiness], ways: &[Procedure], ui: &Ui) -> Result<(), CommandError> {
    let document = serde_json::json!({ "before": before, "ways": ways.iter().map(json).collect::<Vec<_>>() });
    ui.answer(schema, &document, || {
        let before = if before.is_empty() { String::new() } else { readiness_text(before) };
        text(&WaysText { before, ways }).trim_start().to_owned()
    })
}

#[derive(Template)]
#[template(path = "ways.txt")]
struct WaysText<'a> {
    before: String,
    ways: &'a [Procedure],
}

fn json(procedure: &Procedure) -> serde_json::Value {
    let command = |step: &Step| step.next.as_ref().map(spell);
    let step = |s: &Step| serde_json::json!({ "act": s.act, "command": command(s), "phones": s.phones });
    let steps: Vec<_> = procedure.steps.iter().map(step).collect();
    let mut json = serde_json::json!({ "name": procedure.name, "what": procedure.what, "steps": steps });
    if let (Some(closed), Some(json)) = (&procedure.closed, json.as_object_mut()) {
        json.insert("closed".to_owned(), closed.as_str().into());
    }
    json
}
