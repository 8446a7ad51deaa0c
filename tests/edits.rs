//! Plans made through the library: the changes of a list, and the names that select records.

mod choices;
mod following;
mod lines;

use std::net::Ipv4Addr;
use std::slice;

use sastctl::cluster::SecurityMode;
use sastctl::phone::{ClassVerdict, Decision, Impact, PhoneClass, Reason, Verdict, Way};
use sastctl::trustlist::{
    Certificate, Digest, Draft, Function, Record, ServerRecord, Style, VerifiedList, record_tag as tag,
};
use sastctl::workflow::advice::{effects, procedures};
use sastctl::workflow::cluster_file::ClusterFile;
use sastctl::workflow::{
    Edit, Mark, NewServer, Plan, PlanDigest, PlanError, Request, create, resign, revert, update,
};

use crate::pki::{KeyFile, certificate, golden, options, spell, token};

const PUB: &str = "tests/testdata/pki/cucm-1051-a-pub.der";
const PUB_NEW: &str = "tests/testdata/pki/cucm-1051-a-pub-regenerated.der";
const SUB: &str = "tests/testdata/pki/cucm-1051-a-sub1.der";
const TVS: &str = "tests/testdata/pki/cucm8-tvs.der";
const EC: &str = "tests/testdata/keys/ec256.der";
const HSM: &str = "tests/testdata/keys/rsa2048.der";

fn a() -> Certificate {
    token("SAST-ADN008580ef")
}

fn b() -> Certificate {
    token("SAST-ADN0054f509")
}

fn request(signer: &Certificate) -> Request<'_> {
    Request {
        signer,
        options: options(Digest::Sha1),
        name_style: None,
        now: 1_500_000_000,
        force: false,
        spell,
    }
}

/// Servers 10.48.47.155 (CCM+TFTP, CAPF) and .156, signed by A, with B.
fn tokens() -> VerifiedList {
    golden("token-signed.tlv")
}

fn change(edits: &[Edit]) -> Result<Plan, PlanError> {
    update(&tokens(), &request(&b()), edits)
}

fn server(function: Function, last: u8, file: &str, host: Option<&str>) -> NewServer {
    let address = [10, 48, 47, last].into();
    NewServer { function, address, certificate: certificate(file), host: host.map(str::to_owned) }
}

/// The lines with a mark: `- CCM+TFTP cucm-1051-a-sub1`.
fn marked(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|s| s.mark != Mark::Keep);
    steps.map(|s| format!("{} {} {}", s.mark.sign(), s.function, s.name)).collect()
}

fn leaves(name: &str) -> Vec<String> {
    marked(&change(&[Edit::RemoveServer(name.to_owned())]).unwrap())
}

#[test]
fn a_server_can_be_removed_by_any_of_its_names() {
    let both = ["- CCM+TFTP cucm-1051-a-pub", "- CAPF CAPF-e41e7d87"];
    // The CTL Client writes the address as DNSNAME; the CAPF record has the publisher's.
    assert_eq!(leaves("10.48.47.155").len(), 2);
    for one in both {
        assert!(leaves("10.48.47.155").contains(&one.to_owned()));
    }
    assert_eq!(leaves("cucm-1051-a-pub"), [both[0]]);
    assert_eq!(leaves("CAPF-e41e7d87"), [both[1]]);
    assert_eq!(leaves("capf:10.48.47.155"), [both[1]]);
    assert_eq!(leaves("ccm+tftp:10.48.47.155"), [both[0]]);
    let named = tokens().list().records()[3].with(tag::DNS_NAME, b"sub.example.com\0").unwrap();
    let records = [&tokens().list().records()[..3], &[named, tokens().list().records()[4].clone()]].concat();
    let draft = Draft::new("CTLFile.tlv", records, options(Digest::Sha1));
    let list = draft.sign(&mut KeyFile::open("softhsm-fixtures/SAST-ADN008580ef")).unwrap();
    for name in ["sub.example.com", "10.48.47.156", "cucm-1051-a-sub1"] {
        let plan = update(&list, &request(&b()), &[Edit::RemoveServer(name.to_owned())]).unwrap();
        assert_eq!(marked(&plan), ["- CCM+TFTP cucm-1051-a-sub1"], "{name}");
    }
}

