//! Pages of phones, and lists of phones as a node prints them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::cluster::shell::phones::{known_phones, phones_in_database};
use sastctl::phone::page::{Expected, ListState, PageText, list_state, newest, page_paths, shows_lists};

fuzz_target!(|page: &[u8]| {
    let text = PageText::read(page);
    let _ = shows_lists(&text);
    let state = list_state(&Expected::of(b"a list"), Some(&text), &newest(&text));
    // No input has the MD5 or the SHA-1 of these words.
    assert!(state != ListState::Expected);
    let lines: Vec<String> = String::from_utf8_lossy(page).lines().map(str::to_owned).collect();
    for phone in known_phones(&lines).into_iter().chain(phones_in_database(&lines)).flatten() {
        assert!(!phone.name.is_empty());
        assert!(!page_paths(&phone.model).is_empty());
    }
});
