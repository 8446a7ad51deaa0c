//! A plan has one line for each record, with what happens to it.

use sastctl::cluster::SecurityMode;

use super::*;

/// Every record of the new list has one line, and every removed record has exactly one.
#[track_caller]
fn assert_one_line_each(plan: &Plan) {
    let steps = &plan.steps;
    let stay = steps.iter().filter(|step| step.mark != Mark::Remove).count();
    assert_eq!(stay, plan.draft().records.len(), "{steps:#?}");
    for gone in steps.iter().filter(|step| step.mark == Mark::Remove) {
        let lines = steps.iter().filter(|s| (&s.function, &s.name) == (&gone.function, &gone.name)).count();
        assert_eq!(lines, 1, "{steps:#?}");
    }
}

#[test]
fn a_server_removed_by_a_revert_has_one_line() {
    let (old, signer) = (golden("tokenless.tlv"), a());
    let edits = [Edit::RemoveServer("10.48.47.156".to_owned()), Edit::SetMode(SecurityMode::NonSecure)];
    let plan = revert(&old, &request(&signer), &[b()], None, false, &edits).unwrap();
    assert_one_line_each(&plan);
    let lines: Vec<String> = plan
        .steps
        .iter()
        .map(|s| format!("{} {} {}: {}", s.mark.sign(), s.function, s.name, s.why))
        .collect();
    assert_eq!(
        lines,
        [
            "- SAST cucm-1051-a-pub: the tokenless signer leaves",
            "~ CCM+TFTP 10.48.47.155: non-secure mode: address alone (cucm-1051-a-pub leaves)",
            "~ CAPF CAPF-e41e7d87: 10.48.47.155, as the CTL Client writes it",
            "- CCM+TFTP cucm-1051-a-sub1: the server leaves the list",
            "+ SAST SAST-ADN0054f509: spare",
            "+ SAST SAST-ADN008580ef: signs this file (RSA 1024, SHA-1)",
        ]
    );
}

#[test]
fn a_server_left_out_of_a_first_list_has_no_line() {
    let certificates = [Some(certificate(PUB)), Some(certificate(SUB))];
    let leaves = [Edit::RemoveServer("capf:sub".to_owned())];
    let signer = a();
    let plan =
        create(&cluster(TWO_SERVERS), &certificates, &request(&signer), &[b()], false, &leaves).unwrap();
    assert_one_line_each(&plan);
    let lines = ["+ SAST SAST-ADN0054f509", "+ CCM+TFTP cucm-1051-a-pub", "+ SAST SAST-ADN008580ef"];
    assert_eq!(marked(&plan), lines);
    assert!(plan.draft().records.iter().all(|record| record.function() != Function::CAPF));
}

/// A server that is added to a cluster in non-secure mode is new, not changed.
#[test]
fn a_server_added_in_non_secure_mode_is_new() {
    let joins = Edit::AddServer(server(Function::CCM_TFTP, 157, SUB, None));
    let edits = [joins, Edit::SetMode(SecurityMode::NonSecure)];
    let new = |plan: &Plan| {
        let new = plan.steps.iter().filter(|step| step.name == "10.48.47.157").cloned();
        new.map(|step| (step.mark, step.why)).collect::<Vec<_>>()
    };
    let why = "non-secure mode: address alone (cucm-1051-a-sub1 leaves)".to_owned();
    let plan = change(&edits).unwrap();
    assert_one_line_each(&plan);
    assert_eq!(new(&plan), [(Mark::Add, why.clone())]);
    let (old, signer) = (golden("tokenless.tlv"), a());
    let plan = revert(&old, &request(&signer), &[b()], None, false, &edits).unwrap();
    assert_one_line_each(&plan);
    assert_eq!(new(&plan), [(Mark::Add, why)]);
    let certificates = [Some(certificate(PUB)), Some(certificate(SUB))];
    let two = cluster(TWO_SERVERS);
    let plan = create(&two, &certificates, &request(&signer), &[b()], false, &edits).unwrap();
    assert_one_line_each(&plan);
    assert!(plan.steps.iter().all(|step| step.mark == Mark::Add), "{:?}", plan.steps);
}

/// A server that is added and removed in the same plan does not appear.
#[test]
fn a_server_added_and_removed_in_one_plan_has_no_line() {
    let joins = Edit::AddServer(server(Function::TFTP, 157, SUB, None));
    let leaves = Edit::RemoveServer("10.48.47.157".to_owned());
    assert!(matches!(change(&[joins, leaves]), Err(PlanError::NothingToDo)));
}
