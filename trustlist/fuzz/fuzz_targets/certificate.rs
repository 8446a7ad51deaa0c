//! Any bytes as a certificate: they are read or refused, spelled, shown, and made into records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustlist::{Certificate, CertificateReport, Record, Style, day};

fuzz_target!(|bytes: &[u8]| {
    let _ = Certificate::from_file_bytes(bytes);
    let Ok(certificate) = Certificate::from_der(bytes.to_vec()) else { return };
    assert_eq!(&certificate.der()[..], bytes);
    let _ = serde_json::to_string(&CertificateReport::new(&certificate)).unwrap();
    let again = Certificate::from_file_bytes(certificate.to_pem().as_bytes()).unwrap();
    assert_eq!(again.der(), certificate.der());
    let _ = (certificate.raw_names(), certificate.sast_name(), certificate.sast_style());
    let _ = (day(certificate.not_before), day(certificate.not_after));
    for style in [Style::Cucm, Style::CtlClient] {
        let _ = (certificate.subject.spelled(style), certificate.issuer.spelled(style));
        let _ = certificate.serial_spelled(style);
        if let Ok(record) = Record::token(&certificate, style) {
            assert!(record.is_of(&certificate));
            let _ = record.short_name();
        }
    }
});
