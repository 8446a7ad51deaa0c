//! A faulty token: every call of a signing run fails with every code, one after the other, and no file is damaged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::pki;
use crate::support::{Outcome, World, rounds};

/// The codes that a token in the field may answer with.
const CODES: [&str; 43] = [
    "CKR_HOST_MEMORY",
    "CKR_SLOT_ID_INVALID",
    "CKR_GENERAL_ERROR",
    "CKR_FUNCTION_FAILED",
    "CKR_ARGUMENTS_BAD",
    "CKR_NEED_TO_CREATE_THREADS",
    "CKR_CANT_LOCK",
    "CKR_ATTRIBUTE_SENSITIVE",
    "CKR_ATTRIBUTE_TYPE_INVALID",
    "CKR_ATTRIBUTE_VALUE_INVALID",
    "CKR_DATA_INVALID",
    "CKR_DATA_LEN_RANGE",
    "CKR_DEVICE_ERROR",
    "CKR_DEVICE_MEMORY",
    "CKR_DEVICE_REMOVED",
    "CKR_FUNCTION_CANCELED",
    "CKR_FUNCTION_NOT_SUPPORTED",
    "CKR_KEY_HANDLE_INVALID",
    "CKR_KEY_SIZE_RANGE",
    "CKR_KEY_TYPE_INCONSISTENT",
    "CKR_KEY_FUNCTION_NOT_PERMITTED",
    "CKR_MECHANISM_INVALID",
    "CKR_MECHANISM_PARAM_INVALID",
    "CKR_OBJECT_HANDLE_INVALID",
    "CKR_OPERATION_ACTIVE",
    "CKR_OPERATION_NOT_INITIALIZED",
    "CKR_PIN_INCORRECT",
    "CKR_PIN_INVALID",
    "CKR_PIN_LEN_RANGE",
    "CKR_PIN_EXPIRED",
    "CKR_PIN_LOCKED",
    "CKR_SESSION_CLOSED",
    "CKR_SESSION_COUNT",
    "CKR_SESSION_HANDLE_INVALID",
    "CKR_TOKEN_NOT_PRESENT",
    "CKR_TOKEN_NOT_RECOGNIZED",
    "CKR_USER_ALREADY_LOGGED_IN",
    "CKR_USER_NOT_LOGGED_IN",
    "CKR_USER_PIN_NOT_INITIALIZED",
    "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
    "CKR_BUFFER_TOO_SMALL",
    "CKR_CRYPTOKI_NOT_INITIALIZED",
    "CKR_VENDOR_DEFINED",
];

const REVERT: [&str; 7] = [
    "revert",
    "CTLFile.tlv",
    "--token=SAST-ADN008580ef",
    "--spare=SAST-ADN0054f509",
    "--out=new.tlv",
    "--timestamp=2026-11-21T07:30:00Z",
    "--yes",
];

pub const SIGN: [&str; 6] = [
    "ctl",
    "sign",
    "CTLFile.tlv",
    "--token=SAST token A",
    "--out=new.tlv",
    "--timestamp=2026-11-21T07:30:00Z",
];

pub fn world() -> World {
    let mut world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world.behind_faulty_token();
    world
}

/// A signing run with a script of faults; returns its calls with their results.
pub fn sign(world: &mut World, script: &str) -> (Outcome, Vec<(String, u64)>) {
    let _ = std::fs::remove_file(world.path("new.tlv"));
    world.faulty(script, &SIGN)
}

pub fn count(calls: &[(String, u64)], name: &str) -> usize {
    calls.iter().filter(|(call, _)| call == name).count()
}

/// Conditions that hold for every run, whatever failed.
#[track_caller]
fn assert_no_harm(world: &World, script: &str, outcome: &Outcome, calls: &[(String, u64)], right: &[u8]) {
    let all = outcome.all();
    assert!(
        world.read("CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"),
        "{script}: the old file\n{all}"
    );
    let new = std::fs::read(world.path("new.tlv")).ok();
    match outcome.code {
        0 => assert!(new.as_deref() == Some(right), "{script}: another file than it should be\n{all}"),
        3 => {
            assert!(new.is_none(), "{script}: a file was written\n{all}");
            assert!(outcome.stderr.contains("error: "), "{script}\n{all}");
            assert!(outcome.stderr.contains("help: "), "{script}: no word of what to do\n{all}");
        }
        code => panic!("{script}: exit code {code}\n{all}"),
    }
    assert!(count(calls, "C_Login") <= 1, "{script}: a PIN was tried twice: {calls:?}");
    let first = |name: &str| calls.iter().find(|(call, _)| call == name).map(|(_, code)| *code);
    if first("C_Login") == Some(0) {
        assert!(count(calls, "C_Logout") == 1, "{script}: still logged in: {calls:?}");
    }
    if first("C_Initialize") == Some(0) {
        assert!(count(calls, "C_Finalize") == 1, "{script}: sessions are left: {calls:?}");
    }
}

