//! Gathers what is checked, as values. Nothing is judged here.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::reader::{self, Reader, ReaderError, UsbDevice};
use crate::system::process;
use crate::token::{LoadProblem, Module, PinState, Profile, TokenContents, TokenError, Wait};
use crate::workflow::ModuleOptions;

/// Everything that was checked.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct Facts {
    /// Whether this is Linux: only Linux has udev rules and polkit.
    pub linux: bool,
    /// Whether this is a Remote Desktop session.
    pub remote_desktop: bool,
    pub module: ModuleFacts,
    /// The readers, or why they could not be asked.
    pub readers: Result<Vec<Reader>, ReaderError>,
    /// The USB devices, or why they could not be listed.
    pub usb: Result<Vec<UsbDevice>, String>,
    /// A file of udev rules that names the CardOS models, on Linux.
    pub udev: Option<PathBuf>,
    /// The tokens; `Err` where the module did not list them.
    pub tokens: Result<Vec<TokenFacts>, String>,
    pub clock: Clock,
}

/// The PKCS#11 module.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct ModuleFacts {
    /// The profile; `None` if no module of a built-in profile is installed.
    pub profile: Option<String>,
    /// Whether its tokens are used through PC/SC.
    pub by_pcsc: bool,
    /// The library that was loaded, and the name and version that it reports.
    pub loaded: Option<(PathBuf, String)>,
    /// The libraries that were not loaded, each with the reason.
    pub tried: Vec<(PathBuf, LoadProblem)>,
    /// Any other reason why it was not loaded.
    pub problem: Option<String>,
    /// The message if another process uses the tokens.
    pub busy: Option<String>,
    /// Environment variables that the module needs.
    pub unset: Vec<String>,
    /// Groups of programs: one of each group must run; and whether one runs.
    pub daemons: Option<(Vec<String>, bool)>,
    pub slots: usize,
}

impl ModuleFacts {
    /// Takes down why the module did not load; a module that another run uses is not broken.
    pub fn not_loaded(&mut self, error: &TokenError) {
        match error {
            TokenError::NoModule { tried, .. } => self.tried.clone_from(tried),
            TokenError::NothingInstalled(_) => {}
            TokenError::Busy { .. } => self.busy = Some(error.to_string()),
            _ => self.problem = Some(error.to_string()),
        }
    }
}

/// A token and what is on it.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct TokenFacts {
    pub name: String,
    pub reader: String,
    /// Whether it is initialised.
    pub initialized: bool,
    pub pin: PinState,
    /// Whether its label and flags, or its certificates, could not be read.
    pub problem: Option<String>,
    pub certificates: Vec<CertificateFacts>,
    /// Certificates that do not parse, each with the reason.
    pub unreadable: Vec<String>,
}

/// A certificate on a token; times in seconds since 1970.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct CertificateFacts {
    pub name: String,
    pub not_before: i64,
    pub not_after: i64,
}

/// The clock, and the time that it is compared with.
#[derive(Debug, Clone)]
pub struct Clock {
    /// What it shows.
    pub now: Timestamp,
    /// When the file of this program was written: the clock cannot be before that.
    pub program: Option<Timestamp>,
}

/// Gathers all facts. An error if the given profile is wrong.
pub fn gather(options: &ModuleOptions, now: Timestamp) -> Result<Facts, TokenError> {
    let (profile, module) = match options.profile() {
        Ok(profile) => (Some(profile.clone()), options.load(profile)),
        // The operator must correct the profile first.
        Err(e) if options.profile.is_some() => return Err(e),
        Err(_) => (None, Err(TokenError::NothingInstalled(vec![]))),
    };
    let tokens = match &module {
        Ok(module) => module.contents().map_err(|e| e.to_string()),
        Err(_) => Ok(vec![]),
    };
    let written = std::env::current_exe().and_then(std::fs::metadata).and_then(|m| m.modified());
    let program = written.ok().and_then(|time| Timestamp::try_from(time).ok());
    Ok(Facts {
        linux: std::env::consts::OS == "linux",
        remote_desktop: process::is_remote_desktop(),
        module: module_facts(profile.as_ref(), &module),
        readers: reader::readers(),
        usb: reader::usb_devices().map_err(|e| e.to_string()),
        udev: rules_file(&RULES_FOLDERS),
        tokens: tokens.map(|tokens| tokens.iter().map(token_facts).collect()),
        clock: Clock { now, program },
    })
}

fn module_facts(profile: Option<&Profile>, module: &Result<Module, TokenError>) -> ModuleFacts {
    let mut facts = ModuleFacts {
        profile: profile.map(|p| p.name.clone()),
        by_pcsc: profile.is_some_and(|p| p.wait == Wait::Pcsc),
        unset: profile.map(Profile::unset_environment).unwrap_or_default(),
        daemons: profile.filter(|p| !p.daemons.is_empty()).map(|p| (p.daemons.clone(), any_runs(&p.daemons))),
        ..ModuleFacts::default()
    };
    match module {
        Ok(module) => {
            let about = module.describe().unwrap_or_else(|e| e.to_string());
            facts.loaded = Some((module.path().to_owned(), about));
            facts.slots = module.slot_count().unwrap_or(0);
        }
        Err(e) => facts.not_loaded(e),
    }
    facts
}

fn token_facts(contents: &TokenContents) -> TokenFacts {
    let token = &contents.token;
    let name = match (&token.label[..], &token.serial[..]) {
        ("", "") => format!("the token in slot {}", token.slot_id),
        ("", serial) => serial.to_owned(),
        (label, _) => label.to_owned(),
    };
    let certificates = contents.certificates.iter().filter_map(|c| c.certificate.as_ref().ok());
    let unreadable = contents.certificates.iter().filter_map(|c| c.certificate.as_ref().err());
    TokenFacts {
        name,
        reader: token.reader.to_owned(),
        initialized: token.initialized,
        pin: token.pin_state,
        problem: contents.read_error(),
        certificates: certificates
            .map(|c| CertificateFacts {
                name: c.sast_name(),
                not_before: c.not_before,
                not_after: c.not_after,
            })
            .collect(),
        unreadable: unreadable.map(|(_, why)| why.clone()).collect(),
    }
}

/// Whether one of these programs runs, according to /proc; `true` if there is no /proc.
fn any_runs(names: &[String]) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    let mut commands = processes
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    // The kernel keeps 15 bytes of a name.
    commands.any(|command| names.iter().any(|name| name.get(..15).unwrap_or(name) == command.trim_end()))
}

/// Where udev looks for rules.
const RULES_FOLDERS: [&str; 4] =
    ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"];

/// The first rules file that names a CardOS model.
pub fn rules_file(folders: &[impl AsRef<Path>]) -> Option<PathBuf> {
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let names =
        |text: &str| text.contains("\"0529\"") && (text.contains("\"0600\"") || text.contains("\"0514\""));
    files
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rules"))
        .find(|path| crate::files::read_text(path).is_ok_and(|text| names(&text)))
}