#[test]
fn removing_a_server_shows_what_phones_lose() {
    let plan = change(&[Edit::RemoveServer("ccm+tftp:10.48.47.156".to_owned())]).unwrap();
    assert!(plan.findings.iter().any(|finding| finding.impact != Impact::Note));
    let joins = server(Function::CCM_TFTP, 157, SUB, None);
    let plan = change(&[Edit::AddServer(joins)]).unwrap();
    assert!(plan.findings.iter().all(|finding| finding.impact == Impact::Note), "nothing is lost");
}

/// After a bridge the list already contains the tokens: they are not added again.
#[test]
fn a_revert_keeps_existing_tokens() {
    let (signer, spare) = (a(), b());
    let server = as_cucm(Function::CCM_TFTP, "pub", Some([10, 0, 0, 1]));
    let token = |certificate| Record::token(certificate, Style::CtlClient).unwrap();
    let records = vec![as_cucm(Function::SAST, "pub", None), token(&signer), token(&spare), server];
    let draft = Draft::new("CTLFile.tlv", records, options(Digest::Sha1));
    let bridged = draft.sign(&mut KeyFile::open("tests/testdata/pki/cucm-1051-a-pub")).unwrap();
    let plan = revert(&bridged, &request(&signer), slice::from_ref(&spare), None, false, &[]).unwrap();
    let sasts = plan.draft().records.iter().filter(|r| r.function() == Function::SAST);
    let names: Vec<_> = sasts.map(Record::short_name).collect();
    assert_eq!(names, ["SAST-ADN0054f509", "SAST-ADN008580ef"]);
    assert!(marked(&plan).iter().all(|line| !line.contains("SAST-")), "{:?}", marked(&plan));
}

#[test]
fn if_nothing_matches_the_existing_records_are_listed() {
    let there_are = |edit: Edit| match change(&[edit]) {
        Err(PlanError::NoMatch { there_are, .. }) => there_are,
        other => panic!("{other:?}"),
    };
    let servers = ["cucm-1051-a-pub", "CAPF-e41e7d87", "cucm-1051-a-sub1"];
    assert_eq!(there_are(Edit::RemoveServer("nobody".to_owned())), servers);
    // A token is not a server, and a server is not a token.
    assert_eq!(there_are(Edit::RemoveServer("SAST-ADN008580ef".to_owned())), servers);
    let tokens = ["SAST-ADN0054f509", "SAST-ADN008580ef"];
    assert_eq!(there_are(Edit::RemoveToken("cucm-1051-a-pub".to_owned())), tokens);
    assert_eq!(there_are(Edit::RemoveToken(String::new())), tokens);
    let other = Edit::Refresh {
        function: None,
        address: Some([10, 0, 0, 1].into()),
        certificate: certificate(PUB_NEW),
    };
    assert_eq!(there_are(other).len(), 5);
}

#[test]
fn a_token_can_be_removed_by_its_serial_number_in_both_spellings() {
    let record = tokens().list().records()[4].clone();
    let serial = record.get(tag::SERIAL_NUMBER).unwrap().to_vec();
    let reversed: Vec<u8> = serial.iter().rev().copied().collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>();
    for text in [
        hex(&serial).concat(),
        hex(&serial).join(":").to_uppercase(),
        hex(&reversed).concat(),
        hex(&reversed).join(":"),
        "SAST-ADN008580ef".to_owned(),
    ] {
        let signer = b();
        let one_left = Request { force: true, ..request(&signer) };
        let plan = update(&tokens(), &one_left, &[Edit::RemoveToken(text.clone())]).unwrap();
        assert_eq!(marked(&plan), ["- SAST SAST-ADN008580ef"], "{text}");
    }
}

#[test]
fn a_server_is_added_in_the_style_of_the_list() {
    let joins = |host: Option<&str>, style: Option<Style>| {
        let signer = b();
        let request = Request { name_style: style, ..request(&signer) };
        let new = server(Function::CCM_TFTP, 157, SUB, host);
        let plan = update(&tokens(), &request, &[Edit::AddServer(new)]).unwrap();
        let added = plan.draft().records.iter().find(|r| r.ip_address() == Some([10, 48, 47, 157].into()));
        added.unwrap().dns_name().unwrap()
    };
    assert_eq!(joins(Some("sub2"), None), "10.48.47.157", "as the CTL Client writes it");
    assert_eq!(joins(Some("sub2"), Some(Style::Cucm)), "sub2");
    assert_eq!(joins(None, Some(Style::Cucm)), "10.48.47.157");
    // The same address with another function is not a duplicate.
    assert!(change(&[Edit::AddServer(server(Function::TVS, 155, TVS, None))]).is_ok());
    let twice = change(&[Edit::AddServer(server(Function::CAPF, 155, TVS, None))]);
    assert!(matches!(twice, Err(PlanError::ServerAlreadyInList { .. })), "{twice:?}");
    assert!(change(&[Edit::AddServer(server(Function::CAPF, 156, TVS, None))]).is_ok());
}

