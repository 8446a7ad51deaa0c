//! The lists of the table: the installed lists and the new lists.

use sastctl::trustlist::{
    Certificate, Digest, Draft, Function, ListKind, Record, ServerRecord, Style, VerifiedList, record_tag,
};
use sastctl::workflow::{Release, Request, revert};

use crate::pki::{KeyFile, certificate, golden, options, spell, token};

pub const PUB: &str = "tests/testdata/pki/cucm-1051-a-pub";
pub const PUB_NEW: &str = "tests/testdata/pki/cucm-1051-a-pub-regenerated";
pub const SUB: &str = "tests/testdata/pki/cucm-1051-a-sub1";
pub const TVS: &str = "tests/testdata/pki/cucm8-tvs";
pub const CAPF: &str = "tests/testdata/pki/capf-e41e7d87";
pub const HSM: &str = "tests/testdata/keys/rsa2048";
pub const STRANGER: &str = "tests/testdata/keys/rsa1024";
pub const A: &str = "softhsm-fixtures/SAST-ADN008580ef";
pub const B: &str = "softhsm-fixtures/SAST-ADN0054f509";

pub fn cert(stem: &str) -> Certificate {
    certificate(&format!("{stem}.der"))
}

/// A server's record as CUCM writes it.
pub fn server(stem: &str, function: Function, hash_only: bool) -> Record {
    let server = ServerRecord {
        function,
        certificate: &cert(stem),
        dns_name: "cucm-1051-a-pub",
        ip_address: Some([10, 48, 47, 155].into()),
        style: Style::Cucm,
        hash_only,
    };
    Record::server(&server).unwrap()
}

pub fn sast(stem: &str, style: Style) -> Record {
    Record::token(&cert(stem), style).unwrap()
}

pub fn list(kind: ListKind, records: Vec<Record>, signer: &str) -> VerifiedList {
    let name = if kind == ListKind::Ctl { "CTLFile.tlv" } else { "ITLFile.tlv" };
    Draft::new(name, records, options(Digest::Sha1)).sign(&mut KeyFile::open(signer)).unwrap()
}

