//! Requests: what is read has one spelling, anything else is refused. And the file that says who may approve them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::workflow::exchange::{Signers, SigningRequest, judge};

fuzz_target!(|bytes: &[u8]| {
    let signers = Signers::parse(&String::from_utf8_lossy(bytes)).ok();
    if let Ok((request, batch)) = SigningRequest::read(bytes, |_| String::new()) {
        assert_eq!(request.to_bytes(), bytes);
        let _ = judge(signers.as_ref(), &request, &batch);
    }
});