#[test]
fn a_new_certificate_goes_to_the_records_with_its_subject() {
    let refresh = |address: Option<[u8; 4]>, file: &str| {
        let edit = Edit::Refresh {
            function: None,
            address: address.map(Ipv4Addr::from),
            certificate: certificate(file),
        };
        change(&[edit]).map(|plan| marked(&plan))
    };
    let publisher = ["~ CCM+TFTP cucm-1051-a-pub"];
    assert_eq!(refresh(None, PUB_NEW).unwrap(), publisher);
    // CAPF has the same address, but another subject.
    assert_eq!(refresh(Some([10, 48, 47, 155]), PUB_NEW).unwrap(), publisher);
    assert!(matches!(refresh(Some([10, 48, 47, 156]), PUB_NEW), Err(PlanError::OtherSubject { .. })));
    assert!(matches!(refresh(None, TVS), Err(PlanError::NoMatch { .. })));
    // A token, whose record has another spelling of names.
    assert!(matches!(refresh(None, "softhsm-fixtures/SAST-ADN008580ef.der"), Err(PlanError::NothingToDo)));
}

#[test]
fn different_plans_have_different_digests() {
    let plan = change(&[Edit::SetMode(SecurityMode::NonSecure)]).unwrap();
    let other = change(&[Edit::RemoveServer("10.48.47.156".to_owned())]).unwrap();
    let digest = plan.digest();
    assert_ne!(digest.sum, other.digest().sum);
    let hex: String = digest.sum.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest.to_string().split_once('@').unwrap().0, hex);
    assert_ne!(PlanDigest::over(0, &[b"ab", b"c"]).sum, PlanDigest::over(0, &[b"a", b"bc"]).sum);
    assert!(other.confirm(digest).is_err());
    assert!(plan.confirm(digest).is_ok());
}

fn cluster(text: &str) -> ClusterFile {
    toml::from_str(text).unwrap()
}

const TWO_SERVERS: &str = "
[[server]]
function = 'CCM+TFTP'
address = '10.0.0.1'
host = 'pub'
certificate = 'pub.der'
[[server]]
function = 'CAPF'
host = 'sub'
certificate = 'sub.der'
";

#[test]
fn a_first_list_has_two_tokens_unless_it_is_an_itl() {
    let certificates = [Some(certificate(PUB)), Some(certificate(SUB))];
    let create = |cluster: &ClusterFile, spares: &[Certificate], single, force| {
        let signer = a();
        let request = Request { force, ..request(&signer) };
        create(cluster, &certificates, &request, spares, single, &[])
    };
    let ctl = cluster(TWO_SERVERS);
    let itl = cluster(&format!("kind = 'itl'\n{TWO_SERVERS}"));
    assert!(matches!(create(&ctl, &[], false, false), Err(PlanError::OneToken { .. })));
    assert!(create(&ctl, &[], true, false).is_ok());
    assert!(create(&ctl, &[], false, true).is_ok());
    assert!(create(&ctl, &[b()], false, false).is_ok());
    assert!(create(&itl, &[], false, false).is_ok());
    assert!(matches!(create(&ctl, &[a()], false, false), Err(PlanError::TokenTwice { .. })));
    assert!(matches!(create(&ctl, &[b(), b()], false, false), Err(PlanError::TokenTwice { .. })));
}

