//! PKCS#11 modules: SoftHSM's, one that logs the calls, and one that fails on command.

use std::path::{Path, PathBuf};

use super::{Outcome, World, until};

impl World {
    /// A module that logs every call in the file `calls`, and forwards it to SoftHSM.
    pub fn spied_on(&mut self) -> String {
        let calls = self.path("calls");
        self.set("PKCS11SPY", softhsm_module().to_str().unwrap());
        self.set("PKCS11SPY_OUTPUT", calls.to_str().unwrap());
        let spy = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
            .iter()
            .flat_map(|lib| [format!("{lib}/pkcs11-spy.so"), format!("{lib}/pkcs11/pkcs11-spy.so")])
            .find(|path| Path::new(path).exists());
        spy.expect("OpenSC's pkcs11-spy is not installed: make test installs it")
    }

    /// Puts the faulty module in front of SoftHSM; without a script it forwards every call.
    pub fn behind_faulty_token(&mut self) {
        self.set("FAULTY_MODULE", softhsm_module().to_str().unwrap());
        self.set("FAULTY_CALLS", self.path("calls").to_str().unwrap());
        let module = faulty_token();
        self.set("SASTCTL_MODULE", module.to_str().unwrap());
        self.names.push((module.to_str().unwrap().to_owned(), "MODULE".into()));
    }

    /// A run with the faulty module; returns its calls with their return codes.
    pub fn faulty(&mut self, script: &str, args: &[&str]) -> (Outcome, Vec<(String, u64)>) {
        let _ = std::fs::remove_file(self.path("calls"));
        self.set("FAULTY_SCRIPT", script);
        let outcome = self.run(args);
        (outcome, self.calls())
    }

    /// The calls that the faulty module got.
    pub fn calls(&self) -> Vec<(String, u64)> {
        let log = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        let call = |line: &str| {
            let (name, code) = line.split_once(" 0x")?;
            Some((name.to_owned(), u64::from_str_radix(code, 16).ok()?))
        };
        log.lines().filter_map(call).collect()
    }

    /// An instruction for the faulty module: the nth call of a function waits until [`World::release`].
    pub fn hold(&self, function: &str, nth: usize) -> String {
        let file = self.path("home/held");
        std::fs::write(&file, "").unwrap();
        format!("wait {function} {nth} {}", file.display())
    }

    /// Waits until a call is paused in the faulty module.
    #[track_caller]
    pub fn until_held(&self, function: &str) {
        let line = format!("{function} waits");
        let held = |log: String| log.lines().any(|l| l == line);
        until(&line, || std::fs::read_to_string(self.path("calls")).is_ok_and(held));
    }

    pub fn release(&self) {
        std::fs::remove_file(self.path("home/held")).unwrap();
    }
}

/// The faulty module, which is built with the tests.
fn faulty_token() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_sastctl"));
    let module = program.with_file_name("deps").join("libfaulty_token.so");
    assert!(module.exists(), "{} was not built", module.display());
    module
}

/// The path of SoftHSM's module, found as in make-tokens.sh.
pub fn softhsm_module() -> PathBuf {
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm.so",
    ]
    .iter()
    .map(Path::new)
    .find(|p| p.exists())
    .expect("SoftHSM is not installed: make test installs it")
    .to_owned()
}
