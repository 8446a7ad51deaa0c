//! The result of an operator's choices in the windows of the CTL Client.

use sastctl::cluster::SecurityMode;
use sastctl::workflow::{AddedServer, Choices, EntryKind, ListOption, Start};

use super::*;

fn choices(start: Start, with: &[Certificate]) -> Choices {
    let mut choices = Choices::new(start);
    choices.mode = None;
    with.iter().for_each(|token| choices.add_token(token.clone()).unwrap());
    choices
}

fn removes_a_token(choices: &Choices) -> bool {
    choices.options().iter().any(|option| matches!(option, ListOption::RemoveToken(_)))
}

fn in_force() -> Start {
    Start::InForce(Box::new(tokens()))
}

fn added() -> AddedServer {
    AddedServer { server: server(Function::CCM_TFTP, 157, SUB, None), file: "sub2.der".to_owned() }
}

#[test]
fn an_update_starts_with_a_token_of_the_list_and_accepts_each_token_once() {
    let hsm = certificate(HSM);
    let mut update = Choices::new(in_force());
    assert!(matches!(update.add_token(hsm.clone()), Err(PlanError::SignerNotInForce { .. })));
    update.add_token(b()).unwrap();
    let twice = update.add_token(a());
    assert!(matches!(twice, Err(PlanError::TokenAlreadyInList { record: 5, .. })), "{twice:?}");
    update.add_token(hsm.clone()).unwrap();
    assert!(matches!(update.add_token(hsm.clone()), Err(PlanError::TokenTwice { .. })));
    assert_eq!(update.signer().unwrap().der(), b().der(), "the first inserted");
    let mut first = Choices::new(Start::InForce(Box::new(golden("tokenless.tlv"))));
    first.add_token(a()).unwrap();
    first.add_token(b()).unwrap();
    assert_eq!(first.signer().unwrap().der(), a().der(), "the first inserted");
    first.named = Some(b());
    assert_eq!(first.signer().unwrap().der(), b().der(), "the one that was chosen");
}

#[test]
fn entries_are_added_and_removed() {
    let hsm = certificate(HSM);
    let mut update = choices(in_force(), &[b(), hsm]);
    update.servers.push(added());
    let kinds = |choices: &Choices| choices.entries().into_iter().map(|e| e.kind).collect::<Vec<_>>();
    let in_list = (0..5).map(EntryKind::InList);
    let all: Vec<_> = in_list.chain([EntryKind::Server(0), EntryKind::Token(1)]).collect();
    assert_eq!(kinds(&update), all, "a token of the list has its entry already");
    let own = |entry: &str| update.entries().into_iter().find(|e| e.columns[0] == entry).unwrap().columns;
    assert_eq!(own("Security Token")[1], "- No Hostname -");
    assert_eq!(own("CAPF")[1], "10.48.47.155");
    for nothing in [EntryKind::Token(2), EntryKind::Token(9), EntryKind::Server(1), EntryKind::Server(9)] {
        update.delete(nothing);
        assert_eq!(kinds(&update), all, "{nothing:?}");
    }
    update.delete(EntryKind::Server(0));
    update.delete(EntryKind::Token(1));
    update.delete(EntryKind::InList(3));
    assert_eq!(kinds(&update), [0, 1, 2, 4].map(EntryKind::InList));
    assert_eq!((update.servers.len(), update.tokens.len()), (0, 1));

    let tokenless = choices(Start::InForce(Box::new(golden("tokenless.tlv"))), &[a(), b()]);
    let shown = tokenless.entries();
    assert!(shown.iter().all(|e| e.columns[0] != "SAST"), "a tokenless signer leaves: {shown:?}");
    assert_eq!(shown.iter().filter(|e| e.columns[0] == "Security Token").count(), 2);
}

