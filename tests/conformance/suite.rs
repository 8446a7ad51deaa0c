//! The suite: the operations of a token, tested only through the program.

use std::time::{Duration, Instant};

use super::Subject;
use crate::pki;
use crate::support::Outcome;

/// The result of a check: a word for the table, or the error.
pub type Checked = Result<String, String>;

/// A check.
pub type Check = (&'static str, fn(&mut Subject) -> Checked);

/// The checks, in their order: those that change the token come last.
pub const CHECKS: [Check; 11] = [
    ("list", list),
    ("find", find),
    ("export", export),
    ("login", login),
    ("sign", sign),
    ("revert", revert),
    ("watch", watch),
    ("change-pin", change_pin),
    ("unlock", unlock),
    ("enroll", enroll),
    ("init", init),
];

fn done(outcome: Outcome) -> Result<Outcome, String> {
    if outcome.code == 0 { Ok(outcome) } else { Err(outcome.all()) }
}

/// An assertion whose failure is a word in the table.
macro_rules! ensure {
    ($what:expr, $($why:tt)*) => {
        if !$what {
            return Err(format!($($why)*));
        }
    };
}

/// The token as `token list` shows it.
fn listed(subject: &Subject) -> Result<serde_json::Value, String> {
    let list = done(subject.world.run(&["token", "list", "--json"]))?.json();
    let tokens = list["tokens"].as_array().cloned().unwrap_or_default();
    let ours = tokens.into_iter().find(|token| token["label"] == subject.label.as_str());
    ours.ok_or_else(|| format!("{} is not among them: {list}", subject.label))
}

fn list(subject: &mut Subject) -> Checked {
    let token = listed(subject)?;
    ensure!(token["pin_state"] == "ok" || token["pin_state"] == "unknown", "PIN {}", token["pin_state"]);
    let names = token["certificates"].as_array().cloned().unwrap_or_default();
    ensure!(names.iter().any(|c| c["name"] == subject.name.as_str()), "certificates {names:?}");
    let show = done(subject.world.run(&["token", "show", &subject.label]))?;
    ensure!(show.stdout.contains("RSA_PKCS") || show.stdout.contains("Mechanisms"), "{}", show.stdout);
    Ok("ok".to_owned())
}

fn find(subject: &mut Subject) -> Checked {
    let token = listed(subject)?;
    let serial = token["serial"].as_str().unwrap_or_default().to_owned();
    let uri = format!("pkcs11:token={}", subject.label.replace(' ', "%20"));
    let mut by = vec![subject.label.clone(), subject.name.clone(), uri];
    if !serial.is_empty() {
        by.push(serial);
    }
    for selector in &by {
        let shown = done(subject.world.run(&["cert", "show", selector]))?;
        ensure!(shown.stdout.contains(&subject.name), "{selector}: {}", shown.stdout);
    }
    let none = subject.world.run(&["cert", "show", "no such token"]);
    ensure!(none.code == 3, "a token that is not there: {}", none.all());
    Ok("ok".to_owned())
}

fn export(subject: &mut Subject) -> Checked {
    let exported = done(subject.world.run(&["cert", "export", "--token", &subject.name, "--out=-"]))?;
    ensure!(exported.bytes.first() == Some(&0x30), "no certificate");
    if let Some(certificate) = &subject.certificate {
        ensure!(exported.bytes == *certificate, "another certificate");
    }
    std::fs::write(subject.world.path("exported.cer"), &exported.bytes).unwrap();
    let text = subject
        .world
        .tool("openssl", &["x509", "-inform", "der", "-in", "exported.cer", "-noout", "-subject"]);
    ensure!(text.contains(&subject.name), "{text}");
    Ok("ok".to_owned())
}

/// A wrong PIN uses one try, and is reported with its PKCS#11 name; the right one resets the count.
fn login(subject: &mut Subject) -> Checked {
    subject.world.set("WRONG_PIN", &subject.wrong_pin);
    let test = ["profile", "test", "--token", &subject.name.clone(), "--allow-last-try"];
    let wrong = subject.world.run(&[&test[..], &["--pin-source=env:WRONG_PIN", "-v"]].concat());
    ensure!(wrong.code == 3, "a wrong PIN: {}", wrong.all());
    ensure!(wrong.stderr.contains("the PIN is wrong (CKR_PIN_"), "{}", wrong.all());
    let tries = wrong.stderr.matches("C_Login: ").count();
    ensure!(tries == 1, "{tries} tries: {}", wrong.stderr);
    let state = listed(subject)?["pin_state"].clone();
    done(subject.world.run(&test))?;
    Ok(match state.as_str() {
        Some("low") => "ok, counts".to_owned(),
        _ => "ok".to_owned(),
    })
}

/// Each digest by its own mechanism and by CKM_RSA_PKCS, each verified.
fn sign(subject: &mut Subject) -> Checked {
    let profile = done(subject.world.run(&["profile", "show"]))?.stdout;
    let mut table: toml::Table = profile.parse().map_err(|e| format!("{e}"))?;
    let mut said = Vec::new();
    for prefer in ["hash", "raw"] {
        let rules = table.entry("sign").or_insert_with(|| toml::Table::new().into());
        rules.as_table_mut().unwrap().insert("prefer".into(), prefer.into());
        std::fs::write(subject.world.path("variant.toml"), table.to_string()).unwrap();
        let args = [
            "profile",
            "test",
            "--json",
            "--profile=variant.toml",
            "--token",
            &subject.name,
            "--allow-last-try",
            "-v",
        ];
        let tested = subject.world.run(&args);
        ensure!(tested.code == 0, "{prefer}: {}", tested.all());
        let results = tested.json()["results"].as_array().cloned().unwrap_or_default();
        let good: Vec<_> =
            results.iter().filter(|r| r["ok"] == true).filter_map(|r| r["digest"].as_str()).collect();
        ensure!(good.len() == 3, "{prefer}: {}", tested.all());
        said.push(prefer);
    }
    Ok(format!("ok, {}", said.join(" and ")))
}

/// With the golden key, the golden file; with another, one that is verified.
fn revert(subject: &mut Subject) -> Checked {
    subject.world.place("tokenless.tlv", "CTLFile.tlv");
    let spare = pki::path("softhsm-fixtures/SAST-ADN0054f509.der").display().to_string();
    let revert = [
        "revert",
        "CTLFile.tlv",
        "--token",
        &subject.name,
        "--spare",
        &spare,
        "--timestamp=2015-03-06T22:53:33+01:00",
        "--yes",
        "--out=new.tlv",
        "--allow-last-try",
    ];
    done(subject.world.run(&revert))?;
    done(subject.world.run(&["ctl", "verify", "new.tlv"]))?;
    done(subject.world.run(&["ctl", "check", "new.tlv", "--installed-ctl", "new.tlv"]))?;
    let new = subject.world.read("new.tlv");
    std::fs::remove_file(subject.world.path("new.tlv")).unwrap();
    ensure!(by_request(subject, &spare)? == new, "the answer to a request has another file");
    if subject.has_golden_key() {
        ensure!(new == pki::golden_bytes("token-signed.tlv"), "the file is another than the golden one");
        return Ok("golden file".to_owned());
    }
    Ok("ok, verified".to_owned())
}

/// The same list, asked for without the token.
fn by_request(subject: &Subject, spare: &str) -> Result<Vec<u8>, String> {
    let world = &subject.world;
    done(world.run(&["cert", "export", "--token", &subject.name, "--out", "asked"]))?;
    let certificate = format!("asked/{}.cer", subject.name);
    let request = ["request", "revert", "CTLFile.tlv", "--token", &certificate, "--spare", spare];
    let more = ["--timestamp=2015-03-06T22:53:33+01:00", "--out=asked/R.sastreq"];
    done(world.run(&[&request[..], &more].concat()))?;
    let ledger = ["--ledger", "asked/ledger"];
    done(world.run(&[&["sign-request", "asked/R.sastreq", "--allow-last-try"], &ledger[..]].concat()))?;
    let apply = ["apply", "asked/R.sastans", "--request", "asked/R.sastreq", "--out", "asked/new.tlv"];
    done(world.run(&[&apply[..], &ledger].concat()))?;
    let new = world.read("asked/new.tlv");
    std::fs::remove_dir_all(world.path("asked")).unwrap();
    Ok(new)
}

/// Checks the events if the token can be removed here; else only that watching ends in time.
fn watch(subject: &mut Subject) -> Checked {
    let Some(plug) = &mut subject.plug else {
        let quiet = done(subject.world.run(&["token", "watch", "--timeout=1"]))?;
        ensure!(quiet.stderr.contains(&subject.label), "{}", quiet.all());
        return Ok("ok, no events".to_owned());
    };
    let watch =
        crate::support::watch::Watch::begin(&subject.world, &["token", "watch", "--json", "--count=2"]);
    let mut slowest = Duration::ZERO;
    for (insert, word) in [(false, "removed"), (true, "inserted")] {
        let since: Instant = plug(insert);
        let (event, latency) = watch.next(since);
        ensure!(event["event"] == word, "{event}");
        ensure!(event["token"]["label"] == subject.label.as_str(), "{event}");
        slowest = slowest.max(latency);
    }
    ensure!(watch.end() == 0, "the watch did not end");
    ensure!(slowest.as_millis() < crate::support::rounds(60_000, 500) as u128, "an event took {slowest:?}");
    Ok(format!("ok, {} ms", slowest.as_millis()))
}

fn change_pin(subject: &mut Subject) -> Checked {
    subject.world.set("NEW_PIN", &subject.new_pin);
    let change = |from: &str, to: &str| {
        let (from, to) = (format!("--pin-source=env:{from}"), format!("--new-pin-source=env:{to}"));
        subject.world.run(&["token", "change-pin", &subject.label, &from, &to, "--allow-last-try"])
    };
    done(change("SAST_PIN", "NEW_PIN"))?;
    let test = ["profile", "test", "--token", &subject.name, "--pin-source=env:NEW_PIN", "--allow-last-try"];
    done(subject.world.run(&test))?;
    done(change("NEW_PIN", "SAST_PIN"))?;
    Ok("ok".to_owned())
}

fn unlock(subject: &mut Subject) -> Checked {
    let unlock = [
        "token",
        "unlock",
        &subject.label,
        "--so-pin-source=env:SO_PIN",
        "--new-pin-source=env:SAST_PIN",
        "--allow-last-try",
    ];
    done(subject.world.run(&unlock))?;
    done(subject.world.run(&["profile", "test", "--token", &subject.name, "--allow-last-try"]))?;
    Ok("ok".to_owned())
}

/// A new key and its certificate, checked by openssl; a CTL signed with it.
fn enroll(subject: &mut Subject) -> Checked {
    let mut enroll = vec![
        "cert",
        "enroll",
        &subject.label,
        "--name=SAST-NEW-01",
        "--organization=Example",
        "--out=new.cer",
    ];
    enroll.extend(["--allow-last-try", "--force"]);
    done(subject.world.run(&enroll))?;
    signs_with_new_key(subject, "2048 bit")
}

fn signs_with_new_key(subject: &Subject, bits: &str) -> Checked {
    let world = &subject.world;
    world.tool("openssl", &["x509", "-inform", "der", "-in", "new.cer", "-out", "new.pem"]);
    let verified = world.tool("openssl", &["verify", "-check_ss_sig", "-CAfile", "new.pem", "new.pem"]);
    ensure!(verified.contains("OK"), "{verified}");
    let text = world.tool("openssl", &["x509", "-in", "new.pem", "-noout", "-text"]);
    ensure!(text.contains(bits) && text.contains("SAST-NEW-01"), "{text}");
    world.place("tokenless.tlv", "CTLFile.tlv");
    let spare = pki::path("softhsm-fixtures/SAST-ADN0054f509.der").display().to_string();
    let revert = [
        "revert",
        "CTLFile.tlv",
        "--token=SAST-NEW-01",
        "--spare",
        &spare,
        "--yes",
        "--out=n.tlv",
        "--allow-last-try",
    ];
    done(world.run(&revert))?;
    done(world.run(&["ctl", "verify", "n.tlv"]))?;
    done(world.run(&["ctl", "check", "n.tlv", "--installed-ctl", "n.tlv"]))?;
    std::fs::remove_file(world.path("n.tlv")).unwrap();
    Ok("ok".to_owned())
}

/// Everything on the token is deleted; then it can be used again.
fn init(subject: &mut Subject) -> Checked {
    let serial = listed(subject)?["serial"].as_str().unwrap_or_default().to_owned();
    let wrong = ["token", "init", &subject.label, "--label=Fresh", "--confirm=1234"];
    let sources = ["--so-pin-source=env:SO_PIN", "--new-pin-source=env:SAST_PIN"];
    let refused = subject.world.run(&[&wrong[..], &sources].concat());
    ensure!(refused.code == 2, "a wrong confirmation: {}", refused.all());
    let confirm = format!("--confirm={serial}");
    let init = ["token", "init", &subject.label, "--label=Fresh", &confirm, "--allow-last-try"];
    done(subject.world.run(&[&init[..], &sources].concat()))?;
    let list = done(subject.world.run(&["token", "list", "--json"]))?.json();
    let fresh = list["tokens"].as_array().and_then(|t| t.iter().find(|t| t["label"] == "Fresh")).cloned();
    let fresh = fresh.ok_or_else(|| format!("it is not there: {list}"))?;
    ensure!(fresh["certificates"] == serde_json::json!([]), "it is not empty: {fresh}");
    Ok("ok".to_owned())
}
