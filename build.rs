//! Notes the commit that the program is built from, for `--version --verbose`, and whether OpenSSL can be loaded at its first call.

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
    note_openssl();
}

/// Whether OpenSSL is a library of version 3 whose functions `src/system/openssl.rs` can stand in for.
fn note_openssl() {
    println!("cargo:rustc-check-cfg=cfg(late_openssl)");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|it| it == value);
    let is_3 = std::env::var("DEP_OPENSSL_VERSION_NUMBER").is_ok_and(|number| number.starts_with('3'));
    let built_in = std::env::var_os("CARGO_FEATURE_VENDORED_OPENSSL").is_some();
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ARCH", "x86_64") && is_3 && !built_in {
        println!("cargo:rustc-cfg=late_openssl");
    }
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
