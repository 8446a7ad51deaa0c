//! `token watch`.

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::error::{CommandError, ErrorKind};
use super::settings::Settings;
use super::ui::{Ui, printable};
use crate::workflow::{TokenEvent, TokenWatch};

/// Report token insertions and removals, one line each
///
/// --timeout ends it after that many seconds. If --count events have not happened by then, the exit code is 1.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// End after N events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Runs it.
pub fn run(args: &WatchArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    // Here --timeout is how long it watches.
    let module = Settings { timeout: None, ..settings.clone() }.module_options().open()?;
    let mut watch = TokenWatch::begin(&module)?;
    let end = settings.timeout.and_then(|s| Instant::now().checked_add(Duration::from_secs(s)));
    let there: Vec<String> = watch.present().iter().map(|contents| contents.token.label.to_owned()).collect();
    ui.note(&match there.as_slice() {
        [] => "Watching. No token is inserted.".to_owned(),
        labels => format!("Watching. Inserted: {}.", printable(&labels.join(", "))),
    });
    let mut seen: u64 = 0;
    loop {
        let left = end.map_or(Duration::from_secs(3600), |end| end.saturating_duration_since(Instant::now()));
        for event in watch.next(&module, left)? {
            tell(&event, ui)?;
            seen = seen.saturating_add(1);
            if args.count.is_some_and(|count| seen >= count) {
                return Ok(());
            }
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return match args.count {
                None => Ok(()),
                Some(count) => Err(CommandError::new(
                    ErrorKind::No,
                    format!("{seen} of {count} events in {} seconds", settings.timeout.unwrap_or_default()),
                )),
            };
        }
    }
}

fn tell(event: &TokenEvent, ui: &Ui) -> Result<(), CommandError> {
    let contents = &event.contents;
    let word = if event.inserted { "inserted" } else { "removed" };
    let time = Timestamp::now();
    let names: Vec<String> = contents.sast_names().collect();
    if ui.is_json() {
        let line = serde_json::json!({
            "time": format!("{time:.3}"), "event": word, "token": contents.token, "certificates": names,
            "problem": contents.trouble(),
        });
        return ui.print(&line.to_string());
    }
    let token = &contents.token;
    let mut facts = vec![format!("serial {}", token.serial)];
    if !token.reader.is_empty() {
        facts.push(format!("reader {}", token.reader));
    }
    facts.extend(names);
    facts.extend(contents.trouble());
    if !token.initialized {
        facts.push("not initialised".to_owned());
    }
    ui.print(&printable(&format!("{time:.3}  {word:<8}  {}  {}", token.label, facts.join(", "))))
}