/// After a bridge a tokenless list contains the tokens: they stay, so they are entries, and one can be removed.
#[test]
fn the_tokens_of_a_bridge_are_entries() {
    let server = as_cucm(Function::CCM_TFTP, "pub", Some([10, 0, 0, 1]));
    let token = |certificate: Certificate| Record::token(&certificate, Style::CtlClient).unwrap();
    let records = vec![as_cucm(Function::SAST, "pub", None), token(a()), token(b()), server];
    let draft = Draft::new("CTLFile.tlv", records, options(Digest::Sha1));
    let bridged = draft.sign(&mut KeyFile::open("tests/testdata/pki/cucm-1051-a-pub")).unwrap();
    let mut windows = choices(Start::InForce(Box::new(bridged)), &[b(), certificate(HSM), a()]);
    let in_list = |windows: &Choices| {
        windows.entries().into_iter().filter(|e| matches!(e.kind, EntryKind::InList(_))).count()
    };
    assert_eq!(in_list(&windows), 3);
    windows.delete(EntryKind::InList(2));
    assert_eq!(in_list(&windows), 2);
    let signer = a();
    let plan = windows.plan(&request(&signer)).unwrap();
    let names: Vec<_> = plan.draft().records.iter().map(Record::short_name).collect();
    assert!(!names.contains(&b().sast_name()) && names.contains(&signer.sast_name()), "{names:?}");
    assert_eq!(windows.leave_afterwards().len(), 1);
    assert!(!removes_a_token(&windows), "revert has no such option");
    // The two commands in the advice make the same file.
    let serials = windows.leave_afterwards();
    let own = || KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let signed = |plan: Plan| plan.draft().clone().sign(&mut own()).unwrap();
    let Start::InForce(old) = &windows.start else { panic!("a list is in force") };
    let first = signed(revert(old, &request(&signer), &[certificate(HSM)], None, false, &[]).unwrap());
    let leaves = [Edit::RemoveToken(serials[0].clone())];
    let both = signed(update(&first, &request(&signer), &leaves).unwrap());
    assert!(both.list().bytes() == signed(plan).list().bytes());
    // Adding it again restores it.
    windows.add_token(b()).unwrap();
    assert_eq!(in_list(&windows), 3);
    assert!(windows.leave_afterwards().is_empty());
    let signer = b();
    let plan = windows.plan(&request(&signer)).unwrap();
    assert_eq!(plan.draft().records.iter().filter(|r| r.function() == Function::SAST).count(), 3);
}

/// Mixed mode without the servers' certificates: an error, not "nothing to change", and no signature over the emptied list.
#[test]
fn mixed_mode_needs_the_certificates_that_non_secure_mode_removed() {
    let emptied = golden("token-signed-non-secure.tlv");
    let signer = b();
    let needs = |plan: Result<Plan, PlanError>| matches!(plan, Err(PlanError::NeedsCertificate { .. }));
    assert!(needs(update(&emptied, &request(&signer), &[Edit::SetMode(SecurityMode::Mixed)])));
    let mut windows = Choices::new(Start::InForce(Box::new(emptied)));
    windows.add_token(signer.clone()).unwrap();
    assert_eq!(windows.mode, Some(SecurityMode::Mixed));
    assert!(needs(windows.plan(&request(&signer))));
}

/// In non-secure mode an address selects the CCM+TFTP record only if no other record has the certificate's subject.
#[test]
fn a_renewed_capf_certificate_stays_out_of_an_emptied_record() {
    let emptied = golden("token-signed-non-secure.tlv");
    let signer = b();
    let refreshed = |file: &str| {
        let edit = Edit::Refresh {
            function: None,
            address: Some(Ipv4Addr::new(10, 48, 47, 155)),
            certificate: certificate(file),
        };
        update(&emptied, &request(&signer), &[edit])
    };
    let capf = refreshed("tests/testdata/pki/capf-e41e7d87.der");
    assert!(matches!(capf, Err(PlanError::NothingToDo)), "{capf:?}");
    let server = refreshed(PUB).unwrap();
    let filled: Vec<_> =
        server.draft().records.iter().filter(|r| r.subject_name().is_some()).map(Record::function).collect();
    assert_eq!(filled.iter().filter(|f| **f == Function::CCM_TFTP).count(), 1, "{filled:?}");
}

#[test]
fn the_choices_match_the_options_and_the_plan() {
    let hsm = certificate(HSM);
    let mut update = choices(in_force(), &[b(), hsm]);
    update.servers.push(added());
    update.delete(EntryKind::InList(3));
    update.delete(EntryKind::InList(4));
    update.mode = Some(SecurityMode::NonSecure);
    let serial = tokens().list().records()[4].get(tag::SERIAL_NUMBER).unwrap().to_vec();
    let serial: String = serial.iter().map(|b| format!("{b:02x}")).collect();
    let hsm_name = certificate(HSM).sast_name();
    let options = [
        ListOption::AddToken(hsm_name.clone()),
        ListOption::RemoveServer("ccm+tftp:10.48.47.156".to_owned()),
        ListOption::RemoveToken(serial),
        ListOption::AddServer("ccm+tftp:10.48.47.157:sub2.der".to_owned()),
        ListOption::Mode(SecurityMode::NonSecure),
    ];
    assert_eq!(update.options(), options);
    let plan = update.plan(&request(&b())).unwrap();
    let marks = marked(&plan);
    for mark in ["- CCM+TFTP cucm-1051-a-sub1", "- SAST SAST-ADN008580ef", "~ CCM+TFTP 10.48.47.155"] {
        assert!(marks.contains(&mark.to_owned()), "{mark}: {marks:?}");
    }
    assert!(marks.contains(&format!("+ SAST {hsm_name}")), "{marks:?}");

    let mut first = choices(
        Start::NoFile {
            cluster: Box::new(cluster(TWO_SERVERS)),
            certificates: vec![Some(certificate(PUB)), Some(certificate(SUB))],
            tokens: vec![],
        },
        &[b(), a()],
    );
    first.named = Some(a());
    assert_eq!(
        first.entries().iter().map(|e| e.columns[1].clone()).collect::<Vec<_>>()[..2],
        ["10.0.0.1", "sub"]
    );
    first.delete(EntryKind::InList(1));
    let spare = ListOption::Spare("SAST-ADN0054f509".to_owned());
    assert_eq!(first.options(), [spare, ListOption::RemoveServer("capf:sub".to_owned())]);
    assert_eq!(first.entries().len(), 3);
    let signer = a();
    let plan = first.plan(&request(&signer)).unwrap();
    assert_eq!(plan.draft().records.len(), 3);
    assert!(plan.draft().records.iter().all(|r: &Record| r.function() != Function::CAPF));
}

