//! A phone that refuses: states that the documents describe, and the verdict on each.

use std::collections::{BTreeMap, BTreeSet};

use sastctl::phone::TvsStatus;
use sastctl::phone::diagnosis::{
    ConfigFile, ConsoleLog, Facts, Held, ListFacts, RULES, Remedy, Served, verdict,
};
use sastctl::phone::page::MessageKind;
use sastctl::phone::tvs::Ask;
use sastctl::trustlist::{Function, ListKind, Style, VerifiedList};

use crate::acceptance::lists::{A, B, Lists, PUB_NEW, SUB, TVS, list, sast, server};
use crate::naive_phone::decide::{Class, Itl, Outcome, Tvs, decide};
use crate::naive_phone::reader::List;
use crate::pki;
use crate::support::World;
use crate::support::phones::md5_pairs;

#[cfg(unix)] // nodes behind sshd
mod stories;

const PHONE: &str = "SEP001122334455";

fn not_known<T>() -> Result<T, String> {
    Err("nobody looked".to_owned())
}

/// `-`: none; `?`: not known; `served`; `emptied`; `other`: its checksum alone; else a list by its name.
fn held(lists: &Lists, name: &str) -> Result<Held, String> {
    Ok(match name {
        "?" => return not_known(),
        "-" => Held::None,
        "served" => Held::Served,
        "emptied" => Held::Emptied,
        "other" => Held::Other("ebc649598280a447".to_owned()),
        name => Held::List(Box::new(get(lists, name))),
    })
}

fn get(lists: &Lists, name: &str) -> VerifiedList {
    use Function as F;
    match name {
        // What the CTL Client makes after CallManager was renewed.
        "tokens, refreshed" => {
            let records =
                [sast(B, Style::CtlClient), server(PUB_NEW, F::CCM_TFTP, false), sast(A, Style::CtlClient)];
            list(ListKind::Ctl, records.into(), A)
        }
        // Both nodes were renamed.
        "two renewed" => {
            let tvs = [server(SUB, F::TVS, true), server(PUB_NEW, F::TVS, true)];
            let records =
                [vec![server(PUB_NEW, F::SAST, false), server(PUB_NEW, F::CCM_TFTP, false)], tvs.into()];
            list(ListKind::Itl, records.concat(), PUB_NEW)
        }
        "itl by recovery alone" => {
            let records =
                vec![server(SUB, F::SAST, false), server(SUB, F::CCM_TFTP, false), server(TVS, F::TVS, true)];
            list(ListKind::Itl, records, SUB)
        }
        name => lists.get(name).clone(),
    }
}

fn served(lists: &Lists, name: &str) -> Result<Served, String> {
    Ok(match name {
        "?" => return not_known(),
        "-" => Served::None,
        "bad" => Served::Bad("does not verify".to_owned()),
        "not served" => Served::NotServed("serves a CTL and shows none".to_owned()),
        name => Served::List(Box::new(get(lists, name))),
    })
}

/// A phone that asks TVS, and a cluster in order, of which nothing more is known than its services.
fn facts(lists: &Lists, [held_ctl, held_itl, served_ctl, served_itl]: [&str; 4]) -> Facts {
    let of = |has: &str, serves: &str| ListFacts::new(held(lists, has), served(lists, serves));
    Facts {
        asks_tvs: Some(true),
        mixed: Ok(served_ctl != "-"),
        ctl: of(held_ctl, served_ctl),
        itl: of(held_itl, served_itl),
        message: not_known(),
        tftp_runs: Ok(true),
        tvs_runs: Ok(true),
        tvs_in_held: not_known(),
        tvs_in_served: not_known(),
        rollback: not_known(),
        config: not_known(),
    }
}

const SERVER: &str = "cucm-1051-a-pub";

fn tvs_says(facts: &mut Facts, status: &TvsStatus) {
    for list in [&mut facts.ctl, &mut facts.itl] {
        (list.query, list.verify) = (status.clone(), status.clone());
    }
}

fn valid(facts: &mut Facts) {
    let roles = vec![Function::SAST, Function::CCM_TFTP];
    tvs_says(facts, &TvsStatus::Valid { server: SERVER.into(), roles, asked: Ask::Query });
}