/// Every call with every fault in `make soak`; in `make test` three faults for each call, and each fault somewhere.
fn some_of(calls: usize, faults: usize) -> Vec<(usize, usize)> {
    let every = rounds(faults / 3, 1);
    let all = (0..calls).flat_map(|call| (0..faults).map(move |fault| (call, fault)));
    all.filter(|(call, fault)| (call + fault) % every == 0).collect()
}

/// Runs a job for each number, in one world per processor; reports every job that fails.
#[track_caller]
fn in_worlds(jobs: usize, job: impl Fn(&mut World, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut world = world();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= jobs {
                        break;
                    }
                    let result = catch_unwind(AssertUnwindSafe(|| job(&mut world, n)));
                    if let Err(panic) = result {
                        failures.lock().unwrap().push(panic.downcast::<String>().map_or_else(
                            |other| format!("job {n}: {:?}", other.downcast_ref::<&str>()),
                            |text| *text,
                        ));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let some: Vec<_> = failures.iter().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {jobs} runs failed:\n{}", failures.len(), some.join("\n"));
}

/// The error names the code, or its consequence if the wrapper hides the code.
fn is_named(code: &str, name: &str, stderr: &str) -> bool {
    let instead: &[&str] = match (name, code) {
        // Removed while the slots were read: it is not in the list.
        ("C_GetTokenInfo", "CKR_TOKEN_NOT_PRESENT") => &["no token matches"],
        // A search that was not ended is still active when the next one starts.
        ("C_FindObjectsFinal", _) => &["CKR_OPERATION_ACTIVE"],
        // It reports a login but is not logged in: its keys are not visible.
        ("C_Login", "CKR_USER_ALREADY_LOGGED_IN") => &["no private key on the token belongs to"],
        // The wrapper continues without the attributes.
        (
            "C_GetAttributeValue",
            "CKR_ATTRIBUTE_SENSITIVE" | "CKR_ATTRIBUTE_TYPE_INVALID" | "CKR_BUFFER_TOO_SMALL",
        ) => &["makes no sense", "certificate cannot be read", "no private key on the token belongs to"],
        _ => &[],
    };
    stderr.contains(code) || instead.iter().any(|words| stderr.contains(words))
}

#[test]
fn every_call_fails_in_turn_with_every_code() {
    let mut first = world();
    let (done, calls) = sign(&mut first, "");
    let done = done.done();
    let right = first.read("new.tlv");
    assert!(done.stdout.contains("verified"), "{}", done.all());

    let each = some_of(calls.len(), CODES.len());
    println!("{} runs: {} calls, {} codes", each.len(), calls.len(), CODES.len());
    in_worlds(each.len(), |world, n| {
        let (at, code) = (each[n].0 + 1, CODES[each[n].1]);
        let script = format!("fail any {at} {code}");
        let (outcome, calls) = sign(world, &script);
        let name = calls.get(at - 1).map_or("?", |(name, _)| name);
        assert_no_harm(world, &format!("{script} ({name})"), &outcome, &calls, &right);
        if outcome.code != 0 {
            assert!(is_named(code, name, &outcome.stderr), "{script} ({name}): not named\n{}", outcome.all());
        }
    });
}

/// The main task with both tokens: each call fails with every code, fails after it had its effect, or loses the token.
#[test]
fn a_revert_survives_every_fault_at_every_call() {
    let codes = CODES.iter().map(|code| format!("fail any # {code}"));
    let late = ["CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_PIN_INCORRECT"];
    let late = late.iter().map(|code| format!("after any # {code}"));
    let faults: Vec<String> = codes.chain(late).chain(["remove any #".to_owned()]).collect();
    let tokenless = pki::golden_bytes("tokenless.tlv");
    let run = |world: &mut World, script: &str| {
        let _ = std::fs::remove_file(world.path("new.tlv"));
        std::fs::write(world.path("CTLFile.tlv"), &tokenless).unwrap();
        world.faulty(script, &REVERT)
    };
    let mut first = world();
    let (done, calls) = run(&mut first, "");
    done.done();
    let right = first.read("new.tlv");
    let each = some_of(calls.len(), faults.len());
    println!("{} runs: {} calls, {} faults", each.len(), calls.len(), faults.len());
    in_worlds(each.len(), |world, n| {
        let script = faults[each[n].1].replace('#', &(each[n].0 + 1).to_string());
        let (outcome, calls) = run(world, &script);
        assert!(world.read("CTLFile.tlv") == tokenless, "{script}: the old file");
        let new = std::fs::read(world.path("new.tlv")).ok();
        assert_eq!(new.is_some(), outcome.code == 0, "{script}\n{}", outcome.all());
        assert!(new.is_none_or(|new| new == right), "{script}: another file than it should be");
        assert!(matches!(outcome.code, 0 | 3), "{script}\n{}", outcome.all());
        assert!(outcome.code == 0 || outcome.stderr.contains("help: "), "{script}\n{}", outcome.all());
        assert!(count(&calls, "C_Login") <= 1, "{script}: a PIN was tried twice: {calls:?}");
    });
}
