//! Building and signing: the golden result, every digest and key size, lengths and padding.

use sastctl::cluster::SecurityMode;
use sastctl::trustlist::{
    BuildError, Certificate, Digest, Draft, Function, Record, SgnDraft, SignError, Signer, SigningOptions,
    Style, TrustList, VerifiedList, VerifyError, header_tag,
};
use sastctl::workflow::{ConfirmedPlan, Edit, Plan, PlanError, Release, Request, resign, revert, update};

use std::slice::from_ref;

use crate::pki::{GOLDEN_TIME, KeyFile, certificate, golden, golden_bytes, options, spell, token};

fn request(signer: &Certificate) -> Request<'_> {
    Request {
        signer,
        options: options(Digest::Sha1),
        name_style: None,
        now: 1_425_678_813,
        force: false,
        spell,
    }
}

/// Confirms a plan, as an operator who saw it.
fn confirmed(plan: Plan) -> ConfirmedPlan {
    let shown = plan.digest();
    plan.confirm(shown).unwrap()
}

#[test]
fn a_plan_that_changed_after_it_was_shown_is_not_carried_out() {
    let signer = token("SAST-ADN008580ef");
    let old = golden("tokenless.tlv");
    let plan = |b| revert(&old, &request(&signer), &[token(b)], None, false, &[]).unwrap();
    let shown = plan("SAST-ADN0054f509").digest();
    assert_eq!(shown, plan("SAST-ADN0054f509").digest(), "the same plan has the same digest");
    let mut later = request(&signer);
    later.options.timestamp += 1;
    let other = revert(&old, &later, &[token("SAST-ADN0054f509")], None, false, &[]).unwrap();
    assert!(matches!(other.confirm(shown), Err(PlanError::Changed { .. })));
    plan("SAST-ADN0054f509").confirm(shown).unwrap();
}

/// The time of the checks and the list in force are part of the digest, even if the text of the plan is the same.
#[test]
fn a_plan_digest_covers_the_time_of_the_checks_and_the_list_in_force() {
    let signer = token("SAST-ADN008580ef");
    let plan = |old: &VerifiedList, now| resign(old, &Request { now, ..request(&signer) }).unwrap();
    let old = golden("token-signed.tlv");
    let shown = plan(&old, 1_425_678_813).digest();
    assert_eq!(shown.judged_at, 1_425_678_813);
    assert_eq!(shown.to_string().split_once('@').unwrap().1, "2015-03-06T21:53:33Z");
    assert_eq!(shown.to_string().parse(), Ok(shown));
    let (later, again) = (plan(&old, 1_425_678_814), plan(&old, 1_425_678_813));
    assert_eq!((&later.warnings, &later.steps), (&again.warnings, &again.steps), "no word differs");
    assert!(matches!(later.confirm(shown), Err(PlanError::Changed { .. })));
    // The same list, signed one second later.
    let mut key = KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let options = SigningOptions { timestamp: GOLDEN_TIME + 1, ..options(Digest::Sha1) };
    let resigned = Draft::new("CTLFile.tlv", old.list().records().to_vec(), options).sign(&mut key);
    let other = plan(&resigned.unwrap(), 1_425_678_813);
    assert_eq!(other.draft(), again.draft(), "the same is signed");
    assert!(matches!(other.confirm(shown), Err(PlanError::Changed { .. })));
}

/// Another token of the list could sign it as well, and phones would accept it, but the operator did not confirm that.
#[test]
fn a_plan_is_signed_only_by_its_own_signer() {
    let (signer, old) = (token("SAST-ADN008580ef"), golden("tokenless.tlv"));
    let plan = revert(&old, &request(&signer), &[token("SAST-ADN0054f509")], None, false, &[]).unwrap();
    let refused = confirmed(plan).execute(&mut KeyFile::open("softhsm-fixtures/SAST-ADN0054f509"));
    assert!(matches!(refused, Err(SignError::OtherSigner { .. })), "{refused:?}");
}

