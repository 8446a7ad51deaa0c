//! Journals: what nobody changed is verified, anything else is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::workflow::journal::VerifiedJournal;

fuzz_target!(|bytes: &[u8]| {
    let whole = VerifiedJournal::read(bytes);
    let so_far = VerifiedJournal::read_so_far(bytes);
    if let Ok(journal) = &whole {
        assert!(journal.outcome().is_some());
        assert!(so_far.is_ok());
        for line in journal.lines() {
            let _ = serde_json::to_string(line).unwrap();
        }
    }
});
