//! `client`: the CTL Client's windows, one after the other, in its order and words.
//!
//! They are a sequence in `workflow`; the terminal is here.

mod drawing;
mod form;
mod operator;
mod plain;
mod result;
mod screen;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use operator::ClientOperator;
use screen::{SMALLEST, Screen};

use crate::cli::signing::{note_signed, written_text};
use crate::cli::{ClientArgs, Settings, TerminalOperator};
use crate::cluster::Connector;
use crate::system::terminal;
use crate::ui::next::{list_command, shell};
use crate::ui::{CommandError, ErrorKind, Ui, interrupt};
use crate::workflow::{
    Finished, ListCommand, ListOption, SignedList, WindowOperator as _, WindowView, Windows,
};

/// Shows the windows until a list is signed or the operator leaves them.
pub fn run(args: &ClientArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    if args.signing.out.as_ref().is_some_and(|out| out.as_os_str() == "-") {
        return Err(CommandError::usage("the windows write a file; --out - is not possible")
            .hint("give a folder, or a file that ends in .tlv")
            .hint("sastctl revert, ctl create and ctl update write to standard output"));
    }
    if ui.json || !ui.can_ask() {
        return Err(CommandError::usage("the windows need a terminal")
            .hint("sastctl revert, ctl create and ctl update do the same without questions"));
    }
    args.signing.request_options()?;
    let named = settings.selector()?;
    interrupt::listen()?;
    let _terminal = terminal::remember();
    let module = settings.module_options().open()?;
    let terminal = &TerminalOperator {
        password_source: args.connect.operator(false, settings, ui)?.password_source,
        ..args.signing.operator(false, settings, ui)
    };
    let screen = match why_plain(args.plain, settings.verbose) {
        None => Some(Screen::begin().map_err(|e| {
            CommandError::usage("the windows were not drawn")
                .caused_by(&e)
                .hint("--plain shows them as lines of text")
        })?),
        Some(why) => {
            anstream::ColorChoice::Never.write_global();
            ui.show(&why);
            None
        }
    };
    let operator = ClientOperator { terminal, screen: screen.map(Mutex::new) };
    operator.show_window(WindowView::Text(INTRODUCTION));
    let connect = || Connector::new(args.connect.options(), &operator);
    let mut windows = Windows {
        operator: &operator,
        module,
        source: args.file.clone().unwrap_or_else(|| PathBuf::from("CTLFile.tlv")),
        node: args.node.clone(),
        user: args.connect.options().user,
        connect: &connect,
        connector: None,
        cluster: None,
        ports: args.ports.ports(),
        folder: args.signing.out.clone().unwrap_or_else(|| PathBuf::from(".")),
        out: args.signing.out.clone(),
        named,
        request: &|signer| Ok(args.signing.request(signer)?),
        order: args.signing.order("client"),
    };
    let finished = windows.run();
    let next = match &finished {
        Ok(Some(Finished::Signed(list))) => {
            let what: String = terminal.written().iter().map(written_text).collect();
            let what = format!("{what}{}", result::window(list, None));
            let wait = Duration::from_secs(args.publish.publish_wait);
            let mut publish = || windows.publish(list, &args.publish.tftp_root, wait);
            result::show(list, &operator, &what, &mut publish)
        }
        _ => Ok(()),
    };
    drop(windows);
    let screen = operator.screen.map(|screen| screen.into_inner().unwrap_or_else(PoisonError::into_inner));
    let kept = screen.map(Screen::leave).unwrap_or_default();
    let written: String = terminal.written().iter().map(written_text).collect();
    if !written.is_empty() {
        terminal.tell(&written)?;
    }
    if !kept.is_empty() {
        ui.show(&kept);
    }
    let finished = finished?
        .ok_or_else(|| CommandError::new(ErrorKind::Interrupted, "cancelled; nothing was written"))?;
    let Finished::Signed(list) = finished else { return Ok(()) };
    note_signed(&list.signed, ui);
    ui.show(&result::window(&list, None));
    let mut again = args.signing.again();
    let module = settings.module.as_ref().map(|path| path.display().to_string());
    for (name, value) in [("--profile", &settings.profile), ("--module", &module)] {
        again.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    ui.show_as_it_is(&commands(&list, &again));
    next
}

const INTRODUCTION: &str = "Cisco CTL Client, in the terminal. The same without questions: sastctl revert (from tokenless to \
    tokens), sastctl ctl create (a first CTL), sastctl ctl update (everything else).";

/// Why the windows are lines of text; `None` if they are full-screen forms.
fn why_plain(plain: bool, verbose: u8) -> Option<String> {
    let term = std::env::var("TERM").unwrap_or_default();
    let moves_cursor = term != "dumb" && (!term.is_empty() || std::env::consts::OS == "windows");
    let (columns, lines) = crossterm::terminal::size().unwrap_or_default();
    let fits = columns >= SMALLEST.0 && lines >= SMALLEST.1;
    let why = match () {
        () if plain => return Some(String::new()),
        () if !moves_cursor => "this terminal does not move its cursor (TERM)".to_owned(),
        () if verbose > 0 => "the log is on the same terminal (--verbose)".to_owned(),
        () if !fits => format!(
            "the terminal has {columns}x{lines} characters, the windows need {}x{}",
            SMALLEST.0, SMALLEST.1
        ),
        () => return None,
    };
    Some(format!("Lines of text instead of full-screen windows: {why}."))
}

/// The exact command that does the same without questions; `again` are the options of the windows themselves that decide
/// what is signed and by which module.
fn commands(list: &SignedList, again: &[String]) -> String {
    let SignedList { choices, plan, source, out, .. } = list;
    let time = jiff::Timestamp::from_second(i64::from(plan.draft().options.timestamp));
    let time = time.map(|t| t.to_string()).unwrap_or_default();
    let (signer, out) = (plan.signer().sast_name(), out.display().to_string());
    let again = again.iter().map(String::as_str);
    let end: Vec<&str> =
        ["--timestamp", &time].into_iter().chain(again).chain(["--out", &out, "--yes"]).collect();
    let line = |command, file: &str, more: Vec<ListOption>| {
        let options = [vec![ListOption::Signer(signer.clone())], more].concat();
        let mut words = list_command(command, file, &options);
        words.extend(end.iter().map(|word| (*word).to_owned()));
        shell(&words)
    };
    let command = choices.command(plan);
    let options = if command == ListCommand::Resign { vec![] } else { choices.options() };
    let first = line(command, &source.display().to_string(), options);
    let mut text = format!("\nThe same without questions:\n  {first}");
    for serial in choices.leave_afterwards() {
        let then = line(ListCommand::Update, &out, vec![ListOption::RemoveToken(serial)]);
        text.push_str(&format!("\n  {then}"));
    }
    text
}
