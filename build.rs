//! Notes the commit that the program is built from, for `--version --verbose`.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=SASTCTL_COMMIT");
    // A file that is not there would count as changed at every build.
    if std::path::Path::new(".git/HEAD").exists() {
        println!("cargo:rerun-if-changed=.git/HEAD");
    }
    let commit = std::env::var("SASTCTL_COMMIT").ok().or_else(from_git).or_else(from_crate);
    println!("cargo:rustc-env=SASTCTL_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo:rustc-env=SASTCTL_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}

fn from_git() -> Option<String> {
    let output =
        Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// What `cargo package` writes into a crate.
fn from_crate() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\": \"")?;
    Some(rest.split_once('"')?.0.to_owned())
}
