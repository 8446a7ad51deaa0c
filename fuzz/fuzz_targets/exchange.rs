//! Requests: what is read has one spelling, anything else is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::workflow::exchange::SigningRequest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((request, _)) = SigningRequest::read(bytes, |_| String::new()) {
        assert_eq!(request.to_bytes(), bytes);
    }
});
