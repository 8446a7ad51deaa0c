//! The command line as help, man pages and completions show it: a short help of one screen, examples, candidates.

use clap::{Arg, ArgAction, Command};

use super::complete;

/// What can be typed, a command a line, with the names of the demo tokens.
const EXAMPLES: &str = include_str!("examples.txt");

/// Where the options are explained that every command takes.
const GLOBAL: &str = "More with --help. Global options: sastctl help";

/// Commands that are typed seldom: the short help names them in its last line.
const SELDOM: [&str; 4] = ["start", "ceremony", "completions", "man"];

/// Options that only `--help` explains, `-h` does not: of every command, of revert, of ctl create, of phones, of other runs.
const ONLY_IN_LONG_HELP: [(&str, &str); 13] = [
    (
        "",
        "timestamp digest signer_version name_style allow_last_try plan_digest journal journal_sign identity known_hosts \
         host_key legacy_ssh jump transcript tftp_port http_port https_port tls_fingerprint tvs_port legacy_tls tvs_ask \
         tvs_wait tvs_timeout device_name publish_wait dump at_once cluster_name ledger replication_is_ok nodes_reach_each_other \
         backup_is_there licence_is_there phone_http_port phone_https_port phone_timeout phones_sample phones_from \
         file_name change unit organization id days",
    ),
    ("request", "add_server remove_server set_mode force valid"),
    ("request revert", "user password_source no_tvs by"),
    ("revert", "add_server remove_server set_mode user password_source no_tvs by"),
    ("ctl create", "add_server remove_server set_mode"),
    ("client", "user password_source"),
    ("ctl update", "user password_source"),
    ("request update", "user password_source"),
    ("phones", "sample user password_source"),
    ("diagnose", "user password_source no_tvs"),
    ("migrate run", "user password_source no_tvs by tftp_root out"),
    ("renew", "certificate out user password_source"),
    ("tokenless", "user password_source"),
];

/// The whole command line, as it is shown.
pub fn arrange(root: Command) -> Command {
    // The commands alone fill the screen of a short help.
    let flag = |name, letter, action, says| {
        Arg::new(name).short(letter).long(name).action(action).help(says).hide_short_help(true)
    };
    let root = root.help_template("{about-with-newline}{usage-heading} {usage}\n{all-args}{after-help}");
    let root = root.disable_help_flag(true).disable_version_flag(true).args([
        flag("help", 'h', ArgAction::Help, "Print help").global(true),
        flag("version", 'V', ArgAction::Version, "Print version"),
    ]);
    let root = root.mut_args(|arg| if arg.is_global_set() { arg.hide_short_help(true) } else { arg });
    let signer = root.get_arguments().find(|arg| arg.get_id() == "token").map(|token| {
        let says = "The token that signs: a SAST name, a label, a serial number or a pkcs11: URI [default: the only one]";
        token.clone().help(says).help_heading(None).display_order(0).hide_short_help(false)
    });
    let named =
        |command: &Command| (command.get_name().to_owned(), command.get_about().cloned().unwrap_or_default());
    let commands: Vec<_> = root.get_subcommands().map(named).collect();
    let root = below(root, "", signer.as_ref()).mut_subcommand("help", |help| {
        help.mut_arg("words", |words| complete::with_commands_and_topics(words, commands))
    });
    let also = format!("Also: {}", SELDOM.join(", "));
    let root = root.after_help(format!("Global options: sastctl help. {also}")).after_long_help(also);
    seldom_hidden(root, true)
}

/// The command line with or without its seldom commands in the list.
pub fn seldom_hidden(root: Command, hide: bool) -> Command {
    SELDOM.iter().fold(root, |root, name| root.mut_subcommand(name, |inner| inner.hide(hide)))
}

