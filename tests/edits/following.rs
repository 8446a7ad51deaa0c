//! A list follows the cluster: which records change, and which stay.

use sastctl::cluster::shell::certificates::in_database;
use sastctl::workflow::{Change, Needed, NeededRecord, Unit, changes, renew};

use super::*;

fn needed(function: Function, unit: Unit, last: u8, file: &str) -> NeededRecord {
    NeededRecord { function, unit, address: [10, 48, 47, last].into(), certificate: certificate(file) }
}

fn callmanager(last: u8, file: &str) -> NeededRecord {
    needed(Function::CCM_TFTP, Unit::CallManager, last, file)
}

fn capf() -> NeededRecord {
    needed(Function::CAPF, Unit::Capf, 155, "tests/testdata/pki/capf-e41e7d87.der")
}

fn nodes(last: &[u8]) -> Vec<Ipv4Addr> {
    last.iter().map(|last| [10, 48, 47, *last].into()).collect()
}

/// The list in force follows a cluster of these nodes.
fn followed(old: &VerifiedList, records: Vec<NeededRecord>, last: &[u8]) -> Plan {
    renew(old, &request(&b()), &Needed { records, nodes: nodes(last) }, &[]).unwrap()
}

fn why(plan: &Plan, mark: Mark) -> Vec<&str> {
    plan.steps.iter().filter(|s| s.mark == mark).map(|s| &s.why[..]).collect()
}

#[test]
fn a_list_that_fits_does_not_change() {
    let fits =
        |records: &[NeededRecord]| changes(&tokens(), records, &nodes(&[155, 156])).unwrap().is_empty();
    assert!(fits(&[callmanager(155, PUB), capf(), callmanager(156, SUB)]));
    // Where CAPF is not activated any more, phones still have LSCs of it.
    assert!(fits(&[callmanager(155, PUB), callmanager(156, SUB)]));
    assert!(!fits(&[callmanager(155, PUB_NEW), callmanager(156, SUB)]));
}

/// A firewall and another TFTP server are no nodes.
#[test]
fn servers_that_are_no_nodes_stay() {
    let others = [server(Function::CCM, 200, HSM, None), server(Function::TFTP, 201, HSM, None)];
    let draft = change(&others.map(Edit::AddServer)).unwrap().draft().clone();
    let old = draft.sign(&mut KeyFile::open("softhsm-fixtures/SAST-ADN0054f509")).unwrap();
    let plan = followed(&old, vec![callmanager(155, PUB_NEW), capf()], &[155]);
    assert_eq!(why(&plan, Mark::Remove), ["10.48.47.156 is no node of the cluster"]);
    let changed = why(&plan, Mark::Change);
    assert!(
        changed.len() == 1 && changed[0].starts_with("CallManager was renewed: serial 6B:1D:35"),
        "{changed:?}"
    );
    for function in [Function::CCM, Function::TFTP] {
        assert!(plan.draft().records.iter().any(|record| record.function() == function));
    }
}

/// A certificate for several nodes is in the list once.
#[test]
fn a_certificate_of_several_nodes_replaces_those_of_each() {
    let plan = followed(&tokens(), vec![callmanager(155, PUB_NEW), capf()], &[155, 156]);
    assert_eq!(why(&plan, Mark::Remove), ["10.48.47.156 has no such certificate any more"]);
}

/// After non-secure mode the records of the servers have no certificate.
#[test]
fn an_emptied_record_gets_its_certificate() {
    let emptied = golden("token-signed-non-secure.tlv");
    let records = vec![callmanager(155, PUB), callmanager(156, SUB)];
    let plan = followed(&emptied, records.clone(), &[155, 156]);
    for record in &plan.draft().records {
        assert!(!record.is_emptied() || record.function() != Function::CCM_TFTP);
    }
    assert!(plan.draft().records.iter().any(|record| record.is_of(&records[1].certificate)));
    let changed = changes(&emptied, &records, &nodes(&[155, 156])).unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), [Change::Renewed(Unit::CallManager)]);
}

/// How the database prints a certificate is not known: on one line, on several, with other columns.
#[test]
fn certificates_of_the_database_are_read_in_every_form() {
    let both = [certificate(PUB), certificate(SUB)];
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let several = both.each_ref().map(|c| c.to_pem()).concat();
    let one: String = both
        .each_ref()
        .map(|c| format!("cucm  CallManager  {}  10.1.2.3\n", c.to_pem().trim().replace('\n', " ")))
        .concat();
    for text in [&several, &one] {
        let text = format!("certificate\n===========\n{text}\n");
        assert_eq!(in_database(&lines(&text)), both, "{text}");
    }
    assert_eq!(in_database(&lines("-----BEGIN CERTIFICATE-----\nAAAA")), []);
    assert_eq!(in_database(&lines("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----")), []);
    assert_eq!(in_database(&lines("No records found")), []);
}
