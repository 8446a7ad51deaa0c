//! Properties of the reader, tested with many generated files.

use proptest::prelude::*;
use sastctl::trustlist::{ListReport, SignedReport, TrustFile, TrustList, diff, show_list, show_signed};

use crate::pki::golden_bytes;

/// Every operation on a file that decodes: nothing may panic, and the bytes are written back unchanged.
fn use_everything(bytes: &[u8]) {
    match TrustFile::decode(bytes.to_vec()) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(TrustFile::List(list)) => {
            assert_eq!(list.bytes()[..], *bytes);
            let verification = list.verify();
            assert!(!show_list(&list, "now", verification.is_ok()).is_empty());
            let report = ListReport::new(&list, &verification);
            assert_eq!(report.records.len(), list.records().len());
            let golden = TrustList::decode(golden_bytes("token-signed.tlv")).unwrap();
            assert!(diff(&list, &list).changes.is_empty());
            let _ = diff(&golden, &list).to_string();
            for record in list.records() {
                let _ = (record.as_ctl_client_server(), record.as_non_secure(), record.is_token());
            }
        }
        Ok(TrustFile::Signed(signed)) => {
            assert_eq!(signed.bytes()[..], *bytes);
            assert!(!show_signed(&signed, "now").is_empty());
            assert_eq!(SignedReport::new(&signed).payload_bytes, signed.payload().len());
        }
    }
}

/// A well-formed element.
fn element(tag: impl Strategy<Value = u8>) -> impl Strategy<Value = Vec<u8>> {
    (tag, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(tag, value)| {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[tag][..], &length, &value].concat()
    })
}

/// A record with FUNCTION and some unknown elements.
fn record() -> impl Strategy<Value = Vec<u8>> {
    (any::<u16>(), prop::collection::vec(element(13u8..=255), 0..6)).prop_map(|(function, unknown)| {
        let function = function.to_be_bytes();
        let body = [&[4, 0, 2][..], &function, &unknown.concat()].concat();
        let length = u16::try_from(body.len() + 5).unwrap().to_be_bytes();
        [&[1, 0, 2][..], &length, &body].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        use_everything(&bytes);
        use_everything(&[&[1, 0, 2, 1, 2, 2, 0, 2][..], &bytes].concat());
    }

    #[test]
    fn a_changed_file_is_read_or_refused(
        file in prop::sample::select(vec!["tokenless.tlv", "token-signed-non-secure.tlv", "itl.tlv"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        doubled in any::<prop::sample::Index>(),
    ) {
        let mut bytes = golden_bytes(file);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        use_everything(&bytes);
        use_everything(&bytes[..cut.index(bytes.len())]);
        let at = doubled.index(bytes.len());
        let twice = [&bytes[..at], &bytes[at / 2..]].concat();
        use_everything(&twice);
    }

    #[test]
    fn a_list_with_unknown_elements_comes_back_as_it_was(records in prop::collection::vec(record(), 0..12)) {
        let header = golden_bytes("token-signed.tlv")[..304].to_vec();
        let bytes = [header, records.concat()].concat();
        let list = TrustList::decode(bytes.clone()).unwrap();
        prop_assert_eq!(list.records().len(), records.len());
        for (decoded, made) in list.records().iter().zip(&records) {
            prop_assert_eq!(&decoded.bytes()[..], &made[..]);
        }
        use_everything(&bytes);
    }
}