#[test]
fn a_reverted_cluster_gets_the_file_of_the_ctl_client_to_the_byte() {
    let mut signer = KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let certificate = signer.certificate().clone();
    let old = golden("tokenless.tlv");
    let plan = revert(&old, &request(&certificate), &[token("SAST-ADN0054f509")], None, false, &[]).unwrap();
    assert_eq!(plan.signed_len(), 5728);
    let new = confirmed(plan).execute(&mut signer).unwrap();
    assert!(new.list().bytes()[..] == golden_bytes("token-signed.tlv"));
}

#[test]
fn a_release_with_recovery_keeps_the_records_for_tokenless() {
    let signer = token("SAST-ADN008580ef");
    let old = golden("tokenless.tlv");
    assert_eq!(Release::told_by(&old), Release::TokensAlone);
    let spare = [token("SAST-ADN0054f509")];
    let plan = revert(&old, &request(&signer), &spare, Some(Release::WithRecovery), false, &[]).unwrap();
    let sasts = plan.draft().records.iter().filter(|r| r.function() == Function::SAST).count();
    assert_eq!(sasts, 3, "the CallManager SAST record stays");
    assert!(plan.warnings.iter().any(|w| w.contains("no ITLRecovery")), "{:?}", plan.warnings);
}

#[test]
fn invalid_plans_are_refused() {
    let (a, b) = (token("SAST-ADN008580ef"), token("SAST-ADN0054f509"));
    let tokenless = golden("tokenless.tlv");
    let refuse = |old, spares: &[Certificate], single| {
        revert(old, &request(&a), spares, None, single, &[]).unwrap_err()
    };
    assert!(matches!(refuse(&tokenless, &[], false), PlanError::OneToken { .. }));
    assert!(matches!(refuse(&tokenless, from_ref(&a), false), PlanError::TokenTwice { .. }));
    let signed = golden("token-signed.tlv");
    assert!(matches!(refuse(&signed, from_ref(&b), false), PlanError::AlreadyTokenSigned { .. }));
    assert_eq!(refuse(&golden("itl.tlv"), from_ref(&b), false), PlanError::NotACtl);
    assert!(revert(&tokenless, &request(&a), &[], None, true, &[]).is_ok(), "--single-token");

    let change = |edits: &[Edit]| update(&signed, &request(&a), edits).unwrap_err();
    assert!(matches!(change(&[Edit::AddToken(b)]), PlanError::TokenAlreadyInList { record: 1, .. }));
    assert!(matches!(
        change(&[Edit::RemoveToken("SAST-ADN008580ef".into())]),
        PlanError::RemovesSigner { .. }
    ));
    assert!(matches!(change(&[Edit::RemoveToken("nobody".into())]), PlanError::NoMatch { .. }));
    assert!(matches!(change(&[Edit::RemoveServer("10.0.0.1".into())]), PlanError::NoMatch { .. }));
    assert_eq!(change(&[]), PlanError::NothingToDo);
    let stranger = certificate("tests/testdata/keys/rsa2048.der");
    let error = resign(&signed, &request(&stranger)).unwrap_err();
    assert_eq!(error.to_string(), "The Security Token you have inserted does not exist in the CTL File");
}