/// The lists of the table, by their names in its rows.
pub struct Lists(Vec<(&'static str, VerifiedList)>);

impl Lists {
    pub fn new() -> Self {
        use Function as F;
        let ctl = |records, signer| list(ListKind::Ctl, records, signer);
        let itl = |records, signer| list(ListKind::Itl, records, signer);
        let ccm = || server(PUB, F::CCM_TFTP, false);
        let capf = || server(CAPF, F::CAPF, false);
        let signed = golden("token-signed.tlv");
        let with = |record: Record| [signed.list().records(), &[record]].concat();
        // Issuer and serial of token A, with another key.
        let stranger = sast(STRANGER, Style::CtlClient)
            .with(record_tag::ISSUER_NAME, sast(A, Style::CtlClient).get(record_tag::ISSUER_NAME).unwrap())
            .and_then(|r| {
                let a = sast(A, Style::CtlClient);
                r.with(record_tag::SERIAL_NUMBER, a.get(record_tag::SERIAL_NUMBER).unwrap())
            })
            .unwrap();
        let mut many = vec![sast(B, Style::CtlClient)];
        many.extend((0..60).map(|_| ccm()));
        many.push(sast(A, Style::CtlClient));
        let tvs_by_hash = vec![server(PUB, F::SAST, false), ccm(), server(TVS, F::TVS, true), capf()];
        Lists(vec![
            ("tokenless", golden("tokenless.tlv")),
            ("regenerated", golden("tokenless-regenerated.tlv")),
            ("tokens", golden("token-signed.tlv")),
            ("non-secure", golden("token-signed-non-secure.tlv")),
            ("bridge", {
                let tokenless = golden("tokenless.tlv");
                let mut records = tokenless.list().records().to_vec();
                records.extend([sast(A, Style::CtlClient), sast(B, Style::CtlClient)]);
                ctl(records, PUB)
            }),
            ("recovery", {
                let old = golden("tokenless.tlv");
                let signer = cert(A);
                let request = Request {
                    signer: &signer,
                    options: options(Digest::Sha1),
                    name_style: None,
                    now: 0,
                    force: false,
                    spell,
                };
                let spare = [token("SAST-ADN0054f509")];
                let plan = revert(&old, &request, &spare, Some(Release::WithRecovery), false, &[]).unwrap();
                plan.draft().clone().sign(&mut KeyFile::open(A)).unwrap()
            }),
            ("hsm", ctl(vec![sast(A, Style::CtlClient), ccm(), sast(HSM, Style::Cucm)], HSM)),
            ("hsm reversed", ctl(vec![sast(A, Style::CtlClient), ccm(), sast(HSM, Style::CtlClient)], HSM)),
            ("tokens and hsm", ctl(with(sast(HSM, Style::Cucm)), A)),
            ("twins", ctl(vec![stranger.clone(), ccm(), sast(A, Style::CtlClient)], A)),
            ("stranger", ctl(vec![ccm(), stranger], STRANGER)),
            ("stranger as hsm", {
                let hsm = sast(HSM, Style::Cucm);
                let twin = sast(STRANGER, Style::Cucm)
                    .with(record_tag::ISSUER_NAME, hsm.get(record_tag::ISSUER_NAME).unwrap())
                    .and_then(|r| {
                        r.with(record_tag::SERIAL_NUMBER, hsm.get(record_tag::SERIAL_NUMBER).unwrap())
                    });
                ctl(vec![sast(A, Style::CtlClient), ccm(), twin.unwrap()], A)
            }),
            ("too large", ctl(many, A)),
            ("itl", itl(tvs_by_hash, PUB)),
            ("itl without tvs", itl(vec![server(PUB, F::SAST, false), ccm(), capf()], PUB)),
            ("itl renewed", {
                let tvs = server(TVS, F::TVS, false);
                itl(vec![server(PUB_NEW, F::SAST, false), server(PUB_NEW, F::CCM_TFTP, false), tvs], PUB_NEW)
            }),
            ("itl other", golden("itl.tlv")),
            ("both renewed", {
                let tvs = server(HSM, F::TVS, true);
                itl(vec![server(PUB_NEW, F::SAST, false), server(PUB_NEW, F::CCM_TFTP, false), tvs], PUB_NEW)
            }),
            ("itl of two", {
                let tvs = [server(TVS, F::TVS, true), server(HSM, F::TVS, false)];
                itl([vec![server(PUB, F::SAST, false), ccm()], tvs.into()].concat(), PUB)
            }),
            ("one renewed", {
                let tvs = [server(STRANGER, F::TVS, true), server(HSM, F::TVS, true)];
                itl([vec![server(PUB_NEW, F::SAST, false)], tvs.into()].concat(), PUB_NEW)
            }),
            ("itl with SAST", {
                let emptied = ccm().as_non_secure().unwrap();
                itl(vec![server(PUB, F::SAST, false), emptied, capf()], PUB)
            }),
            ("itl of useless", {
                let tvs = server(TVS, F::TVS, true).with(record_tag::CERT_HASH, &[7; 19]).unwrap();
                let tftp = ccm().with(record_tag::CERTIFICATE, b"none").unwrap();
                itl(vec![server(PUB, F::SAST, false), tvs, tftp], PUB)
            }),
            ("servers", ctl(vec![sast(A, Style::CtlClient), server(SUB, F::SAST, false), ccm()], A)),
            (
                "itl by recovery",
                itl(vec![server(SUB, F::SAST, false), ccm(), server(TVS, F::TVS, true)], SUB),
            ),
            ("itl by token", itl(vec![sast(A, Style::CtlClient), ccm(), server(TVS, F::TVS, true)], A)),
            ("token as CCM", {
                let ccm = sast(A, Style::CtlClient).with(record_tag::FUNCTION, &[0, 2]).unwrap();
                ctl(vec![sast(A, Style::CtlClient), ccm], A)
            }),
            ("itl with hsm", itl(vec![sast(HSM, Style::Cucm), ccm(), server(TVS, F::TVS, true)], HSM)),
            ("itl of sub", {
                let tvs = server(TVS, F::TVS, true);
                itl(vec![server(SUB, F::SAST, false), server(SUB, F::CCM_TFTP, false), ccm(), tvs], SUB)
            }),
            ("itl by ccm", itl(vec![server(PUB, F::SAST, false), server(TVS, F::TVS, true)], PUB)),
        ])
    }

    pub fn get(&self, name: &str) -> &VerifiedList {
        &self.0.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no list {name}")).1
    }
}
