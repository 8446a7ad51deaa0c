//! One suite against every available PKCS#11 module: list, find, export, login, sign, revert, watch, administration and
//! enrolment. `make matrix` installs what they need and prints the table; here a module that is not installed is skipped, with
//! a message.

mod modules;
mod suite;

use std::fmt::Write as _;
use std::process::Child;
use std::time::Instant;

use crate::support::{World, skip};

/// A token of a module, ready for the suite.
pub struct Subject {
    /// The name of the module in the table.
    pub module: &'static str,
    /// Its world: SASTCTL_PROFILE, SAST_PIN and SO_PIN are set.
    pub world: World,
    /// The token's label.
    pub label: String,
    /// The name of its certificate.
    pub name: String,
    /// Its certificate, if the test stored one.
    pub certificate: Option<Vec<u8>>,
    /// A PIN that is wrong, and one that is new.
    pub wrong_pin: String,
    pub new_pin: String,
    /// The operations that the module cannot do, with the reason; these must fail.
    pub cannot: Vec<(&'static str, &'static str)>,
    /// Removes the token (`false`) or inserts it; returns when the reader noticed it.
    pub plug: Option<Box<dyn FnMut(bool) -> Instant>>,
    /// Other processes that it needs.
    pub servers: Vec<Server>,
}

/// A server that ends with the test.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Subject {
    fn has_golden_key(&self) -> bool {
        self.name == modules::GOLDEN
    }

    fn cannot(&self, check: &str) -> Option<&'static str> {
        self.cannot.iter().find(|(name, _)| *name == check).map(|(_, why)| *why)
    }
}

/// Runs the suite; writes the row of the table to the file in `SASTCTL_MATRIX`.
fn conform(mut subject: Subject) {
    let mut failures = String::new();
    let mut rows = String::new();
    for (check, run) in suite::CHECKS {
        let result = run(&mut subject);
        let word = match (result, subject.cannot(check)) {
            (Ok(word), None) => word,
            (Err(_), Some(why)) => format!("cannot: {why}"),
            (Ok(word), Some(why)) => {
                let _ = writeln!(failures, "{check}: {word}, and yet it is said that it cannot: {why}");
                "FAILED".to_owned()
            }
            (Err(why), None) => {
                let _ = writeln!(failures, "{check}: {why}");
                "FAILED".to_owned()
            }
        };
        let _ = writeln!(rows, "{}\t{check}\t{word}", subject.module);
    }
    println!("{rows}");
    report(subject.module, &rows);
    assert!(failures.is_empty(), "{}:\n{failures}", subject.module);
}

fn report(module: &str, rows: &str) {
    if let Some(folder) = std::env::var_os("SASTCTL_MATRIX") {
        let name = module.replace([' ', '/'], "-");
        std::fs::write(std::path::Path::new(&folder).join(name), rows).unwrap();
    }
}

/// Runs the suite, or reports what is missing.
fn conform_if(module: &'static str, subject: Result<Subject, String>) {
    match subject {
        Ok(subject) => conform(subject),
        Err(why) => {
            skip(&format!("{module}: {why}"));
            report(module, &format!("{module}\tnot run\t{why}\n"));
        }
    }
}

#[test]
fn softhsm() {
    conform_if("SoftHSM", modules::softhsm());
}

#[test]
fn opencryptoki() {
    conform_if("openCryptoki", modules::opencryptoki());
}

#[test]
fn tpm2() {
    conform_if("TPM 2.0", modules::tpm2());
}

#[test]
fn nss() {
    conform_if("NSS softokn", modules::nss());
}

#[test]
fn p11_kit_remoting() {
    conform_if("p11-kit", modules::p11_kit());
}

#[test]
fn p11_kit_remoting_over_ssh() {
    conform_if("p11-kit over SSH", modules::p11_kit_over_ssh());
}

#[test]
fn kryoptic() {
    conform_if("Kryoptic", modules::kryoptic());
}

#[test]
fn opensc_with_a_card() {
    conform_if("OpenSC, PIV card", modules::opensc());
}

#[test]
fn ykcs11_with_a_card() {
    conform_if("ykcs11", modules::ykcs11());
}

/// openCryptoki counts wrong PINs as PKCS#11 specifies: count low after one, final try after two, locked after three.
#[test]
fn opencryptoki_counts_wrong_pins() {
    let mut subject = match modules::opencryptoki() {
        Ok(subject) => subject,
        Err(why) => return skip(&format!("openCryptoki: {why}")),
    };
    let state = |subject: &Subject| {
        let list = subject.world.run(&["token", "list", "--json"]).done().json();
        list["tokens"][0]["pin_state"].as_str().unwrap().to_owned()
    };
    let tries = |outcome: &crate::support::Outcome| outcome.stderr.matches("C_Login: ").count();
    let right = subject.world.run(&["profile", "test", "-v"]).done();
    assert_eq!((tries(&right), state(&subject).as_str()), (1, "ok"));

    subject.world.set("SAST_PIN", "4711");
    for (says, then) in [("it locks for good after too many", "low"), ("few tries are left", "last-try")] {
        let wrong = subject.world.run(&["profile", "test", "-v"]);
        assert_eq!((wrong.code, tries(&wrong)), (3, 1), "{}", wrong.all());
        assert!(wrong.stderr.contains(says), "{}", wrong.stderr);
        assert_eq!(state(&subject), then);
    }
    let refused = subject.world.run(&["profile", "test", "-v"]);
    assert_eq!((refused.code, tries(&refused)), (3, 0), "{}", refused.all());
    assert!(refused.stderr.contains("this is the last PIN try!"), "{}", refused.stderr);
    assert_eq!(state(&subject), "last-try", "none was spent");

    let spent = subject.world.run(&["profile", "test", "-v", "--allow-last-try"]);
    assert_eq!((spent.code, tries(&spent)), (3, 1), "{}", spent.all());
    assert_eq!(state(&subject), "locked");
    subject.world.set("SAST_PIN", "1234");
    let locked = subject.world.run(&["profile", "test", "-v", "--allow-last-try"]);
    assert_eq!((locked.code, tries(&locked)), (3, 0), "{}", locked.all());
    assert!(locked.stderr.contains("the PIN is locked (CKR_PIN_LOCKED)"), "{}", locked.stderr);

    let unlock = ["token", "unlock", "--so-pin-source=env:SO_PIN", "--new-pin-source=env:SAST_PIN"];
    subject.world.run(&unlock).done();
    subject.world.run(&["profile", "test"]).done();
    assert_eq!(state(&subject), "ok");
}
