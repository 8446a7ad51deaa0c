//! HSM profiles, and why the library of one does not load.

use std::path::PathBuf;

use sastctl::token::{LoadProblem, Profile, TokenError, diagnose};

use crate::pki;

#[test]
fn every_built_in_profile_parses_and_has_paths() {
    let files = std::fs::read_dir(pki::path("hsm-profiles")).unwrap();
    let texts: Vec<_> = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    for text in &texts {
        let profile: Profile = toml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(
            Profile::find(&profile.name, false).unwrap().name,
            profile.name,
            "found by its first line"
        );
        assert!(!profile.paths.linux.is_empty(), "{}", profile.name);
        let unix = profile.paths.linux.iter().chain(&profile.paths.macos);
        assert!(unix.clone().all(|path| path.starts_with('/')), "{}", profile.name);
        assert!(!profile.description.is_empty(), "{}", profile.name);
        assert!(profile.pin.min.unwrap_or(0) <= profile.pin.max.unwrap_or(usize::MAX), "{}", profile.name);
    }
    let mut names: Vec<_> = Profile::built_in().map(|p| p.name).collect();
    assert_eq!(names[0], "safenet-etoken", "looked for first");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), texts.len());
}

#[test]
fn a_profile_has_defaults_for_missing_keys() {
    let text = "name = 'x'\ndescription = 'y'\ninit-argument = 'own'\n[paths]\nlinux = ['/nonexistent.so']\n";
    let mut profile: Profile = toml::from_str(text).unwrap();
    assert_eq!(profile.settle_ms, 1500);
    assert!(!profile.is_installed());
    profile.paths.linux.push(std::env::current_exe().unwrap().display().to_string());
    assert_eq!(profile.is_installed(), std::env::consts::OS == "linux");
    assert_eq!(profile.init_argument().as_deref(), Some("own"));
    // Cargo sets this variable for every test; an empty or missing variable is ignored.
    profile.init_argument_env = Some("CARGO_MANIFEST_DIR".to_owned());
    assert_eq!(profile.init_argument().as_deref(), Some(env!("CARGO_MANIFEST_DIR")));
    profile.init_argument_env = Some("SASTCTL_NO_SUCH_VARIABLE".to_owned());
    assert_eq!(profile.init_argument().as_deref(), Some("own"));
}

#[test]
fn names_between_percent_signs_are_variables() {
    let path = std::env::var("PATH").unwrap();
    let expanded = |text: &str| {
        let paths: String =
            ["linux", "macos", "windows"].map(|system| format!("{system} = ['{text}']\n")).concat();
        let profile = format!("name = 'x'\ndescription = 'y'\n[paths]\n{paths}");
        toml::from_str::<Profile>(&profile).unwrap().library_paths()
    };
    assert_eq!(expanded("%PATH%/x"), [PathBuf::from(format!("{path}/x"))]);
    assert_eq!(expanded("%SASTCTL_NO_SUCH%\\x"), [PathBuf::from("%SASTCTL_NO_SUCH%\\x")]);
    assert_eq!(expanded("100%"), [PathBuf::from("100%")]);
}

#[test]
fn unknown_profiles_and_keys_are_refused() {
    assert!(matches!(Profile::find("no-such", false), Err(TokenError::UnknownProfile(..))));
    let text = "name = 'x'\ndescription = 'y'\nsurprise = 1\n[paths]\n";
    assert!(toml::from_str::<Profile>(text).unwrap_err().to_string().contains("surprise"));
}

#[test]
fn the_missing_dependency_is_read_from_the_loaders_message() {
    let path = std::env::current_exe().unwrap();
    let of = |words: &str| diagnose(&path, words.to_owned());
    let missing = |library: &str| LoadProblem::MissingDependency(library.to_owned());
    let glibc = "libhal.so.1: cannot open shared object file: No such file or directory";
    assert_eq!(of(glibc), missing("libhal.so.1"));
    let itself = format!("{}: cannot open shared object file: No such file", path.display());
    assert_eq!(of(&itself), LoadProblem::Other(itself.clone()));
    let macos = "dlopen(/x.dylib): Library not loaded: /opt/lib/libssl.dylib\n  Referenced from: /x.dylib";
    assert_eq!(of(macos), missing("/opt/lib/libssl.dylib"));
    assert_eq!(of("no reason"), LoadProblem::Other("no reason".to_owned()));
}

#[test]
fn a_library_for_another_processor_is_distinguished_from_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.so");
    let words = || "words".to_owned();
    std::fs::write(&path, "no library").unwrap();
    assert_eq!(diagnose(&path, words()), LoadProblem::NotALibrary);
    let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    if bytes.starts_with(b"\x7fELF") {
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(diagnose(&path, words()), LoadProblem::Other("words".to_owned()));
        // e_machine: EM_S390, on which these tests do not run.
        bytes[18] = 22;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(diagnose(&path, words()), LoadProblem::OtherArchitecture { .. }));
    }
}

/// Processors have the names that Rust gives them.
#[test]
fn a_library_for_another_processor_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.so");
    // EM_X86_64 in 32 bits is the x32 ABI; the numbers are those of elf.h.
    for (name, is_64, machine) in [
        ("x86_64", true, 62),
        ("x86", false, 3),
        ("aarch64", true, 183),
        ("arm", false, 40),
        ("powerpc64", true, 21),
        ("riscv64", true, 243),
        ("s390x", true, 22),
        ("loongarch64", true, 258),
        ("avr", false, 83),
        ("x86_64", false, 62),
    ] {
        let (class, header, bits) = if is_64 { (2, 64, 64) } else { (1, 52, 32) };
        // ET_DYN, big-endian for s390x and PowerPC alone; no sections and no segments.
        let big = matches!(machine, 21 | 22);
        let half = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut bytes = [&[0x7f, b'E', b'L', b'F', class, if big { 2 } else { 1 }, 1][..], &[0; 9]].concat();
        bytes.extend([half(3), half(machine)].concat());
        bytes.resize(header, 0);
        std::fs::write(&path, &bytes).unwrap();
        let (library, here) =
            (format!("{bits}-bit {name}"), (std::env::consts::ARCH, cfg!(target_pointer_width = "64")));
        match diagnose(&path, "words".to_owned()) {
            LoadProblem::OtherArchitecture { library: named, program } => {
                assert_eq!(named, library);
                assert!(program.ends_with(here.0), "{program}");
            }
            other => assert!((name, is_64) == here, "{name}: {other}"),
        }
    }
}
