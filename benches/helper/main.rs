//! What the figures are measured against, and what they are measured with.
//!
//! `bare-loop MODULE SERIAL FILE COUNT THREADS`: nothing but C_SignInit and C_Sign over the bytes of FILE, COUNT times in
//! all, on the first private key of the token, PIN in `SAST_PIN`; each thread in a session of its own.
//! `list RECORDS FILE`: a signed CTL of so many records.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a tool for measurements: it fails by panicking"
)]

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

#[path = "../lists.rs"]
mod lists;
#[path = "../../tests/pki/mod.rs"]
#[allow(dead_code, reason = "the stories use the rest")]
mod pki;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["bare-loop", module, serial, file, count, threads] => {
            let file = std::fs::read(file).unwrap();
            bare_loop(module, serial, &file, count.parse().unwrap(), threads.parse().unwrap());
        }
        ["list", records, file] => std::fs::write(file, lists::list_of(records.parse().unwrap())).unwrap(),
        _ => panic!("bare-loop MODULE SERIAL FILE COUNT THREADS, or list RECORDS FILE"),
    }
}

fn bare_loop(module: &str, serial: &str, data: &[u8], count: usize, threads: usize) {
    let pkcs11 = Pkcs11::new(module).unwrap();
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slots = pkcs11.get_slots_with_token().unwrap();
    let is_it =
        |slot: &_| pkcs11.get_token_info(*slot).is_ok_and(|info| info.serial_number().trim() == serial);
    let slot = slots.into_iter().find(is_it).unwrap();
    let first = pkcs11.open_ro_session(slot).unwrap();
    let pin = std::env::var("SAST_PIN").unwrap();
    first.login(UserType::User, Some(&AuthPin::new(pin.into()))).unwrap();
    let key = first.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap()[0];
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let session = pkcs11.open_ro_session(slot).unwrap();
            scope.spawn(move || {
                for _ in 0..count / threads {
                    session.sign(&Mechanism::Sha1RsaPkcs, key, data).unwrap();
                }
            });
        }
    });
}
