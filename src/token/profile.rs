//! HSM profiles: one TOML file per PKCS#11 module. A new HSM needs a new file, but no code.

use std::collections::HashSet;
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::TokenError;
use crate::files;
use crate::system::access;

macro_rules! built_in {
    ($($name:literal)*) => { [$(include_str!(concat!("../../hsm-profiles/", $name, ".toml"))),*] };
}

/// The built-in profiles in the order in which they are tried.
const BUILT_IN: [&str; 15] = built_in! {
    "safenet-etoken" "safenet-idprime" "luna" "nshield" "cloudhsm" "utimaco" "yubihsm2" "yubikey" "softhsm" "opensc"
    "opencryptoki" "tpm2" "p11-kit-client" "nss" "kryoptic"
};

/// A PKCS#11 module.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct Profile {
    /// Its name.
    pub name: String,
    pub description: String,
    pub paths: Paths,
    /// The module's own argument of C_Initialize (`pReserved`).
    pub init_argument: Option<String>,
    /// An environment variable that overrides the init argument.
    pub init_argument_env: Option<String>,
    #[serde(default)]
    pub environment: Vec<EnvironmentVariable>,
    /// Programs: one of them must run, or the module finds no tokens.
    #[serde(default)]
    pub daemons: Vec<String>,
    #[serde(default)]
    pub pin: PinFormat,
    #[serde(default)]
    pub slots: SlotRules,
    #[serde(default)]
    pub sign: SignRules,
    /// The software that makes keys, if PKCS#11 allows that to the administrator only.
    pub keys_made_with: Option<String>,
    #[serde(default)]
    pub wait: Wait,
    /// How long a token may stay unavailable after another process used it, in milliseconds.
    #[serde(default = "default_settle")]
    pub settle_ms: u64,
    /// Notes for the operator, a line each.
    #[serde(default)]
    pub notes: Vec<String>,
}

fn default_settle() -> u64 {
    1500
}

/// Library paths per system.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Paths {
    pub linux: Vec<String>,
    pub macos: Vec<String>,
    /// On Windows; `%NAME%` stands for an environment variable.
    pub windows: Vec<String>,
}

/// An environment variable that a module reads.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvironmentVariable {
    pub name: String,
    #[serde(default)]
    pub required: bool,
    pub purpose: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinFormat {
    /// For people: `user:password`.
    pub format: Option<String>,
    /// Shortest PIN in bytes, where the token itself does not say.
    pub min: Option<usize>,
    /// Longest PIN in bytes, where the token itself does not say.
    pub max: Option<usize>,
    pub change_wants_login: bool,
    /// Factory PINs: recognised, never tried.
    pub factory: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SlotRules {
    /// Slots whose description or token label contains one of these are left out.
    pub leave_out: Vec<String>,
    /// Whether an uninitialised slot is only a place for the next token, so that its reader name has no meaning.
    pub spare: bool,
    /// Whether several logical tokens may have the same serial number, so that all are read before one is selected by it.
    pub shared_serials: bool,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignRules {
    pub prefer: MechanismPreference,
    /// Treat keys as CKA_ALWAYS_AUTHENTICATE whatever they say.
    pub always_authenticate: bool,
    /// How many sessions sign many files in parallel; default 1. Only for modules that compute several signatures at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<NonZeroU8>,
}

/// Which signing mechanisms come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MechanismPreference {
    /// CKM_SHA1_RSA_PKCS and similar: the token computes the digest.
    #[default]
    Hash,
    /// CKM_RSA_PKCS over a DigestInfo that is made here.
    Raw,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    #[default]
    Poll,
    Pcsc,
}

impl Profile {
    /// The built-in profiles, parsed on demand. A test checks that each parses.
    pub fn built_in() -> impl Iterator<Item = Profile> {
        BUILT_IN.iter().filter_map(|text| toml::from_str(text).ok())
    }

    /// A built-in profile by name, or one from a file. A file that other users may write is refused unless allowed: it names
    /// the module.
    pub fn find(name: &str, allow_insecure: bool) -> Result<Profile, TokenError> {
        if name.ends_with(".toml") || name.contains(std::path::MAIN_SEPARATOR) {
            let path = Path::new(name);
            if let Some(what) = access::others_may_write(path).filter(|_| !allow_insecure) {
                return Err(TokenError::InsecureProfile(path.to_owned(), what));
            }
            let bad = |why: String| TokenError::BadProfile(path.to_owned(), why);
            let text = files::read_text(path).map_err(|e| bad(e.to_string()))?;
            return toml::from_str(&text).map_err(|e| bad(e.to_string()));
        }
        // Each file begins with its name, so only one is parsed.
        let begins = format!("name = \"{name}\"\n");
        let text = BUILT_IN.iter().find(|text| text.starts_with(&begins));
        text.and_then(|text| toml::from_str(text).ok())
            .ok_or_else(|| TokenError::UnknownProfile(name.to_owned(), Self::names()))
    }

    /// The first profile whose module is installed.
    pub fn first_installed() -> Result<Profile, TokenError> {
        Self::built_in()
            .find(Profile::is_installed)
            .ok_or_else(|| TokenError::NothingInstalled(Self::names()))
    }

    fn names() -> Vec<String> {
        Self::built_in().map(|profile| profile.name).collect()
    }

    /// Whether one of its libraries exists.
    pub fn is_installed(&self) -> bool {
        self.library_paths().iter().any(|path| path.exists())
    }

    /// Its library paths on this system, each file once.
    pub fn library_paths(&self) -> Vec<PathBuf> {
        let paths = match std::env::consts::OS {
            "windows" => &self.paths.windows,
            "macos" => &self.paths.macos,
            _ => &self.paths.linux,
        };
        let mut seen = HashSet::new();
        let is_new = |path: &PathBuf| std::fs::canonicalize(path).map_or(true, |real| seen.insert(real));
        paths.iter().map(|path| PathBuf::from(expand(path))).filter(is_new).collect()
    }

    /// The module's own argument of C_Initialize: from the environment, else the profile's.
    pub fn init_argument(&self) -> Option<String> {
        let from_env = self.init_argument_env.as_ref().and_then(|name| std::env::var(name).ok());
        from_env.filter(|value| !value.is_empty()).or_else(|| self.init_argument.clone())
    }

    /// Environment variables that the module needs and that are not set.
    pub fn unset_environment(&self) -> Vec<String> {
        let missing = self.environment.iter().filter(|v| v.required && std::env::var_os(&v.name).is_none());
        missing.map(|v| format!("{} ({})", v.name, v.purpose)).collect()
    }
}

/// `%NAME%` stands for an environment variable, as on Windows.
fn expand(path: &str) -> String {
    let mut parts = path.split('%');
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    while let Some(name) = parts.next() {
        match (std::env::var(name), parts.next()) {
            (Ok(value), Some(rest)) => {
                expanded.push_str(&value);
                expanded.push_str(rest);
            }
            (Err(_), Some(rest)) => expanded.push_str(&format!("%{name}%{rest}")),
            (_, None) => expanded.push_str(&format!("%{name}")),
        }
    }
    expanded
}
