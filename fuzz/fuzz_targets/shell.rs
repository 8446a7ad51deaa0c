//! The admin shell: a terminal's stream, in pieces, and what is read out of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::cluster::shell::{Screen, answers, certificates, health};

fuzz_target!(|bytes: &[u8]| {
    let mut whole = Screen::default();
    whole.feed(bytes);
    // The same in pieces of any size.
    let mut pieces = Screen::default();
    let step = usize::from(bytes.first().copied().unwrap_or(1) % 7) + 1;
    for piece in bytes.chunks(step) {
        pieces.feed(piece);
    }
    assert_eq!(whole.lines(), pieces.lines());
    assert_eq!(whole.last_line(), pieces.last_line());
    let lines = whole.lines();
    let _ = (answers::security_mode(lines), answers::shown_ctl(lines), answers::version(lines));
    let _ = (answers::nodes(lines), answers::deleted(lines), answers::service_state(lines, "Cisco Tftp"));
    let _ = (health::replication(lines).problems(), health::backups(lines), health::license(lines));
    let name = lines.first().and_then(|line| line.split_whitespace().last()).unwrap_or_default();
    let _ = answers::trusts(lines, "Phone-SAST-trust", name);
    let _ = (certificates::own_units(lines), certificates::own_certificate(lines, "CallManager"));
});
