//! Why a library does not load as a PKCS#11 module, read from the file: the loader's message is short, and wrong if the library
//! is for another processor.

use std::path::Path;

use object::{Architecture, Object as _};

/// The largest library that is read, in bytes.
pub(super) const MAX_LIBRARY: usize = 256 * 1024 * 1024;

/// Why a library was not loaded as a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum LoadProblem {
    #[error("there is no such file")]
    Missing,
    #[error("it is for {library} programs, and this one is {program}")]
    OtherArchitecture { library: String, program: String },
    /// Users other than root and this one may write or replace it: which part of its path, in words.
    #[error("not loaded: {0}, and could take every PIN")]
    OthersMayWrite(String),
    #[error("it needs {0}, which is not installed")]
    MissingDependency(String),
    #[error("it is not a PKCS#11 library (no C_GetFunctionList)")]
    NotPkcs11,
    #[error("it is not a library, or a damaged one")]
    NotALibrary,
    #[error("C_Initialize failed: {0}")]
    Initialize(String),
    /// Anything else, in the loader's words.
    #[error("{0}")]
    Other(String),
}

/// Examines a library that the system's loader refused with this message.
pub fn diagnose(path: &Path, words: String) -> LoadProblem {
    let Ok(bytes) = crate::files::read_limited(path, MAX_LIBRARY) else { return LoadProblem::Other(words) };
    let Ok(library) = object::File::parse(&*bytes) else { return LoadProblem::NotALibrary };
    let this = (std::env::consts::ARCH, cfg!(target_pointer_width = "64"));
    if (&name(library.architecture())[..], library.is_64()) != this {
        return LoadProblem::OtherArchitecture {
            library: described(&name(library.architecture()), library.is_64()),
            program: described(this.0, this.1),
        };
    }
    match missing_dependency(path, &words) {
        Some(dependency) => LoadProblem::MissingDependency(dependency),
        None => LoadProblem::Other(words),
    }
}

/// The missing library in the message: `libzip.so.4: cannot open shared object file` (glibc), `Library not loaded: …` (macOS).
fn missing_dependency(path: &Path, words: &str) -> Option<String> {
    let file = match words.split_once(": cannot open shared object file") {
        Some((file, _)) => file,
        None => words.split_once("Library not loaded: ")?.1.lines().next()?.trim(),
    };
    (Path::new(file) != path).then(|| file.to_owned())
}

fn described(architecture: &str, is_64: bool) -> String {
    format!("{}-bit {architecture}", if is_64 { 64 } else { 32 })
}

/// The processor, as Rust names it.
fn name(architecture: Architecture) -> String {
    match architecture {
        Architecture::I386 => "x86".to_owned(),
        Architecture::X86_64_X32 => "x86_64".to_owned(),
        Architecture::Aarch64_Ilp32 => "aarch64".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
