//! `help`, `completions`, `man`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::topics::{self, Topic};
use super::ui::unwrap_paragraphs;
use super::{CommandError, ErrorKind, Ui};
use crate::files::{self, OnExisting};

/// Explain a command or a topic
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command (`ctl update`), or a topic: `sastctl help` lists the topics
    words: Vec<String>,
}

/// Print the completion script for a shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages to a folder
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder
    dir: PathBuf,
}

/// A line of a topic that has so many characters with the next word was broken because it was full.
const FULL: usize = 76;

/// Prints a topic or the help of a command.
pub fn help(args: &HelpArgs, mut command: Command, ui: &Ui) -> Result<(), CommandError> {
    if let [word] = &args.words[..]
        && let Some(topic) = topics::all().find(|topic| topic.name == word)
    {
        return ui.page(&unwrap_paragraphs(&topic.text(), FULL));
    }
    command.build();
    for word in &args.words {
        let Some(inner) = command.find_subcommand(word) else {
            let what = format!("there is no command or topic {word:?}");
            let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            return Err(CommandError::usage(what)
                .did_you_mean(word, names.into_iter().chain(topics::all().map(|topic| topic.name)))
                .hint("sastctl help lists the commands and the topics"));
        };
        command = inner.clone();
    }
    let mut help = command.render_long_help();
    if args.words.is_empty() {
        let _ = write!(help, "\nTopics for sastctl help TOPIC\n\n{}", topics::list());
    }
    ui.help(&help)
}

/// Prints a shell's completions.
pub fn completions(args: &CompletionsArgs, mut root: Command, ui: &Ui) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut root, "sastctl", &mut script);
    ui.write(&script)
}

/// Writes a man page per command.
pub fn man(args: &ManArgs, mut root: Command, ui: &Ui) -> Result<(), CommandError> {
    let failed = |e: std::io::Error| {
        let what = format!("the man pages were not written to {}", args.dir.display());
        CommandError::new(ErrorKind::File, what).caused_by(&e)
    };
    files::make_folder(&args.dir)?;
    root.build();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    for command in &pages {
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        files::write_new(&args.dir.join(format!("{name}.1")), &page, OnExisting::Replace)?;
    }
    for topic in topics::all() {
        let path = args.dir.join(format!("sastctl-{}.7", topic.name));
        files::write_new(&path, topic_page(topic).as_bytes(), OnExisting::Replace)?;
    }
    let count = pages.len().saturating_add(topics::all().count());
    ui.note(&format!("{count} man pages in {}", args.dir.display()));
    Ok(())
}

/// A topic as a man page: its lines as they are.
fn topic_page(topic: &Topic) -> String {
    // A dot or an apostrophe at the beginning of a line, and every backslash, is roff's own.
    let text = topic.text().replace('\\', "\\e");
    let lines: String = text.lines().map(|line| format!("\\&{line}\n")).collect();
    let (name, title) = (topic.name, topic.title());
    format!(".TH sastctl-{name} 7\n.SH NAME\nsastctl-{name} \\- {title}\n.SH DESCRIPTION\n.nf\n{lines}.fi\n")
}

fn collect(command: &Command, pages: &mut Vec<Command>) {
    pages.push(command.clone());
    for inner in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        collect(inner, pages);
    }
}
