//! What a Trust Verification Service answers, or whoever answers in its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::phone::tvs::{Message, decode_header, verify_request};

fuzz_target!(|bytes: &[u8]| {
    if let Some((header, body)) = bytes.split_at_checked(10) {
        if let Ok((command, session, length)) = decode_header(header) {
            let _ = Message::decode(command, session, &body[..length.min(body.len())]);
            let _ = Message::decode(command, session, body);
        }
    }
    let name = String::from_utf8_lossy(bytes);
    let _ = verify_request(1, &name, bytes);
});