fn below(command: Command, path: &str, signer: Option<&Arg>) -> Command {
    let signs = command.get_arguments().any(|arg| arg.get_id() == "plan_digest");
    let hides = |of: &str, options: &str, id: &str| {
        path.starts_with(of) && options.split(' ').any(|option| option == id)
    };
    let mut order = 0_usize;
    let asks = path.starts_with("request ");
    let command = command.mut_args(|arg| {
        let arg = if asks { of_files_alone(arg) } else { arg };
        order = order.saturating_add(1);
        let id = arg.get_id().as_str();
        let hidden =
            ONLY_IN_LONG_HELP.iter().any(|(of, options)| hides(of, options, id)) || (signs && id == "force");
        let hidden = hidden || arg.is_hide_short_help_set();
        with_texts(complete::with_candidates(arg.hide_short_help(hidden).display_order(order), path))
    });
    let signer_file = signer.cloned().map(of_files_alone).filter(|_| asks);
    let command =
        if signs { command.args(signer.cloned().map(with_texts)) } else { command.args(signer_file) };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let command = match first_part(&about) {
        first if first != about && command.get_long_about().is_none() => {
            command.about(first).long_about(about)
        }
        _ => command,
    };
    let typed: String = examples(path).map(|line| format!("  {}\n", folded(line))).collect();
    let typed = if typed.is_empty() { typed } else { format!("Examples:\n{}", typed.trim_end()) };
    command.after_help(GLOBAL).after_long_help(typed).mut_subcommands(|inner| {
        let path = format!("{path} {}", inner.get_name());
        below(inner, path.trim_start(), signer)
    })
}

/// The short help is the first part of the long one, which also names the variable of the environment.
fn with_texts(arg: Arg) -> Arg {
    let Some(whole) = arg.get_help().map(ToString::to_string).filter(|_| arg.get_long_help().is_none())
    else {
        return arg;
    };
    let variable = arg.get_env().map(|name| format!("\n\n[env: {}]", name.display())).unwrap_or_default();
    arg.help(first_part(&whole)).long_help(whole + &variable).hide_env(true)
}

/// Where no token is at hand, a token is named by its certificate file.
fn of_files_alone(arg: Arg) -> Arg {
    let is_token = |name: &str| ["SELECTOR", "SELECTOR|FILE"].contains(&name);
    match arg.get_value_names() {
        Some([name]) if is_token(name) => {
            let says = match arg.get_id().as_str() {
                "token" => "The certificate file of the token that is to sign",
                _ => "The certificate file of a further token; may be given several times",
            };
            arg.value_name("CERT").help(says)
        }
        _ => arg,
    }
}

/// An example that fits 80 columns, in two lines if it must be.
pub fn folded(line: &str) -> String {
    let end = line.get(..79).and_then(|start| start.rfind(" --"));
    match end.and_then(|end| line.split_at_checked(end)) {
        Some((first, second)) => format!("{first} \\\n     {second}"),
        None => line.to_owned(),
    }
}

/// The examples of a command; of a group of commands the first of each.
pub fn examples(path: &str) -> impl Iterator<Item = &'static str> {
    let begins = format!("sastctl {path} ");
    let of_it: Vec<_> = EXAMPLES.lines().filter(|line| format!("{line} ").starts_with(&begins)).collect();
    let group =
        ["token", "cert", "ctl", "cluster", "profile", "journal", "phones", "request"].contains(&path);
    let word = |line: &'static str| line.split(' ').nth(2);
    let mut last = None;
    of_it.into_iter().filter(move |line| !group || std::mem::replace(&mut last, word(line)) != word(line))
}

/// A help text up to its first pause, without what is in brackets at its end if it is long: the rest only `--help` prints.
fn first_part(text: &str) -> String {
    let until = |text: &str, pauses: &[&str]| {
        let end = pauses.iter().filter_map(|pause| text.find(pause)).min();
        end.and_then(|end| text.get(..end)).unwrap_or(text).to_owned()
    };
    let first = until(text, &["; ", ". ", " [default"]);
    if first.len() <= 40 {
        return first;
    }
    let first = until(&first, &[": "]);
    match first.strip_suffix(')').and_then(|inner| inner.rsplit_once(" (")) {
        Some((before, _)) => before.to_owned(),
        None => first,
    }
}