fn invalid(facts: &mut Facts) {
    tvs_says(facts, &TvsStatus::Invalid { server: SERVER.into() });
}

/// The servers show certificates that are in no TVS record of the phone's ITL.
fn others(facts: &mut Facts, servers: &[&str]) {
    facts.tvs_in_held = Ok(false);
    facts.tvs_in_served = Ok(true);
    let servers = servers.iter().map(|server| (*server).to_owned()).collect();
    tvs_says(facts, &TvsStatus::OtherCertificate { servers });
}

fn silent(facts: &mut Facts) {
    facts.tvs_runs = Ok(false);
    tvs_says(facts, &TvsStatus::NoAnswer { server: SERVER.into(), why: "no connection".into() });
}

fn failed(facts: &mut Facts) {
    facts.message = Ok(MessageKind::Failed);
}

fn without_tvs(facts: &mut Facts) {
    facts.asks_tvs = Some(false);
}

/// The state; its section; CTL and ITL of the phone, CTL and ITL of the node; what else is so; the verdict and its rule.
type Row = (&'static str, &'static str, [&'static str; 4], fn(&mut Facts), Remedy, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("the MD5 of the ITL is the same on both", "116232, Check by hand that phone and ITL match", ["?", "served", "-", "itl"], |_| {}, Remedy::NothingWrong, "same"),
    ("the same, of the ITL alone", "116232, Check by hand that phone and ITL match", ["?", "served", "?", "itl"], |_| {}, Remedy::NothingWrong, "same"),
    ("the ITL of the phone does not know the signer, nobody looked at the CTL", "116232, The phone verifies, third state", ["?", "itl", "?", "both renewed"], |f| others(f, &[SERVER]), Remedy::CannotBeKnown, "not-known"),
    ("CTL and ITL are the same on both, and TVS shows the certificate of the ITL", "116232, Check by hand that phone and ITL match", ["served", "served", "tokens", "itl"], |f| f.tvs_in_served = Ok(true), Remedy::NothingWrong, "same"),
    ("the ITL is the same, TVS presents another certificate", "214231, TVS (restart TVS, then TFTP); 116232, Regenerate certificates, key points", ["?", "served", "-", "itl"], |f| f.tvs_in_served = Ok(false), Remedy::RestartTftp, "tvs-renewed"),
    ("the lists are the same, TVS is stopped", "116232, The phone contacts TVS", ["served", "served", "tokens", "itl"], |f| f.tvs_runs = Ok(false), Remedy::RestartTvs, "tvs-down"),
    ("the lists are the same, the configuration file has another signer", "116232, The phone verifies the ITL and the configuration file; 214231, CallManager", ["?", "served", "-", "itl"], |f| f.config = Ok(Some(ConfigFile { signer: "old".into(), by_served: false })), Remedy::RestartTftp, "config"),
    ("the lists are the same, the newest message tells of a failure", "116232, Check by hand that phone and ITL match (the ITL need not be deleted)", ["?", "served", "-", "itl"], failed, Remedy::FetchAgain, "same-failed"),
    ("the phone holds the emptied ITL", "116232, FAQ, Can I turn off SBD", ["?", "served", "-", "itl with SAST"], |f| f.rollback = Ok(true), Remedy::NothingWrong, "emptied"),
    ("the rollback parameter is True, the ITL is whole", "SG125, Default Security, rollback (restart TVS and TFTP)", ["?", "itl other", "-", "itl"], |f| f.rollback = Ok(true), Remedy::RestartTftp, "rollback"),
    ("the rollback parameter is False again, the ITL is still emptied", "SG125, Default Security, rollback (restart TVS and TFTP)", ["?", "served", "-", "itl with SAST"], |f| f.rollback = Ok(false), Remedy::RestartTftp, "rollback"),
    ("Verification of the ITL file failed", "116232, Back up and restore (CSCtn50405)", ["?", "itl", "-", "bad"], |_| {}, Remedy::SignAgain, "not-verified"),
    ("Verification of the CTL file failed", "118893, show ctl", ["tokens", "?", "bad", "itl"], |_| {}, Remedy::SignAgain, "not-verified"),
    ("utils ctl wrote a CTL, and TFTP was not restarted", "118893, From Non-Secure Mode to Mixed Mode (restart the TFTP service)", ["tokens", "?", "not served", "itl"], |_| {}, Remedy::RestartTftp, "not-served"),
    ("mixed mode, and no CTL file exists on the server", "118893, From Tokenless to Hardware eTokens (message of the CTL Client)", ["tokens", "?", "-", "itl"], |f| f.mixed = Ok(true), Remedy::SignAgain, "no-ctl"),
    ("the list has more than 64 KiB", "usecallmanager, limits of lists", ["tokens", "?", "too large", "itl"], |_| {}, Remedy::SignAgain, "size"),
    ("TFTP is down", "P8800, Status messages, Trust List update failed", ["tokens", "itl", "?", "?"], |f| { failed(f); f.tftp_runs = Ok(false); }, Remedy::RestartTftp, "tftp-down"),
    ("no CTL and no ITL on the phone", "116232, The phone verifies, first state", ["-", "-", "tokens", "itl"], |_| {}, Remedy::FetchAgain, "accepts"),
    ("no CTL, and an emptied ITL on the phone", "116232, The phone verifies, first state", ["-", "emptied", "-", "itl"], |_| {}, Remedy::FetchAgain, "accepts"),
    ("a CTL and no ITL on the phone: the ITL through CCM+TFTP of the CTL", "116232, The phone verifies, second state", ["tokens", "-", "tokens", "itl"], |_| {}, Remedy::FetchAgain, "accepts"),
    ("a CTL and no ITL on the phone: CallManager was renewed, the CTL was not", "116232, The phone verifies, second state", ["served", "-", "tokens", "itl renewed"], |_| {}, Remedy::SignAgain, "known-signer"),
    ("CallManager alone was renewed, TVS knows it", "116232, Regenerate certificates, steps 1 to 4", ["?", "itl", "-", "itl renewed"], valid, Remedy::FetchAgain, "accepts"),
    ("CallManager alone was renewed, TVS was not restarted", "116232, Regenerate certificates, key points (TVS and TFTP are restarted)", ["?", "itl", "-", "itl renewed"], invalid, Remedy::RestartTvs, "tvs-stale"),
    ("CallManager alone was renewed, TVS is stopped", "116232, Regenerate certificates, step 2", ["?", "itl", "-", "itl renewed"], silent, Remedy::RestartTvs, "tvs-down"),
    ("TVS still shows another certificate than both ITLs have", "214231, TVS (restart TVS)", ["?", "itl", "-", "itl renewed"], |f| { others(f, &[SERVER]); f.tvs_in_served = Ok(false); }, Remedy::RestartTvs, "tvs-other"),
    ("CallManager and TVS were renewed together, ITL alone", "116232, Change host names, single node with ITL; 225746", ["?", "itl", "-", "both renewed"], |f| others(f, &[SERVER]), Remedy::DeleteList, "both-renewed"),
    ("CallManager and TVS were renewed together, nobody asked TVS", "116232, Regenerate certificates, step 2 (note)", ["?", "itl", "-", "both renewed"], |_| {}, Remedy::CannotBeKnown, "open"),
    ("CallManager and TVS were renewed together, with a CTL of tokens", "116232, Change host names, single node with CTL and ITL (run the CTL Client again)", ["served", "itl", "tokens", "both renewed"], |f| others(f, &[SERVER]), Remedy::SignAgain, "known-signer"),
    ("the same after the CTL Client was run again", "116232, Change host names, single node with CTL and ITL", ["tokens", "itl", "tokens, refreshed", "both renewed"], |f| others(f, &[SERVER]), Remedy::FetchAgain, "accepts"),
    ("one node of two was renamed, the other TVS still knows the phone", "116232, Change host names, several nodes; Regenerate certificates, key points", ["?", "itl of two", "-", "one renewed"], valid, Remedy::FetchAgain, "accepts"),
    ("both nodes were renamed at once", "116232, Change host names, several nodes (the two problems)", ["?", "itl of two", "-", "two renewed"], |f| others(f, &[SERVER, "sub"]), Remedy::DeleteList, "both-renewed"),
    ("a rebuilt cluster without a backup: another cluster for the phone", "116232, Back up and restore", ["?", "itl other", "-", "itl by recovery alone"], |f| others(f, &[SERVER]), Remedy::DeleteList, "both-renewed"),
    ("tokens sign, their certificates were not uploaded", "118893, From Tokenless to Hardware eTokens, upload as Phone-SAST-trust", ["tokenless", "served", "tokens", "itl"], |f| { invalid(f); f.ctl.uploaded = Ok(false); }, Remedy::UploadSigner, "upload"),
    ("tokens sign, uploaded, TVS was not restarted", "213407, steps (restart TVS on all nodes)", ["tokenless", "served", "tokens", "itl"], |f| { invalid(f); f.ctl.uploaded = Ok(true); }, Remedy::RestartTvs, "tvs-stale"),
    ("tokens sign, and TVS knows them", "118893, TVS log", ["tokenless", "served", "tokens", "itl"], valid, Remedy::FetchAgain, "accepts"),
    ("an old TVS answers only the verify request", "118893, TVS log; usecallmanager, TVS daemon", ["tokenless", "served", "tokens", "itl"], |f| { valid(f); f.ctl.query = TvsStatus::NoAnswer { server: SERVER.into(), why: "closed".into() }; }, Remedy::FetchAgain, "accepts"),
    ("a signer that TVS cannot find as it is spelled", "118893, TVS log (unique MAP ID)", ["tokenless", "served", "hsm reversed", "itl"], invalid, Remedy::SignAgain, "spelling"),
    ("a 7940 gets a token CTL, the publisher's key still exists", "118893, Requirements (note on Security by Default); SG125, CTL Client Setup", ["tokenless", "-", "tokens", "itl"], without_tvs, Remedy::SignAgain, "known-signer"),
    ("a 7940 after the publisher's CallManager was renewed in a tokenless cluster", "118893, Requirements (note: until the CTL is deleted by hand)", ["tokenless", "-", "regenerated", "itl renewed"], without_tvs, Remedy::DeleteList, "refuses"),
    ("a token signs that is not in the CTL of the phone", "118893, From Tokenless to Hardware eTokens (the token does not exist in the CTL File)", ["tokens", "-", "hsm", "itl"], without_tvs, Remedy::SignAgain, "known-signer"),
    ("tokenless too early: CallManager is not SAST in the token CTL", "SG125, Security Modes (moving to tokenless)", ["tokens", "-", "tokenless", "itl"], without_tvs, Remedy::SignAgain, "known-signer"),
    ("tokenless from a token CTL with ITLRecovery and CallManager", "SG125, Security Modes (moving to tokenless)", ["recovery", "-", "tokenless", "itl"], without_tvs, Remedy::FetchAgain, "accepts"),
    ("the same issuer and serial with another key", "116232, The phone verifies (validate_file_envelope)", ["tokens", "served", "stranger", "itl"], valid, Remedy::SignAgain, "known-signer"),
    ("an ITL that a token signed, through a CTL where the token is SAST alone", "116232, The phone verifies, second state (open)", ["tokens", "-", "tokens", "itl by token"], |_| {}, Remedy::CannotBeKnown, "open"),
    ("a phone without TVS refused, its list is not known", "SG125, CTL Client Setup (until the CTL is deleted by hand)", ["other", "-", "tokens", "itl"], |f| { failed(f); without_tvs(f); }, Remedy::DeleteList, "refused"),
    ("it refused, its list is not known, TVS does not know the token", "P8800, Status messages (the new security token is not available)", ["other", "?", "tokens", "itl"], |f| { failed(f); invalid(f); }, Remedy::UploadSigner, "upload"),
    ("it refused, its list is not known, TVS should know the token", "213407, steps (restart TVS on all nodes)", ["?", "?", "tokens", "itl"], |f| { failed(f); invalid(f); f.ctl.uploaded = Ok(true); }, Remedy::RestartTvs, "tvs-stale"),
    ("it refused, its list is not known, TVS is stopped", "P8800, Status messages (check TVS)", ["?", "?", "tokens", "itl"], |f| { failed(f); silent(f); }, Remedy::RestartTvs, "tvs-down"),
    ("it refused, its log authenticates TVS, TVS knows the signer now", "116232, The phone contacts TVS (answers are kept for a day)", ["?", "?", "tokens", "itl"], |f| { failed(f); valid(f); f.tvs_in_held = Ok(true); }, Remedy::FetchAgain, "known-now"),
    ("it refused, and TVS is not in its ITL", "116232, Check by hand that phone and ITL match", ["?", "other", "-", "itl"], |f| { failed(f); f.tvs_in_held = Ok(false); }, Remedy::DeleteList, "both-renewed"),
    ("the same in mixed mode, nobody knows its CTL", "116232, Change host names, single node with CTL and ITL", ["other", "other", "tokens", "itl"], |f| { failed(f); f.tvs_in_held = Ok(false); }, Remedy::CannotBeKnown, "not-known"),
    ("the same in mixed mode, it has the CTL of the node", "116232, Change host names, single node with CTL and ITL", ["served", "other", "tokens", "itl renewed"], |f| { failed(f); f.tvs_in_held = Ok(false); }, Remedy::SignAgain, "known-signer"),
    ("its newest message: CTL and ITL installed", "P8800, Status messages", ["?", "?", "tokens", "itl"], |f| f.message = Ok(MessageKind::Updated), Remedy::NothingWrong, "updated"),
    ("its newest message: No Trust List installed", "P8800, Status messages", ["?", "?", "tokens", "itl"], |f| f.message = Ok(MessageKind::NoList), Remedy::FetchAgain, "no-list"),
    ("another checksum, and nothing else", "116232, Check by hand that phone and ITL match (the first condition alone)", ["?", "other", "-", "itl"], |_| {}, Remedy::CannotBeKnown, "not-known"),
    ("nothing", "116232, Check by hand that phone and ITL match", ["?", "?", "?", "?"], |f| { f.tftp_runs = not_known(); f.tvs_runs = not_known(); }, Remedy::CannotBeKnown, "not-known"),
];

#[test]
fn every_state_of_the_table_gets_its_verdict() {
    let lists = Lists::new();
    let mut wrong = vec![];
    let mut reached = BTreeSet::new();
    for (state, source, names, more, remedy, rule) in TABLE {
        let mut facts = facts(&lists, *names);
        more(&mut facts);
        let verdict = verdict(&facts);
        reached.insert(verdict.rule);
        if (verdict.remedy, verdict.rule) != (*remedy, *rule) {
            wrong.push(format!("{state} ({source}): {remedy:?}, {rule}, and not {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let never: Vec<_> = RULES.iter().map(|rule| rule.0).filter(|rule| !reached.contains(rule)).collect();
    assert!(never.is_empty(), "no state of the table reaches {never:?}");
    assert!(TABLE.len() >= 25);
}

/// A deletion is advised only where nothing else reaches the phone, and each verdict says why it would help or not.
#[test]
fn a_deletion_is_the_last_resort() {
    for (rule, remedy, deletion, _) in RULES {
        assert_eq!(remedy == Remedy::DeleteList, deletion.starts_with("helps"), "{rule}: {deletion}");
    }
    // A CTL, a backup of one node or a second TVS takes the place of a deletion.
    let lists = Lists::new();
    let mut with_ctl = facts(&lists, ["served", "itl", "tokens", "both renewed"]);
    others(&mut with_ctl, &[SERVER]);
    assert!(verdict(&with_ctl).deletion.starts_with("is not needed"));
}

/// For lists that are known, the verdict fits what the simple implementation of a phone, in `naive_phone`, does: it loads the
/// CTL, and with that the ITL.
#[test]
fn a_verdict_fits_what_a_phone_does() {
    let lists = Lists::new();
    let ctls = ["-", "tokens", "tokenless", "regenerated"];
    let itls = ["-", "itl", "itl renewed", "both renewed"];
    let names = ctls.iter().chain(&itls).filter(|name| **name != "-");
    let read: BTreeMap<&str, List> =
        names.map(|name| (*name, List::read(get(&lists, name).list().bytes()))).collect();
    let mut remedies = BTreeSet::new();
    let mut states = vec![];
    for held_ctl in ctls {
        for held_itl in itls {
            states.extend(ctls.iter().flat_map(|ctl| itls.map(|itl| [held_ctl, held_itl, *ctl, itl])));
        }
    }
    for [held_ctl, held_itl, served_ctl, served_itl] in states {
        for (status, tvs) in [
            (TvsStatus::NotAsked, Tvs::NotAsked),
            (TvsStatus::Uploaded, Tvs::Uploaded),
            (TvsStatus::NotUploaded, Tvs::NotUploaded),
        ] {
            let of = |held, served| if held == served && held != "-" { "served" } else { held };
            let names = [of(held_ctl, served_ctl), of(held_itl, served_itl), served_ctl, served_itl];
            let mut facts = facts(&lists, names);
            tvs_says(&mut facts, &status);
            facts.tvs_in_held = Ok(false);
            let mut ctl = read.get(held_ctl);
            let itl = read.get(held_itl);
            let mut outcomes = vec![];
            for (held, served) in [(held_ctl, served_ctl), (held_itl, served_itl)] {
                if served == "-" || served == held || outcomes.iter().any(|o| !accepts(*o)) {
                    continue;
                }
                let new = &read[served];
                let held = itl.map_or(Itl::None, Itl::Shown);
                outcomes.push(decide(Class::SecurityByDefault, ctl, held, new, &tvs).0);
                if served == served_ctl {
                    ctl = Some(new);
                }
            }
            let remedy = verdict(&facts).remedy;
            remedies.insert(format!("{remedy:?}"));
            let fits = match outcomes.iter().find(|outcome| !accepts(**outcome)) {
                None if outcomes.is_empty() => !matches!(remedy, Remedy::DeleteList | Remedy::FetchAgain),
                None => remedy == Remedy::FetchAgain,
                Some(Outcome::Refused) => !matches!(remedy, Remedy::FetchAgain | Remedy::NothingWrong),
                Some(_) => remedy == Remedy::CannotBeKnown,
            };
            assert!(fits, "{names:?}, {status:?}: the phone {outcomes:?}, the verdict {remedy:?}");
        }
    }
    let all = [
        "CannotBeKnown",
        "DeleteList",
        "FetchAgain",
        "NothingWrong",
        "RestartTvs",
        "SignAgain",
        "UploadSigner",
    ];
    assert_eq!(remedies.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

fn accepts(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Blind | Outcome::ByCtl | Outcome::ByItl | Outcome::ByTvs)
}

/// Each rule is a row of the register of facts.
#[test]
fn every_rule_has_its_row() {
    let register = String::from_utf8(pki::read("docs/facts.md")).unwrap();
    for rule in RULES.iter().map(|rule| rule.0).chain(["not-known"]) {
        assert!(
            register.contains(&format!("| diagnose.{rule} |")),
            "diagnose.{rule} is not in docs/facts.md"
        );
    }
}

/// If no source names the model and nobody saw its ITL, the two classes must agree.
#[test]
fn a_model_of_an_unknown_class_gets_a_verdict_only_if_both_classes_agree() {
    let lists = Lists::new();
    let mut unknown = facts(&lists, ["tokenless", "?", "tokens", "itl"]);
    (unknown.asks_tvs, unknown.itl.served) = (None, not_known());
    valid(&mut unknown);
    assert_eq!(verdict(&unknown).remedy, Remedy::CannotBeKnown);
    unknown.ctl.held = held(&lists, "bridge");
    assert_eq!(verdict(&unknown).remedy, Remedy::FetchAgain, "both know the token from their CTL");
}

/// The lines of 116232, broken as the document breaks them, and those of 213407.
#[test]
fn the_console_logs_of_the_documents_are_understood() {
    let verified = "877: NOT 09:13:17.925249 SECD: validate_file_envelope:\nFile sign verify SUCCESS; header length <296>\n\
                    937: NOT 09:13:18.656906 SECD: verifyFile: verify SUCCESS\n</usr/ram/SEP0011215A1AE3.cnf.xml>\n";
    let log = ConsoleLog::read(verified);
    assert_eq!((log.list, log.config), (Some(MessageKind::Updated), Some(true)));
    let tvs = "1215: ERR 15:20:59.431314 SECD: EROR:https_cert_vfy: HTTPS cert not in CTL,\n<14.48.44.80>\n\
               1248: NOT 15:20:59.538726 SECD: tvs_cert_vfy: TVS cert verified with hash\nfrom TL, <14.48.44.80>\n\
               1273: NOT 15:20:59.825648 SECD: processTvsSrvrResponse: Authentication Response\nreceived, status : 0\n";
    let log = ConsoleLog::read(tvs);
    assert_eq!((log.list, log.tvs_known, log.tvs_valid), (None, Some(true), Some(true)));
    let refused = ConsoleLog::read(&tvs.replace("status : 0", "status : 1"));
    assert_eq!((refused.tvs_known, refused.tvs_valid), (Some(true), Some(false)));
    let accepted = "SECUREAPP-Hashes match... authentication successful.\nSECUREAPP-TL file verified successfully.\n\
                    SECUREAPP-TL file updated.\nConfigManager updateCTL() rc=8 retryCount=0, failReason:Success\n";
    let log = ConsoleLog::read(accepted);
    assert_eq!((log.list, log.tvs_valid), (Some(MessageKind::Updated), Some(true)));
    let failed = ConsoleLog::read(&accepted.replace("failReason:Success", "failReason:Signature"));
    assert_eq!(failed.list, Some(MessageKind::Failed), "the newest line counts");
    assert_eq!(failed.words.last().unwrap(), "failreason: signature");
    let harmless =
        "AUTH: early exit from parser loop; old version header?\nAUTH: hdr ver 1.2 (knows only upto 1.1)\n";
    assert_eq!(ConsoleLog::read(harmless), ConsoleLog::default());
    let long = ConsoleLog::read(&("failReason:x\n".repeat(10_000) + "failReason:Success."));
    assert_eq!((long.list, long.words.len()), (Some(MessageKind::Updated), 50));
}

/// Without a node: as far as files go.
#[test]
fn files_alone_give_a_verdict_as_far_as_they_go() {
    let world = World::new();
    for (golden, name) in [
        ("tokenless.tlv", "old.tlv"),
        ("tokenless-regenerated.tlv", "regenerated.tlv"),
        ("token-signed.tlv", "new.tlv"),
        ("itl.tlv", "itl.tlv"),
    ] {
        world.place(golden, name);
    }
    let records = vec![sast(A, Style::CtlClient), sast(B, Style::CtlClient)];
    std::fs::write(world.path("unrelated.tlv"), list(ListKind::Ctl, records, A).list().bytes()).unwrap();
    let run = |more: &[&str]| world.run(&[&["diagnose", "--phone", "sep001122334455"], more].concat());
    let ends = |more: &[&str], code: i32, words: &str| {
        let outcome = run(more);
        let first = outcome.stdout.lines().next().unwrap_or_default().to_owned();
        assert_eq!((outcome.code, first), (code, format!("{PHONE}: {words}")), "{}", outcome.all());
    };
    let sum = md5_pairs(&pki::golden_bytes("itl.tlv"));
    let (first, second) = sum.split_at(23);
    ends(&["--itl", "itl.tlv", "--itl-checksum", &format!("{first}\n{second}")], 0, "nothing is wrong");
    ends(&["--itl", "itl.tlv", "--itl-checksum", &"0".repeat(40)], 1, "cannot be known");
    ends(
        &["--ctl", "regenerated.tlv", "--held", "old.tlv", "--model", "Cisco 7940"],
        1,
        "delete the lists on the phone",
    );
    ends(
        &["--ctl", "new.tlv", "--held", "unrelated.tlv", "--model", "Cisco 7940"],
        1,
        "reset the phone: it fetches its lists again",
    );
    ends(&["--ctl", "old.tlv", "--held", "new.tlv", "--model", "Cisco 7940"], 1, "sign again");
    ends(
        &["--ctl", "new.tlv", "--held", "old.tlv", "--held", "regenerated.tlv", "--model", "Cisco 7940"],
        1,
        "cannot be known",
    );
    let log = "SECUREAPP-TL file updated.\nConfigManager updateCTL() rc=8 retryCount=0, failReason:Success\n";
    std::fs::write(world.path("log"), log).unwrap();
    ends(&["--console-log", "log"], 0, "nothing is wrong");
    assert_eq!(run(&["--ctl", "new.tlv", "--checksum", "12 34"]).code, 2);
    assert_eq!(run(&[]).code, 2, "nothing to look at");
    assert_eq!(run(&["--ctl", "itl.tlv"]).code, 2, "an ITL is no CTL");
}