#[test]
fn non_secure_mode_empties_the_callmanager_records_and_mixed_mode_fills_them_again() {
    let mut signer = KeyFile::open("softhsm-fixtures/SAST-ADN0054f509");
    let own = signer.certificate().clone();
    let old = golden("token-signed.tlv");
    let plan = update(&old, &request(&own), &[Edit::SetMode(SecurityMode::NonSecure)]).unwrap();
    let emptied = confirmed(plan).execute(&mut signer).unwrap();
    assert_eq!(emptied.list().bytes().len(), 3746);
    let small: Vec<_> = emptied.list().records().iter().filter(|r| r.bytes().len() == 33).collect();
    assert_eq!(small.len(), 2);
    assert!(small.iter().all(|r| r.function() == Function::CCM_TFTP));

    let mixed = Edit::SetMode(SecurityMode::Mixed);
    let error = update(&emptied, &request(&own), from_ref(&mixed)).unwrap_err();
    assert!(matches!(error, PlanError::NeedsCertificate { .. }));
    let refresh = |ip: &str, cert: &str| Edit::Refresh {
        function: None,
        address: Some(ip.parse().unwrap()),
        certificate: certificate(&format!("tests/testdata/pki/{cert}.der")),
    };
    let one = refresh("10.48.47.155", "cucm-1051-a-pub");
    let error = update(&emptied, &request(&own), &[mixed.clone(), one.clone()]).unwrap_err();
    assert!(matches!(error, PlanError::NeedsCertificate { .. }));
    let both = [mixed, one, refresh("10.48.47.156", "cucm-1051-a-sub1")];
    let filled = confirmed(update(&emptied, &request(&own), &both).unwrap()).execute(&mut signer).unwrap();
    let records = |list: &TrustList| list.records().iter().map(|r| r.bytes().clone()).collect::<Vec<_>>();
    assert!(records(filled.list()) == records(old.list()), "as before non-secure mode");
}

#[test]
fn a_renewed_certificate_takes_the_place_of_the_old_one() {
    let signer = KeyFile::open("tests/testdata/pki/cucm-1051-a-pub");
    let own = signer.certificate().clone();
    let renewed = certificate("tests/testdata/pki/cucm-1051-a-pub-regenerated.der");
    let edit = Edit::Refresh { function: None, address: None, certificate: renewed };
    // The SAST record would be replaced too, so its old key could not sign any more.
    let plan = update(&golden("tokenless.tlv"), &request(&own), from_ref(&edit));
    assert!(matches!(plan, Err(PlanError::Build(BuildError::SignerNotInList { .. }))));
    let signer = token("SAST-ADN008580ef");
    let plan = update(&golden("token-signed.tlv"), &request(&signer), &[edit]).unwrap();
    let record = plan.draft().records[1].clone();
    assert_eq!(record.bytes().len(), 1675 - 3 - 259, "the golden record, DNSNAME dotted and without tag 8");
}

#[test]
fn every_digest_and_key_size_signs_and_verifies() {
    for bits in [512, 1024, 2048, 4096] {
        let mut signer = KeyFile::open(&format!("tests/testdata/keys/rsa{bits}"));
        for digest in Digest::ALL {
            if bits == 512 && digest == Digest::Sha512 {
                continue; // a SHA-512 DigestInfo does not fit 512 bits (RFC 8017, section 9.2, step 3)
            }
            let record = Record::token(signer.certificate(), Style::Cucm).unwrap();
            for signer_version in [None, Some((1, 1))] {
                let options = SigningOptions { digest, timestamp: GOLDEN_TIME, signer_version };
                let draft = Draft::new("CTLFile.tlv", vec![record.clone()], options);
                let planned = draft.signed_len(signer.certificate()).unwrap();
                let list = draft.sign(&mut signer).unwrap();
                assert_eq!((list.digest(), list.key_bits()), (digest, bits));
                assert_eq!(list.list().bytes().len(), planned);
                let header = list.list().header();
                assert_eq!(header.signer_version, signer_version);
                assert_eq!(header.bytes().len() % 4, 0, "padded");
                let at = header.elements().iter().position(|e| e.tag == header_tag::SIGNER_VERSION);
                assert_eq!(at, signer_version.map(|_| 2), "tag 28 stands between 2 and 3");
            }
        }
    }
}

#[test]
fn keys_without_a_code_in_the_format_are_refused() {
    let mut signer = KeyFile::open("tests/testdata/keys/rsa3072");
    let record = Record::token(signer.certificate(), Style::Cucm).unwrap();
    let error = Draft::new("CTLFile.tlv", vec![record], options(Digest::Sha1)).sign(&mut signer).unwrap_err();
    assert!(matches!(error, SignError::Build(BuildError::KeySize { .. })), "{error:?}");
    let curve = certificate("tests/testdata/keys/ec256.der");
    let record = Record::token(&curve, Style::Cucm).unwrap();
    let error =
        Draft::new("CTLFile.tlv", vec![record], options(Digest::Sha1)).signed_len(&curve).unwrap_err();
    insta::assert_snapshot!(error, @"the signer's key is EC 256; a trust list is signed with RSA 512, 1024, 2048 or 4096");
}

