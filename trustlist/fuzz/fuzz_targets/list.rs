//! Any bytes as a list or signed file: they are read or refused, shown and compared, and written back unchanged.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use trustlist::{ListReport, SignedReport, TrustFile, TrustList, diff, show_list, show_signed};

static GOLDEN: LazyLock<TrustList> = LazyLock::new(|| {
    TrustList::decode(&include_bytes!("../../../tests/testdata/golden/token-signed.tlv")[..]).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    match TrustFile::decode(bytes.to_vec()) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(TrustFile::List(list)) => {
            assert_eq!(&list.bytes()[..], bytes);
            // Header and records are the whole file, in order.
            let records: Vec<u8> = list.records().iter().flat_map(|r| r.bytes().to_vec()).collect();
            assert_eq!([&list.header().bytes()[..], &records].concat(), bytes);
            let verification = list.verify();
            let _ = show_list(&list, "now", verification.is_ok());
            let _ = serde_json::to_string(&ListReport::new(&list, &verification)).unwrap();
            assert!(diff(&list, &list).changes.is_empty());
            let _ = (diff(&GOLDEN, &list).to_string(), diff(&list, &GOLDEN).to_string());
            for record in list.records() {
                let _ = (record.short_name(), record.is_token(), record.is_itl_recovery(), record.is_emptied());
                let _ = (record.as_ctl_client_server(), record.as_non_secure(), record.only(|tag| tag % 2 == 0));
                if let Some(Ok(certificate)) = record.certificate() {
                    let _ = record.refreshed(&certificate);
                }
            }
        }
        Ok(TrustFile::Signed(signed)) => {
            assert_eq!(&signed.bytes()[..], bytes);
            let _ = show_signed(&signed, "now");
            let _ = serde_json::to_string(&SignedReport::new(&signed)).unwrap();
        }
    }
});
