//! The reference: every command, option, variable and profile is in it.

use std::fmt::Write as _;

use crate::pki::{path, read};
use crate::support::World;

/// What the page of commands begins with.
const HEAD: &str = "# Commands\n\nThe help of every command, as `--help` prints it. The options\n\
    that every command takes stand at the first one.\n";

/// The help of a command, and the commands below it.
fn help(world: &World, command: &str) -> (String, Vec<String>) {
    let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
    let text = world.run(&words).done().stdout.trim_end().to_owned();
    let listed =
        text.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let names = listed
        .lines()
        .filter_map(|l| l.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    let also = text.lines().find_map(|l| l.strip_prefix("Also: ")).unwrap_or_default();
    let names = names.chain(also.split(", ").filter(|name| !name.is_empty()));
    let below = names.map(|name| format!("{command} {name}").trim().to_owned()).collect();
    (text, below)
}

/// Without the options that every command takes.
fn own(help: &str) -> String {
    let mut is_global = false;
    let own = help.lines().filter(|line| {
        if !line.is_empty() && !line.starts_with(' ') {
            is_global = line.starts_with("Global options");
        }
        !is_global
    });
    own.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Every command with its help.
fn all() -> Vec<(String, String)> {
    let mut world = World::new();
    world.set("COLUMNS", "78");
    let mut all = vec![];
    let mut next = vec![String::new()];
    while let Some(command) = next.pop() {
        let (text, below) = help(&world, &command);
        next.extend(below.into_iter().rev());
        all.push((command, text));
    }
    all
}

/// The names of every command: `ctl update`.
pub fn commands() -> Vec<String> {
    all().into_iter().map(|(command, _)| command).collect()
}

#[test]
fn the_page_of_commands_is_what_the_program_prints() {
    let mut page = HEAD.to_owned();
    for (command, help) in all() {
        let text = if command.is_empty() { help } else { own(&help) };
        let name = format!("sastctl {command}");
        let text: Vec<&str> = text.lines().map(str::trim_end).collect();
        write!(page, "\n## {}\n\n```text\n{}\n```\n", name.trim(), text.join("\n")).unwrap();
    }
    if super::is_update() {
        std::fs::write(path("docs/guide/commands.md"), &page).unwrap();
    }
    let told = String::from_utf8(read("docs/guide/commands.md")).unwrap();
    assert!(told == page, "docs/guide/commands.md is not what the program prints; GUIDE=update writes it");
}

#[test]
fn the_page_of_the_configuration_names_every_key_and_variable() {
    let told = String::from_utf8(read("docs/guide/configuration.md")).unwrap();
    let help: String = all().into_iter().map(|(_, help)| help).collect();
    let variables =
        help.split(|c: char| !c.is_ascii_uppercase() && c != '_').filter(|w| w.starts_with("SASTCTL_"));
    let missing: Vec<_> = variables.filter(|name| !told.contains(&format!("| {name} "))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // The program reads the file that the page shows.
    let world = World::new();
    let folder = world.path("home/.config/sastctl");
    std::fs::create_dir_all(&folder).unwrap();
    let file = told.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    std::fs::write(folder.join("config.toml"), file).unwrap();
    world.run(&["profile", "list"]).done();
    let keys = "profile module token pin-source timeout color json verbose quiet";
    for key in keys.split(' ') {
        assert!(file.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key}");
    }
    std::fs::write(folder.join("config.toml"), "no-such-key = 1\n").unwrap();
    let refused = world.run(&["profile", "list"]);
    let (_, named) = refused.stderr.split_once("the keys are ").unwrap();
    assert_eq!(
        named.trim().replace(" and ", ", ").replace(", ", " ").split_whitespace().count(),
        keys.split(' ').count()
    );
}

#[test]
fn the_page_of_profiles_names_every_profile() {
    let told = String::from_utf8(read("docs/guide/profiles.md")).unwrap();
    let list = World::new().run(&["profile", "list", "--json"]).done().json();
    for profile in list["profiles"].as_array().unwrap() {
        let name = profile["name"].as_str().unwrap();
        assert!(told.contains(&format!("| {name} ")), "{name}");
    }
}

/// What the register has of the guide alone is quoted from it: where a page changes its words, so does the register.
#[test]
fn what_the_register_quotes_stands_in_the_page() {
    let register = String::from_utf8(read("docs/facts.md")).unwrap();
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    let mut rows = 0;
    for line in register.lines().filter(|line| line.starts_with("| guide.")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let page = plain(&String::from_utf8(read(cells[3])).unwrap());
        for quoted in cells[1].split('`').skip(1).step_by(2) {
            assert!(page.contains(quoted), "{}: {quoted:?} is not in {}", cells[0], cells[3]);
        }
        rows += 1;
    }
    assert!(rows >= 10, "{rows}");
}
