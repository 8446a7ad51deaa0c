//! `help`, `completions`, `man`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_complete::env::Shells;
use jiff::Timestamp;

use super::topics::{self, Topic};
use super::{CommandError, ErrorKind, Ui, arrange, complete};
use crate::files::{self, OnExisting};
use crate::ui::unwrap_paragraphs;

/// What the foot of a man page names.
const SOURCE: &str = concat!("sastctl ", env!("CARGO_PKG_VERSION"));

/// Explain a command or a topic
#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command (`ctl update`), or a topic: `sastctl help` lists the topics
    words: Vec<String>,
}

/// Print what a shell loads for completions
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
pub fn help(args: &HelpArgs, command: Command, ui: &Ui) -> Result<(), CommandError> {
    let mut command = arrange::seldom_hidden(command, false);
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
            let error = CommandError::usage(what);
            let titled =
                topics::all().find(|topic| topic.title().to_lowercase().contains(&word.to_lowercase()));
            let error = match titled {
                Some(topic) => error.hint(format!("the topic {}: {}", topic.name, topic.title())),
                None => {
                    error.did_you_mean(word, names.into_iter().chain(topics::all().map(|topic| topic.name)))
                }
            };
            return Err(error.hint("sastctl help lists the commands and the topics"));
        };
        command = inner.clone();
    }
    let mut help = command.render_long_help();
    if args.words.is_empty() {
        // Commands, options and topics, a line or two for each; `sastctl --help` explains more.
        help = command.mut_args(|arg| arg.hide_short_help(false)).after_help(None::<&str>).render_help();
        let _ = write!(help, "\nTopics for sastctl help TOPIC\n\n{}", topics::list());
    }
    ui.help(&help)
}

/// Prints what a shell loads; then it asks this program for candidates.
pub fn completions(args: &CompletionsArgs, ui: &Ui) -> Result<(), CommandError> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    if let Some(shell) = shells.completer(&args.shell.to_string()) {
        let failed = |e| CommandError::new(ErrorKind::File, "the script was not made").caused_by(&e);
        shell
            .write_registration(complete::VARIABLE, "sastctl", "sastctl", "sastctl", &mut script)
            .map_err(failed)?;
    }
    let script = String::from_utf8_lossy(&script);
    // zsh loads the file as a function, and calls it, when it completes for the first time; `source` only registers it.
    let register = "\ncompdef _clap_dynamic_completer_sastctl sastctl\n";
    let or_complete = format!(
        "\nif [[ $funcstack[1] == _sastctl ]]; then\n    _clap_dynamic_completer_sastctl \"$@\"\nelse{}fi\n",
        register.replacen('\n', "\n    ", 1)
    );
    ui.write(script.replace(register, &or_complete).as_bytes())
}

/// Writes a man page per command.
pub fn man(args: &ManArgs, root: Command, ui: &Ui) -> Result<(), CommandError> {
    let mut root = arrange::seldom_hidden(root, false);
    let failed = |e: std::io::Error| {
        let what = format!("the man pages were not written to {}", args.dir.display());
        CommandError::new(ErrorKind::File, what).caused_by(&e)
    };
    files::make_folder(&args.dir)?;
    let date = date();
    root.build();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    for command in &pages {
        let mut page = Vec::new();
        let plain = command.clone().after_help(None::<&str>).after_long_help(None::<&str>);
        clap_mangen::Man::new(plain)
            .date(&date)
            .source(SOURCE)
            .manual("sastctl")
            .render(&mut page)
            .map_err(failed)?;
        // Two breaks before possible values, and empty lines, are what roff has another request for.
        let page = String::from_utf8_lossy(&page).replace(".br\n\n.br\n", ".sp\n").replace("\n\n", "\n.sp\n");
        let page = page + &more_sections(command);
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        files::write_new(&args.dir.join(format!("{name}.1")), page.as_bytes(), OnExisting::Replace)?;
    }
    for topic in topics::all() {
        let path = args.dir.join(format!("sastctl-{}.7", topic.name));
        files::write_new(&path, topic_page(topic, &date).as_bytes(), OnExisting::Replace)?;
    }
    let count = pages.len().saturating_add(topics::all().count());
    ui.note(&format!("{count} man pages in {}", args.dir.display()));
    Ok(())
}

/// The date of the pages: SOURCE_DATE_EPOCH, else today.
fn date() -> String {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let time =
        seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_else(Timestamp::now);
    time.strftime("%Y-%m-%d").to_string()
}

/// Examples, exit codes, variables, and the pages of other commands and of topics.
fn more_sections(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = command.get_bin_name().unwrap_or_default().trim_start_matches("sastctl").trim_start();
    let examples: String =
        arrange::examples(path).map(|line| format!("{}\n", arrange::folded(line))).collect();
    let entry =
        |term: &str, says: &str| format!(".TP\n{}{}", verbatim(&format!("\\fB{term}\\fR")), verbatim(says));
    let codes = topics::all().find(|topic| topic.name == "exit-codes").map(Topic::text).unwrap_or_default();
    // Rows of a table, as the page has it.
    let codes = codes.lines().filter_map(|line| line.trim_matches(['|', ' ']).split_once(['|', ' ']));
    let codes = codes.filter(|(code, _)| code.parse::<u8>().is_ok());
    let codes = codes.map(|(code, says)| entry(code, &says.trim_matches(['|', ' ']).replace('`', "")));
    let variable = |arg: &clap::Arg| {
        let option = format!("the value of --{}", arg.get_long()?);
        Some(entry(&arg.get_env()?.to_string_lossy(), &option))
    };
    let variables: String = command.get_arguments().filter_map(variable).collect();
    let parent = name.rsplit_once('-').map(|(parent, _)| parent.to_owned());
    let inner = command.get_subcommands().filter_map(|inner| inner.get_display_name().map(str::to_owned));
    let commands = parent.into_iter().chain(inner).map(|name| format!("{name}(1)"));
    let topics = topics::all().map(|topic| format!("sastctl-{}(7)", topic.name));
    let see: Vec<String> =
        commands.chain(topics).map(|page| format!(".BR {}\n", page.replace('(', " ("))).collect();
    let examples = if examples.is_empty() {
        examples
    } else {
        format!(".SH EXAMPLES\n.nf\n{}.fi\n", verbatim(&examples.replace('\\', "\\e")))
    };
    format!(
        "{examples}.SH EXIT STATUS\n{}.SH ENVIRONMENT\n{variables}.SH SEE ALSO\n{}",
        codes.collect::<String>(),
        see.join("").replace(")\n.BR", "),\n.BR"),
    )
}

/// Lines as they are: a dot or an apostrophe at the beginning of a line is roff's own.
fn verbatim(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { ".sp\n".to_owned() } else { format!("\\&{line}\n") })
        .collect()
}

/// A topic as a man page: its lines as they are.
fn topic_page(topic: &Topic, date: &str) -> String {
    let lines = verbatim(&topic.text().replace('\\', "\\e"));
    let (name, title) = (topic.name, topic.title());
    format!(
        ".TH sastctl-{name} 7 \"{date}\" \"{SOURCE}\" \"sastctl\"\n.SH NAME\nsastctl-{name} \\- {title}\n.SH DESCRIPTION\n.nf\n{lines}.fi\n"
    )
}

fn collect(command: &Command, pages: &mut Vec<Command>) {
    pages.push(command.clone());
    for inner in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        collect(inner, pages);
    }
}
