//! TFTP packets (RFC 1350, 2347).
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::cluster::tftp::Packet;

fuzz_target!(|bytes: &[u8]| {
    let _ = Packet::decode(bytes);
});
