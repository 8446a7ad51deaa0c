//! The script: what goes wrong, and when.

use std::path::PathBuf;

use cryptoki_sys::{CK_RV, CK_SLOT_ID};

use crate::codes;

/// What a rule does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Returns the code and does nothing.
    Fail(CK_RV),
    /// Does its work and returns the code all the same.
    After(CK_RV),
    /// The token is pulled.
    Remove,
    /// Takes so many milliseconds longer.
    Delay(u64),
    /// Waits as long as this file exists.
    Wait(PathBuf),
    /// Never returns.
    Hang,
    /// Its list or answer is as long as no memory is.
    Huge,
    /// A list that grew since its length was asked for.
    Grow,
}

/// One instruction about calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The function; `None` is any.
    function: Option<String>,
    first: u64,
    open_ended: bool,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// Whether it is about this call: the `nth` of its function and the `total`th of all, from 1.
    pub fn applies(&self, name: &str, nth: u64, total: u64) -> bool {
        let n = match &self.function {
            None => total,
            Some(function) if function == name => nth,
            Some(_) => return false,
        };
        n == self.first || (self.open_ended && n > self.first)
    }
}

/// A retry counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tries {
    /// How many wrong PINs lock the token.
    pub limit: u64,
    /// Where it is kept.
    pub file: PathBuf,
}

/// What C_Sign returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    /// What the module made.
    #[default]
    Right,
    /// One bit of it is turned.
    Wrong,
    /// A byte less.
    Short,
    /// A byte more.
    Long,
}

/// Everything in a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Instructions about calls.
    pub rules: Vec<Rule>,
    /// The counter of the user PIN.
    pub tries: Option<Tries>,
    /// The counter of the SO PIN.
    pub so_tries: Option<Tries>,
    /// The folder that says which tokens are inserted, and where.
    pub present: Option<PathBuf>,
    /// Slots without a token that come first.
    pub empty_slots: CK_SLOT_ID,
    /// Slot numbers change from process to process.
    pub move_slots: bool,
    /// NUL instead of blanks.
    pub pad_nul: bool,
    /// Every token has one serial number.
    pub same_serial: bool,
    /// CKA_ID of certificates reads 00000000.
    pub id_mismatch: bool,
    /// The mechanism list begins with unknown ones.
    pub vendor_mechanisms: bool,
    /// Certificate and key types are a vendor's own.
    pub vendor_types: bool,
    /// Keys want the PIN each time.
    pub always_authenticate: bool,
    /// Private keys say that they can be read out.
    pub extractable: bool,
    /// Private objects are seen without a login: the PIN.
    pub visible_keys: Option<String>,
    /// No object is seen before the login.
    pub private_objects: bool,
    /// What is typed on the PIN pad.
    pub pin_pad: Option<String>,
    /// What is typed there as a new PIN.
    pub pin_pad_new: Option<String>,
    /// What is typed there as the SO PIN.
    pub pin_pad_so: Option<String>,
    /// What C_Sign returns.
    pub signature: Signature,
    /// A file for the places where C_Sign finds a text in the memory of the process; the text is written backwards.
    pub look_for: Option<(PathBuf, String)>,
}

impl Script {
    /// Reads a script. A mistake in it is a mistake in a test: the message says which instruction.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for line in text.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
            script.instruction(line).ok_or_else(|| format!("not an instruction: {line}"))?;
        }
        Ok(script)
    }

    fn instruction(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "fail" | "after" | "remove" | "delay" | "wait" | "hang" | "grow" | "huge" => {
                self.rules.push(rule(word, rest)?)
            }
            "tries" => self.tries = Some(tries(rest)?),
            "so-tries" => self.so_tries = Some(tries(rest)?),
            "present" => self.present = Some(PathBuf::from(rest)),
            "empty-slots" => self.empty_slots = rest.parse().ok()?,
            "move-slots" => self.move_slots = true,
            "pad-nul" => self.pad_nul = true,
            "same-serial" => self.same_serial = true,
            "id-mismatch" => self.id_mismatch = true,
            "vendor-mechanisms" => self.vendor_mechanisms = true,
            "vendor-types" => self.vendor_types = true,
            "always-authenticate" => self.always_authenticate = true,
            "extractable" => self.extractable = true,
            "private-objects" => self.private_objects = true,
            "visible-keys" => self.visible_keys = Some(rest.to_owned()),
            "pin-pad" => self.pin_pad = Some(rest.to_owned()),
            "pin-pad-new" => self.pin_pad_new = Some(rest.to_owned()),
            "pin-pad-so" => self.pin_pad_so = Some(rest.to_owned()),
            "look-for" => {
                let (file, backwards) = rest.split_once(' ')?;
                self.look_for = Some((PathBuf::from(file), backwards.to_owned()));
            }
            "wrong-signature" => self.signature = Signature::Wrong,
            "short-signature" => self.signature = Signature::Short,
            "long-signature" => self.signature = Signature::Long,
            _ => return None,
        }
        Some(())
    }

    /// Whether slots are numbered by us.
    pub fn renumbers(&self) -> bool {
        self.empty_slots > 0 || self.move_slots || self.present.is_some()
    }
}

fn rule(word: &str, rest: &str) -> Option<Rule> {
    let mut words = rest.split_whitespace();
    let function = words.next()?;
    let nth = words.next()?;
    let (first, open_ended) = match nth.strip_suffix("..") {
        Some(first) => (first.parse().ok()?, true),
        None => (nth.parse().ok()?, false),
    };
    let fault = match word {
        "fail" => Fault::Fail(codes::number(words.next()?)?),
        "after" => Fault::After(codes::number(words.next()?)?),
        "delay" => Fault::Delay(words.next()?.parse().ok()?),
        "wait" => Fault::Wait(words.next()?.into()),
        "remove" => Fault::Remove,
        "hang" => Fault::Hang,
        "huge" => Fault::Huge,
        _ => Fault::Grow,
    };
    let function = (function != "any").then(|| function.to_owned());
    words.next().is_none().then_some(Rule { function, first, open_ended, fault })
}

fn tries(rest: &str) -> Option<Tries> {
    let (limit, file) = rest.split_once(' ')?;
    Some(Tries { limit: limit.parse().ok()?, file: PathBuf::from(file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_fails_and_when() {
        let script =
            Script::parse("fail C_Sign 2 CKR_DEVICE_ERROR; delay any 3.. 50\npin-pad a b;tries 3 /x y")
                .unwrap();
        assert_eq!(script.rules[0].fault, Fault::Fail(0x30));
        assert!(script.rules[0].applies("C_Sign", 2, 40) && !script.rules[0].applies("C_Sign", 3, 41));
        assert!(script.rules[1].applies("C_Login", 1, 3) && script.rules[1].applies("C_Login", 1, 9));
        assert!(!script.rules[1].applies("C_Login", 1, 2));
        assert_eq!(script.pin_pad.as_deref(), Some("a b"));
        assert_eq!(script.tries, Some(Tries { limit: 3, file: "/x y".into() }));
    }

    #[test]
    fn what_is_no_instruction_is_named() {
        for bad in
            ["fail C_Sign", "fail C_Sign x CKR_OK", "fail C_Sign 1 CKR_NO_SUCH", "dance", "remove C_Sign 1 2"]
        {
            assert_eq!(Script::parse(bad).unwrap_err(), format!("not an instruction: {bad}"));
        }
    }
}