/// The replacement of the wrong token can be undone before anything is signed.
#[test]
fn a_deleted_entry_is_restored_by_its_token() {
    let mut update = choices(in_force(), &[a()]);
    let in_list = |choices: &Choices| choices.entries().len();
    update.delete(EntryKind::InList(0));
    assert_eq!(in_list(&update), 4);
    update.add_token(b()).unwrap();
    assert_eq!(in_list(&update), 5);
    assert!(matches!(update.add_token(b()), Err(PlanError::TokenAlreadyInList { record: 1, .. })));
    assert!(update.options().is_empty(), "{:?}", update.options());
    let signer = a();
    let plan = update.plan(&request(&signer)).unwrap();
    assert!(marked(&plan).is_empty() && plan.draft().records == tokens().list().records());
    update.delete(EntryKind::InList(0));
    assert_eq!(marked(&update.plan(&request(&signer)).unwrap()), ["- SAST SAST-ADN0054f509"]);

    // The signer itself: then another token of the list signs, or the entry is restored, too.
    let mut update = choices(in_force(), &[a(), certificate(HSM)]);
    update.delete(EntryKind::InList(4));
    assert!(update.signer().is_none());
    let mut back = update.clone();
    back.add_token(a()).unwrap();
    assert_eq!(back.signer().unwrap().der(), a().der());
    update.add_token(b()).unwrap();
    assert_eq!(update.signer().unwrap().der(), b().der());
    let hsm = certificate(HSM).sast_name();
    let marks = marked(&update.plan(&request(&b())).unwrap());
    assert_eq!(marks, ["- SAST SAST-ADN008580ef", &format!("+ SAST {hsm}")]);
}

/// Each token in the file has an entry, which can be removed and restored.
#[test]
fn the_tokens_of_a_cluster_file_are_entries() {
    let start = Start::NoFile {
        cluster: Box::new(cluster(TWO_SERVERS)),
        certificates: vec![Some(certificate(PUB)), Some(certificate(SUB))],
        tokens: vec![b(), certificate(HSM)],
    };
    let mut first = choices(start, &[b(), a()]);
    first.named = Some(a());
    assert_eq!(first.first_tokens(), 3);
    let kinds = |choices: &Choices| choices.entries().into_iter().map(|e| e.kind).collect::<Vec<_>>();
    let of_file = [0, 1, 2, 3].map(EntryKind::InList);
    assert_eq!(kinds(&first), [&of_file[..], &[EntryKind::Token(1)]].concat(), "one entry for each");
    assert_eq!(first.entries()[2].columns[1], "- No Hostname -");
    let spare = ListOption::Spare("SAST-ADN0054f509".to_owned());
    assert_eq!(first.options(), [spare], "the file names the other one");
    let signer = a();
    let sasts = |choices: &Choices| {
        let plan = choices.plan(&request(&signer)).unwrap();
        let sasts = plan.draft().records.iter().filter(|r| r.function() == Function::SAST);
        sasts.map(Record::short_name).collect::<Vec<_>>()
    };
    let hsm = certificate(HSM).sast_name();
    assert_eq!(sasts(&first), ["SAST-ADN0054f509", &hsm, "SAST-ADN008580ef"]);
    // Without it, the command that makes the list is followed by one that removes it.
    first.delete(EntryKind::InList(3));
    assert_eq!(sasts(&first), ["SAST-ADN0054f509", "SAST-ADN008580ef"]);
    let serials = first.leave_afterwards();
    let three = create(
        &cluster(TWO_SERVERS),
        &[Some(certificate(PUB)), Some(certificate(SUB))],
        &request(&signer),
        &[b(), certificate(HSM)],
        false,
        &[],
    );
    let own = || KeyFile::open("softhsm-fixtures/SAST-ADN008580ef");
    let signed = |plan: Plan| plan.draft().clone().sign(&mut own()).unwrap();
    let leaves: Vec<_> = serials.into_iter().map(Edit::RemoveToken).collect();
    let two = update(&signed(three.unwrap()), &request(&signer), &leaves).unwrap();
    assert!(signed(two).list().bytes() == signed(first.plan(&request(&signer)).unwrap()).list().bytes());
    // The inserted one, too, is not inserted any more.
    first.delete(EntryKind::InList(2));
    assert_eq!((first.tokens.len(), first.first_tokens()), (1, 1));
    assert!(matches!(first.plan(&request(&signer)), Err(PlanError::OneToken { .. })));
    first.add_token(b()).unwrap();
    assert_eq!(first.first_tokens(), 2);
    assert_eq!(first.leave_afterwards().len(), 1);
}