#[test]
fn only_ccm_tftp_needs_no_certificate_and_only_in_non_secure_mode() {
    let create = |text: &str, certificates: [Option<Certificate>; 2]| {
        create(&cluster(text), &certificates, &request(&a()), &[b()], false, &[])
    };
    let non_secure = format!("mode = 'non-secure'\n{TWO_SERVERS}");
    let (one, two) = (Some(certificate(PUB)), Some(certificate(SUB)));
    assert!(create(&non_secure, [None, two.clone()]).is_ok());
    let needs = |result: Result<Plan, PlanError>| match result {
        Err(PlanError::ServerWithoutCertificate { address, .. }) => address,
        other => panic!("{other:?}"),
    };
    assert_eq!(needs(create(&non_secure, [one.clone(), None])), "sub");
    assert_eq!(needs(create(TWO_SERVERS, [None, two])), "10.0.0.1");
    assert_eq!(cluster(&non_secure).mode, SecurityMode::NonSecure);
}

#[test]
fn certificates_that_expire_soon_are_reported() {
    let soon = |now: i64| {
        let (_, all) = procedures(&tokens(), "CTLFile.tlv", None, now);
        all.into_iter().find(|one| one.name == "expiring").map(|one| one.what)
    };
    // 182 days before the first of them ends.
    let first = a().not_after.min(b().not_after) - 182 * 86_400;
    let names_tokens = |now: i64| soon(now).is_some_and(|what| what.contains("SAST-ADN"));
    assert!(!names_tokens(first) && names_tokens(first + 1));
}

#[test]
fn signing_again_names_the_signer() {
    let signer = b();
    let plan = resign(&tokens(), &request(&signer)).unwrap();
    let whys: Vec<&str> = plan.steps.iter().map(|step| step.why.as_str()).collect();
    let stays = "stays as it is";
    assert_eq!(whys, ["signs this file (RSA 1024, SHA-1)", stays, stays, stays, stays]);
    assert!(matches!(
        resign(&tokens(), &request(&certificate(HSM))),
        Err(PlanError::SignerNotInForce { .. })
    ));
}

/// A list of token A's record and these records, signed by token A.
fn signed(records: &[Record]) -> VerifiedList {
    let first = Record::token(&a(), Style::CtlClient).unwrap();
    let draft = Draft::new("CTLFile.tlv", [&[first], records].concat(), options(Digest::Sha1));
    draft.sign(&mut KeyFile::open("softhsm-fixtures/SAST-ADN008580ef")).unwrap()
}

fn as_cucm(function: Function, name: &str, address: Option<[u8; 4]>) -> Record {
    as_cucm_with(PUB, function, name, address)
}

fn as_cucm_with(file: &str, function: Function, name: &str, address: Option<[u8; 4]>) -> Record {
    let certificate = certificate(file);
    let server = ServerRecord {
        function,
        certificate: &certificate,
        dns_name: name,
        ip_address: address.map(Into::into),
        style: Style::Cucm,
        hash_only: false,
    };
    Record::server(&server).unwrap()
}

#[test]
fn a_server_is_added_to_a_cucm_list_with_its_host_name() {
    let list = signed(&[as_cucm(Function::CCM_TFTP, "pub", Some([10, 48, 47, 155]))]);
    let new = server(Function::CCM_TFTP, 157, SUB, Some("sub2"));
    let signer = a();
    let request = Request { force: true, ..request(&signer) };
    let plan = update(&list, &request, &[Edit::AddServer(new)]).unwrap();
    let names: Vec<_> = plan.draft().records.iter().filter_map(Record::dns_name).collect();
    assert!(names.contains(&"sub2".to_owned()), "{names:?}");
}

/// A server with an RSA and an EC certificate has two records of one function at one address.
#[test]
fn a_certificate_goes_to_one_of_two_records_with_the_same_function_and_address() {
    let refreshed = |there: &[&'static str], file: &str| {
        let of = |file: &&str| as_cucm_with(file, Function::CCM_TFTP, "pub", Some([10, 48, 47, 155]));
        let list = signed(&there.iter().map(of).collect::<Vec<_>>());
        let edit = Edit::Refresh {
            function: Some(Function::CCM_TFTP),
            address: Some([10, 48, 47, 155].into()),
            certificate: certificate(file),
        };
        let plan = update(&list, &request(&a()), &[edit])?;
        let holds = |file: &&str| plan.draft().records.iter().any(|r| r.is_of(&certificate(file)));
        Ok(there.iter().copied().filter(holds).collect::<Vec<_>>())
    };
    assert_eq!(refreshed(&[EC, PUB], PUB_NEW), Ok(vec![EC]), "by its subject");
    assert_eq!(refreshed(&[EC, PUB], TVS), Ok(vec![EC]), "by its kind of key");
    assert_eq!(refreshed(&[PUB, SUB], PUB_NEW), Ok(vec![SUB]));
    assert_eq!(refreshed(&[PUB, PUB], TVS), Ok(vec![]), "the same one twice");
    assert_eq!(refreshed(&[EC], TVS), Ok(vec![]), "the only one");
    let which = refreshed(&[PUB, SUB], TVS);
    assert!(matches!(which, Err(PlanError::Ambiguous { count: 2, .. })), "{which:?}");
}

