//! Profiles, cluster files and selectors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::token::{Profile, Selector, TokenCertificate};
use sastctl::workflow::cluster_file::ClusterFile;

fuzz_target!(|text: &str| {
    if let Ok(profile) = toml::from_str::<Profile>(text) {
        let _ = (profile.library_paths(), profile.init_argument(), profile.unset_environment());
        let again: Profile = toml::from_str(&toml::to_string(&profile).unwrap()).unwrap();
        assert_eq!(again.name, profile.name);
    }
    let _ = toml::from_str::<ClusterFile>(text);
    if let Ok(selector) = text.parse::<Selector>() {
        let certificate = Err((vec![], String::new()));
        let entry = TokenCertificate { id: vec![1], label: "SAST".to_owned(), certificate, has_key: None };
        let _ = (selector.to_string(), selector.matches_certificate(&entry));
    }
});