/// A token that returns wrong bytes: an invalid signature is never returned.
struct Broken(KeyFile, fn(Vec<u8>) -> Vec<u8>);

impl Signer for Broken {
    type Error = std::convert::Infallible;
    fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }
    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, Self::Error> {
        self.0.sign(digest, message).map(self.1)
    }
}

#[test]
fn a_wrong_signature_is_never_written() {
    let flip: fn(Vec<u8>) -> Vec<u8> = |mut s| {
        s[5] ^= 1;
        s
    };
    let short: fn(Vec<u8>) -> Vec<u8> = |mut s| {
        s.pop();
        s
    };
    for spoil in [flip, short] {
        let key = KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
        let record = Record::token(key.certificate(), Style::CtlClient).unwrap();
        let draft = Draft::new("CTLFile.tlv", vec![record], options(Digest::Sha1));
        let error = draft.sign(&mut Broken(key, spoil)).unwrap_err();
        assert!(matches!(error, SignError::NotVerified(_) | SignError::NotDecoded(_)), "{error:?}");
    }
}

#[test]
fn a_configuration_file_is_signed_for_phones() {
    let mut signer = KeyFile::open("tests/testdata/keys/rsa2048");
    let draft =
        SgnDraft::new("SEP001122334455.cnf.xml.sgn", &b"<device/>\n"[..], options(Digest::Sha1), Style::Cucm);
    let signed = draft.sign(&mut signer).unwrap();
    assert_eq!(signed.header().version, (1, 0));
    assert_eq!(signed.payload()[..], b"<device/>\n"[..]);
    assert_eq!(signed.verify(signer.certificate()).map(|by| by.digest), Ok(Digest::Sha1));
}

#[test]
fn a_signature_with_another_digest_than_the_header_is_recognised() {
    let mut bytes = golden_bytes("token-signed.tlv");
    let list = TrustList::decode(bytes.clone()).unwrap();
    let element =
        list.header().elements().into_iter().find(|e| e.tag == header_tag::DIGEST_ALGORITHM).unwrap();
    // Signed as SHA-256, then named SHA-1 by a writer that signs over its own wrong header.
    let at = element.offset + 3;
    let mut signer = KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let covered = [&bytes[..at], &[2], &bytes[at + 1..]].concat();
    let named_256 = TrustList::decode(covered).unwrap();
    assert!(matches!(named_256.verify(), Err(VerifyError::DoesNotMatch { .. })));
    let signature = list.header().elements().into_iter().find(|e| e.tag == header_tag::SIGNATURE).unwrap();
    let (start, end) = (signature.offset, signature.offset + signature.total_len());
    let message = [&bytes[..start], &bytes[end..]].concat();
    let other = signer.sign(Digest::Sha256, &message).unwrap();
    bytes[start + 3..end].copy_from_slice(&other);
    let error = TrustList::decode(bytes).unwrap().verify().unwrap_err();
    insta::assert_snapshot!(error, @"the header names SHA-1, but the signature's DigestInfo says SHA-256");
}

#[test]
fn releases_before_and_after_11_5_differ() {
    for old in ["9.1", "10.0", "10.5(2)", "11.0", "8"] {
        assert_eq!(old.parse(), Ok(Release::TokensAlone), "{old}");
    }
    for new in ["11.5", "11.5(1)SU8", "12.0", "12.5", "14", "15.0.1"] {
        assert_eq!(new.parse(), Ok(Release::WithRecovery), "{new}");
    }
    for wrong in ["", "x", "10.", "12,0"] {
        assert!(wrong.parse::<Release>().is_err(), "{wrong}");
    }
}
