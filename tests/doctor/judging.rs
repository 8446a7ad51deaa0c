//! A test for each finding: the facts that cause it, and the advice for every system.

use std::path::PathBuf;

use jiff::Timestamp;

use sastctl::reader::{Driver, Reader, ReaderError, UsbDevice, model_by_atr, model_by_usb_id};
use sastctl::token::{LoadProblem, PinState, TokenError};
use sastctl::workflow::doctor::{
    CertificateFacts, Clock, Facts, Finding, ModuleFacts, Severity, System, TokenFacts, judge, rules_file,
};

/// A machine without problems: an eToken 5110 in its reader.
fn healthy() -> Facts {
    Facts {
        linux: true,
        remote_desktop: false,
        module: ModuleFacts {
            profile: Some("safenet-etoken".into()),
            by_pcsc: true,
            loaded: Some((PathBuf::from("/usr/lib/libeToken.so"), "SafeNet eToken PKCS#11".into())),
            daemons: Some((vec!["SACSrv".into(), "eTSrvd".into()], true)),
            slots: 8,
            ..ModuleFacts::default()
        },
        readers: Ok(vec![Reader {
            name: "AKS ifdh 00 00".into(),
            atr: Some("3BD518008131FE7D8073C82110F4".into()),
            mute: false,
            exclusive: false,
        }]),
        usb: Ok(vec![device(0x0529, 0x0620), device(0x046d, 0xc31c)]),
        udev: None,
        tokens: Ok(vec![TokenFacts {
            name: "SAST token A".into(),
            reader: "AKS ifdh 00 00".into(),
            initialized: true,
            pin: PinState::Ok,
            problem: None,
            certificates: vec![certificate("2012-05-17T00:00:00Z", "2032-05-17T00:00:00Z")],
            unreadable: vec![],
        }]),
        clock: Clock { now: time("2026-11-21T02:00:00Z"), program: Some(time("2026-11-20T00:00:00Z")) },
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn certificate(from: &str, until: &str) -> CertificateFacts {
    CertificateFacts {
        name: "SAST-ADN008580ef".into(),
        not_before: time(from).as_second(),
        not_after: time(until).as_second(),
    }
}

fn device(vendor: u16, product: u16) -> UsbDevice {
    UsbDevice { vendor, product, name: None, place: "1:004".into(), may_open: Some(true) }
}

/// The finding with this name; there must be no other problem.
#[track_caller]
fn only(id: &str, severity: Severity, change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = healthy();
    change(&mut facts);
    let found: Vec<_> = judge(&facts).into_iter().filter(|f| f.severity != Severity::Fine).collect();
    let ids: Vec<_> = found.iter().map(|f| f.id).collect();
    assert_eq!(ids, [id], "{found:#?}");
    let finding = found.into_iter().next().unwrap();
    assert_eq!(finding.severity, severity, "{finding:#?}");
    finding
}

/// A problem, and its advice on every system.
#[track_caller]
fn problem(id: &str, change: impl FnOnce(&mut Facts)) -> String {
    let finding = only(id, Severity::Problem, change);
    for system in System::ALL {
        // Only Linux has udev.
        if id != "udev" || matches!(system, System::Debian | System::Fedora) {
            let advised = finding.next.is_some() || !finding.remedies.on(system).is_empty();
            assert!(advised, "{id}: no advice for {system:?}");
        }
    }
    finding.says
}

fn not_loaded(facts: &mut Facts, why: LoadProblem) {
    facts.module.loaded = None;
    facts.module.tried =
        vec![("/usr/lib/libeTPkcs11.so".into(), LoadProblem::Missing), ("/usr/lib/libeToken.so".into(), why)];
    facts.tokens = Ok(vec![]);
}

fn reader(facts: &mut Facts) -> &mut Reader {
    &mut facts.readers.as_mut().unwrap()[0]
}

fn token(facts: &mut Facts) -> &mut TokenFacts {
    &mut facts.tokens.as_mut().unwrap()[0]
}

#[test]
fn a_healthy_machine_has_no_findings() {
    let findings = judge(&healthy());
    assert!(findings.iter().all(|f| f.severity == Severity::Fine), "{findings:#?}");
    let ids: Vec<_> = findings.iter().map(|f| f.id).collect();
    assert_eq!(ids, ["module", "middleware", "pcsc", "reader", "usb", "pin", "certificate", "clock"]);
}

#[test]
fn no_module_is_installed() {
    let says = problem("module-missing", |facts| {
        facts.module = ModuleFacts::default();
        facts.tokens = Ok(vec![]);
    });
    assert_eq!(says, "no PKCS#11 module is installed that a built-in profile knows");
    let says = problem("module-missing", |facts| {
        not_loaded(facts, LoadProblem::Missing);
    });
    assert!(says.contains("/usr/lib/libeTPkcs11.so, /usr/lib/libeToken.so"), "{says}");
}

#[test]
fn the_module_does_not_load() {
    let other =
        LoadProblem::OtherArchitecture { library: "32-bit x86".into(), program: "64-bit x86_64".into() };
    for (why, id) in [
        (other, "module-architecture"),
        (LoadProblem::MissingDependency("libhal.so.1".into()), "module-dependency"),
        (LoadProblem::OthersMayWrite("everybody may write /x".into()), "module-insecure"),
        (LoadProblem::NotPkcs11, "module-not-pkcs11"),
        (LoadProblem::NotALibrary, "module-damaged"),
        (LoadProblem::Initialize("CKR_GENERAL_ERROR".into()), "module-initialize"),
        (LoadProblem::Other("no reason".into()), "module"),
    ] {
        let says = problem(id, |facts| not_loaded(facts, why.clone()));
        assert!(says.contains("/usr/lib/libeToken.so") && says.contains(&why.to_string()), "{says}");
    }
    problem("module", |facts| {
        facts.module.loaded = None;
        facts.module.problem = Some("it is no profile".into());
        facts.tokens = Ok(vec![]);
    });
}

/// If another run uses the tokens, nothing needs to be installed.
#[test]
fn another_run_has_the_tokens() {
    let finding = only("tokens-busy", Severity::Problem, |facts| {
        facts.module.loaded = None;
        facts.module.busy = Some("the tokens are in use by another sastctl (process 4711)".into());
        facts.tokens = Ok(vec![]);
    });
    assert!(finding.says.contains("process 4711"), "{finding:#?}");
    for system in System::ALL {
        let advice = finding.remedies.on(system).join(" ");
        assert!(advice.contains("wait for it") && !advice.contains("install"), "{advice}");
    }
}

#[test]
fn the_requirements_of_the_module() {
    let says = problem("environment", |facts| facts.module.unset = vec!["CKNFAST_X (why)".into()]);
    assert!(says.contains("CKNFAST_X"), "{says}");
    // If the tokens are visible, nothing is missing; if not, this is the reason.
    let mut facts = healthy();
    facts.module.daemons = Some((vec!["SACSrv".into()], false));
    assert!(judge(&facts).iter().all(|f| f.severity == Severity::Fine));
    facts.tokens = Ok(vec![]);
    let problems: Vec<_> =
        judge(&facts).into_iter().filter(|f| f.severity == Severity::Problem).map(|f| f.id).collect();
    assert_eq!(problems, ["middleware", "card-not-seen", "no-token"]);
}

#[test]
fn the_smart_card_service() {
    // Without it there are no readers to compare USB with.
    problem("pcscd", |facts| facts.readers = Err(ReaderError::NoService));
    problem("pcscd", |facts| facts.readers = Err(ReaderError::Failed("it fell over".into())));
    let says = problem("polkit", |facts| facts.readers = Err(ReaderError::NotAllowed));
    assert!(says.contains("SCARD_W_SECURITY_VIOLATION"), "{says}");
    only("pcsc", Severity::Note, |facts| facts.readers = Err(ReaderError::NotBuilt));
    // An HSM on the network needs none.
    let mut facts = healthy();
    facts.module.by_pcsc = false;
    for reason in [ReaderError::NoService, ReaderError::NotBuilt] {
        facts.readers = Err(reason);
        assert!(judge(&facts).iter().all(|f| f.severity == Severity::Fine));
    }
}

#[test]
fn a_remote_desktop_session() {
    let mut facts = healthy();
    facts.remote_desktop = true;
    facts.readers = Err(ReaderError::NoService);
    facts.tokens = Ok(vec![]);
    let found = judge(&facts);
    let at = |id: &str| found.iter().position(|f| f.id == id).unwrap();
    assert!(at("remote-desktop") < at("pcscd"), "what the service says is of the other machine");
    let mut redirected = healthy();
    redirected.remote_desktop = true;
    assert!(
        judge(&redirected).iter().all(|f| f.severity == Severity::Fine),
        "the token is in the other machine"
    );
}

#[test]
fn the_readers() {
    problem("reader-mute", |facts| reader(facts).mute = true);
    problem("reader-exclusive", |facts| reader(facts).exclusive = true);
    let mut facts = healthy();
    facts.readers = Ok(vec![]);
    facts.usb = Ok(vec![]);
    facts.tokens = Ok(vec![]);
    let problems: Vec<_> =
        judge(&facts).into_iter().filter(|f| f.severity == Severity::Problem).map(|f| f.id).collect();
    assert_eq!(problems, ["no-reader", "no-token"]);
    // A second card that the module does not know.
    let says = problem("card-not-seen", |facts| {
        let unknown = Reader {
            name: "Other reader 00 00".into(),
            atr: Some("3B00".into()),
            mute: false,
            exclusive: false,
        };
        facts.readers.as_mut().unwrap().push(unknown);
    });
    assert!(says.contains("Other reader 00 00"), "{says}");
}

#[test]
fn usb_ids_against_readers() {
    let another = |facts: &mut Facts| facts.usb.as_mut().unwrap().push(device(0x0529, 0x0602));
    let says = problem("usb-no-reader", another);
    let finding = only("usb-no-reader", Severity::Problem, another);
    assert!(finding.remedies.on(System::Debian)[0].contains("libccid"), "{finding:#?}");
    assert!(says.contains("2 tokens are plugged in") && says.contains("1 reader is shown"), "{says}");
    // A CardOS stick needs SafeNet's own reader driver, and a rule.
    let finding = only("usb-no-reader", Severity::Problem, |facts| {
        facts.udev = Some("/etc/udev/rules.d/60-sastctl-tokens.rules".into());
        facts.usb.as_mut().unwrap().push(device(0x0529, 0x0600));
    });
    assert!(finding.remedies.on(System::Debian)[0].contains("not a CCID reader"), "{finding:#?}");
    let says = problem("udev", |facts| facts.usb = Ok(vec![device(0x0529, 0x0600)]));
    assert!(says.contains("0529:0600"), "{says}");
    only("usb-permission", Severity::Note, |facts| facts.usb.as_mut().unwrap()[0].may_open = Some(false));
    // A HASP dongle of the same vendor is not a token.
    let mut facts = healthy();
    facts.usb = Ok(vec![device(0x0529, 0x0001)]);
    assert!(judge(&facts).iter().all(|f| f.severity == Severity::Fine));
    facts.usb = Err("no /sys".into());
    assert!(judge(&facts).iter().all(|f| f.severity == Severity::Fine));
}

#[test]
fn the_tokens() {
    problem("tokens", |facts| facts.tokens = Err("C_GetSlotList failed: CKR_DEVICE_ERROR".into()));
    problem("token-unreadable", |facts| token(facts).problem = Some("CKR_DEVICE_ERROR".into()));
    problem("no-certificate", |facts| token(facts).certificates.clear());
    only("certificate-unreadable", Severity::Note, |facts| token(facts).unreadable.push("cut short".into()));
    let mut facts = healthy();
    facts.readers = Ok(vec![]);
    facts.usb = Ok(vec![]);
    facts.module.by_pcsc = false;
    token(&mut facts).initialized = false;
    let problems: Vec<_> =
        judge(&facts).into_iter().filter(|f| f.severity == Severity::Problem).map(|f| f.id).collect();
    assert_eq!(problems, ["no-token"]);
}

#[test]
fn the_pin() {
    only("pin-low", Severity::Note, |facts| token(facts).pin = PinState::Low);
    only("pin-unknown", Severity::Note, |facts| token(facts).pin = PinState::Unknown);
    problem("pin-last-try", |facts| token(facts).pin = PinState::LastTry);
    problem("pin-locked", |facts| token(facts).pin = PinState::Locked);
    problem("pin-not-set", |facts| token(facts).pin = PinState::NotSet);
}

#[test]
fn the_clock() {
    let says = problem("clock", |facts| facts.clock.now = time("2020-01-01T00:00:00Z"));
    assert!(says.contains("2020-01-01T00:00:00Z"), "{says}");
    problem("clock", |facts| {
        token(facts).certificates = vec![certificate("2030-01-01T00:00:00Z", "2040-01-01T00:00:00Z")];
    });
    only("certificate-expired", Severity::Note, |facts| {
        token(facts).certificates = vec![certificate("2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z")];
    });
}

#[test]
fn a_linux_distribution_is_recognised_by_its_release_file() {
    for (release, system) in [
        ("NAME=\"Debian\"\nID=debian\n", System::Debian),
        ("ID=fedora\n", System::Fedora),
        ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", System::Fedora),
        ("ID=arch\nHOME_URL=\"https://fedora.example\"\n", System::Debian),
        ("", System::Debian),
    ] {
        assert_eq!(System::of_release(release), system, "{release}");
    }
}

/// A certificate is valid from its first to its last second; a clock at exactly the build time is not slow.
#[test]
fn the_first_and_the_last_second_of_validity_count() {
    for now in ["2012-05-17T00:00:00Z", "2032-05-17T00:00:00Z"] {
        let mut facts = healthy();
        facts.clock = Clock { now: time(now), program: Some(time(now)) };
        let findings = judge(&facts);
        assert!(findings.iter().all(|f| f.severity == Severity::Fine), "{findings:#?}");
    }
}

#[test]
fn a_rules_file_is_recognised_by_its_usb_ids() {
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none");
    let found = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let found = rules_file(&[none.as_path(), dir.path()]);
        std::fs::remove_file(&path).unwrap();
        found == Some(path)
    };
    let both = "ATTRS{idVendor}==\"0529\", ATTRS{idProduct}==\"0600\"";
    assert!(found("69-sastctl.rules", both));
    assert!(found("69-sastctl.rules", &both.replace("0600", "0514")));
    assert!(!found("69-sastctl.rules", &both.replace("0600", "0620")), "another model");
    assert!(!found("69-sastctl.rules", &both.replace("0529", "0530")), "another vendor");
    assert!(!found("69-sastctl.txt", both), "no rules file");
}

#[test]
fn a_module_in_use_by_another_run_is_reported_as_busy() {
    let busy = TokenError::Busy { holder: "4711".to_owned(), seconds: 20 };
    let mut facts = ModuleFacts::default();
    facts.not_loaded(&busy);
    assert!(facts.busy.unwrap().contains("process 4711"));
    assert_eq!(facts.problem, None);
}

#[test]
fn tokens_are_recognised_by_their_ids_and_a_dongle_is_not_a_token() {
    assert_eq!(model_by_usb_id(0x0529, 0x0600).unwrap().driver, Driver::SafeNet);
    assert_eq!(model_by_usb_id(0x0529, 0x0620).unwrap().driver, Driver::Ccid);
    assert!(model_by_usb_id(0x0529, 0x0001).is_none());
    assert_eq!(model_by_atr("3BD518008131FE7D8073C82110F4").unwrap().name, "eToken 5100 or 5110");
    assert!(model_by_atr("3B").is_none());
}