/// Back from non-secure mode, where both records of a server contain only its address.
#[test]
fn each_of_two_emptied_records_gets_a_certificate() {
    let server = |file| as_cucm_with(file, Function::CCM_TFTP, "pub", Some([10, 48, 47, 155]));
    let both = signed(&[server(PUB), server(EC)]);
    let emptied = update(&both, &request(&a()), &[Edit::SetMode(SecurityMode::NonSecure)]).unwrap();
    let emptied = signed(&emptied.draft().records[1..]);
    for function in [Some(Function::CCM_TFTP), None] {
        let edit = |file| Edit::Refresh {
            function,
            address: Some([10, 48, 47, 155].into()),
            certificate: certificate(file),
        };
        let plan = |edits: &[Edit]| {
            update(&emptied, &request(&a()), &[edits, &[Edit::SetMode(SecurityMode::Mixed)]].concat())
        };
        let back = plan(&[edit(PUB), edit(EC)]).unwrap();
        let of = |file| back.draft().records.iter().position(|r| r.is_of(&certificate(file)));
        assert_eq!((of(PUB), of(EC)), (Some(1), Some(2)));
        let half = plan(&[edit(PUB)]);
        assert!(matches!(half, Err(PlanError::NeedsCertificate { .. })), "{half:?}");
    }
}

#[test]
fn a_new_token_follows_the_first_tokens_of_the_list() {
    let second = Record::token(&b(), Style::CtlClient).unwrap();
    let list = signed(&[second, as_cucm(Function::CCM_TFTP, "pub", Some([10, 48, 47, 155]))]);
    let plan = update(&list, &request(&a()), &[Edit::AddToken(certificate(HSM))]).unwrap();
    let position = plan.draft().records.iter().position(|r| r.is_of(&certificate(HSM)));
    assert_eq!(position, Some(2));
}

#[test]
fn the_procedure_to_tokenless_depends_on_the_later_signer() {
    let way = |list: &VerifiedList| {
        let (_, all) = procedures(list, "CTLFile.tlv", None, 1_500_000_000);
        format!("{:?}", all.into_iter().find(|one| one.name == "to-tokenless").unwrap())
    };
    let second = Record::token(&b(), Style::CtlClient).unwrap();
    let server = as_cucm(Function::CCM_TFTP, "pub", Some([10, 0, 0, 1]));
    let recovery = as_cucm(Function::SAST, "pub", Some([10, 0, 0, 1]));
    let with = signed(&[second.clone(), recovery, server.clone()]);
    let without = signed(&[second, server]);
    let names_it = "the list contains cucm-1051-a-pub as SAST";
    assert!(way(&with).contains(names_it), "{}", way(&with));
    assert!(!way(&without).contains(names_it), "{}", way(&without));
}

/// Phones without a list accept any list: a procedure names them only where there is more to say.
#[test]
fn phones_without_a_list_are_named_where_it_is_news() {
    let of = |class, decision, reason: Reason| {
        let reasons = vec![Reason::HoldsNothing, reason];
        effects(&[ClassVerdict { class, verdict: Verdict { decision, reasons } }], "it").len()
    };
    let (without, with) = (PhoneClass::WithoutList, PhoneClass::SecurityByDefault);
    assert_eq!(of(without, Decision::Accepts(Way::Blind), Reason::HoldsNothing), 0);
    assert_eq!(of(without, Decision::Refuses, Reason::TooLarge { bytes: 70_000 }), 1);
    assert_eq!(of(with, Decision::Accepts(Way::Blind), Reason::HoldsNothing), 1);
    assert_eq!(of(with, Decision::Refuses, Reason::TooLarge { bytes: 70_000 }), 1);
}