#[test]
fn entries_show_where_a_server_is_and_how_its_names_will_be_spelled() {
    let list = signed(&[
        as_cucm(Function::CCM_TFTP, "pub", None),
        as_cucm(Function::TVS, "pub", Some([0; 4])),
        as_cucm(Function::CAPF, "", Some([10, 0, 0, 9])),
    ]);
    let mut choices = choices(Start::InForce(Box::new(list)), &[a(), certificate(HSM), b()]);
    choices.servers.push(added());
    let shown: Vec<[String; 4]> = choices.entries().into_iter().map(|entry| entry.columns).collect();
    let places: Vec<&str> = shown.iter().map(|columns| columns[1].as_str()).collect();
    let token = "- No Hostname -";
    assert_eq!(places, [token, "pub", "pub", "10.0.0.9", "10.48.47.157", token, token]);
    let subjects: Vec<&str> = shown.iter().map(|columns| columns[3].as_str()).collect();
    assert!(subjects[0].starts_with("cn=\"SAST-ADN008580ef"), "{subjects:?}");
    assert!(subjects[4].starts_with("CN=cucm-1051-a-sub1;"), "{subjects:?}");
    assert!(subjects[5].starts_with("CN="), "no token of Cisco's: {subjects:?}");
    assert!(subjects[6].starts_with("cn=\"SAST-ADN0054f509"), "{subjects:?}");
}

#[test]
fn the_mode_option_is_given_only_for_a_change() {
    let options = |start: Start, mode| {
        let mut choices = choices(start, &[b()]);
        choices.mode = mode;
        let of_mode = |option| match option {
            ListOption::Mode(mode) => Some(mode),
            _ => None,
        };
        let options: Vec<_> = choices.options().into_iter().map(of_mode).collect();
        assert!(options.len() < 2);
        options.first().copied()
    };
    let tokenless = || Start::InForce(Box::new(golden("tokenless.tlv")));
    assert_eq!(options(in_force(), Some(SecurityMode::Mixed)), Some(Some(SecurityMode::Mixed)));
    assert_eq!(options(tokenless(), Some(SecurityMode::Mixed)), None, "the first list of tokens is that");
    for start in [in_force(), tokenless()] {
        assert_eq!(options(start, Some(SecurityMode::NonSecure)), Some(Some(SecurityMode::NonSecure)));
    }
    assert_eq!(options(in_force(), None), None);
    // A first list has the mode of its cluster file, unless the operator chose another one.
    let first = |mode: &str| Start::NoFile {
        cluster: Box::new(cluster(&format!("mode = '{mode}'\n{TWO_SERVERS}"))),
        certificates: vec![Some(certificate(PUB)), Some(certificate(SUB))],
        tokens: vec![],
    };
    assert_eq!(options(first("mixed"), Some(SecurityMode::Mixed)), None);
    assert_eq!(options(first("non-secure"), Some(SecurityMode::Mixed)), Some(Some(SecurityMode::Mixed)));
    assert_eq!(options(first("non-secure"), None), None);
}

/// From a list that tokens signed, the command itself removes a token.
#[test]
fn a_token_signed_list_needs_no_second_command_to_remove_a_token() {
    let mut windows = choices(Start::InForce(Box::new(golden("token-signed.tlv"))), &[a()]);
    let place = |windows: &Choices| {
        let entries = windows.entries();
        entries.into_iter().find(|e| e.columns.iter().any(|c| c.contains("ADN0054f509"))).map(|e| e.kind)
    };
    windows.delete(place(&windows).unwrap());
    assert!(place(&windows).is_none());
    assert!(windows.leave_afterwards().is_empty());
    assert!(removes_a_token(&windows), "{:?}", windows.options());
}
