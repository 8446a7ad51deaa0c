//! PINs: their sources, that they are tried once, and that they are never shown.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::time::{Duration, Instant};

use rexpect::session::spawn_command;
use rustix::termios::LocalModes;
use sastctl::workflow::PinSource;

use crate::pki;
use crate::support::{PIN, World};

const SIGN: [&str; 6] = ["ctl", "sign", "CTLFile.tlv", "--token", "SAST token A", "--out=new.tlv"];

fn world() -> World {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world
}

fn sign(world: &World, more: &[&str]) -> crate::support::Outcome {
    world.run(&[&SIGN[..], more].concat())
}

#[test]
fn a_pin_comes_from_the_environment_a_file_or_a_descriptor() {
    let mut world = world();
    sign(&world, &["--pin-source", "env:SAST_PIN"]).done();
    world.unset("SAST_PIN");
    assert_eq!(sign(&world, &["--pin-source", "env:SAST_PIN"]).code, 3);

    let file = world.path("pin");
    std::fs::write(&file, format!("{PIN}\nsecond line\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = sign(&world, &["--pin-source", "file:pin"]).done();
    assert!(open.stderr.contains("warning: pin can be read by others: chmod 600 pin"), "{}", open.stderr);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let private = sign(&world, &["--pin-source", "file:pin"]).done();
    assert!(!private.stderr.contains("can be read by others"));
    assert_eq!(sign(&world, &["--pin-source", "file:none"]).code, 3);

    let mut shell = std::process::Command::new("sh");
    let program = world.command(&[]);
    shell.envs(program.get_envs().filter_map(|(k, v)| Some((k, v?)))).current_dir(world.path(""));
    let line = format!("{} {} --yes --pin-source fd:7 7<pin", program.get_program().display(), quoted(&SIGN));
    let status = shell.arg("-c").arg(line).process_group(0).output().unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

fn quoted(args: &[&str]) -> String {
    args.iter().map(|a| format!("'{a}'")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_wrong_pin_is_tried_once_and_the_next_run_is_warned() {
    let mut world = world();
    world.set("SAST_PIN", "wrong-4711");
    let wrong = sign(&world, &["-v"]);
    assert_eq!(wrong.stderr.matches("C_Login").count(), 1, "{}", wrong.stderr);
    assert_eq!(wrong.stderr.matches("C_Sign").count(), 0);
    let quiet = sign(&world, &[]);
    insta::assert_snapshot!(quiet.stderr, @"
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    warning: SAST token A: a wrong PIN was entered before; few tries are left
    error: SAST-ADN008580ef did not sign: the PIN is wrong (CKR_PIN_INCORRECT)
      token    SAST token A, serial serial-A, reader Reader A
      tries    the token says few are left; it locks for good when they run out
      nothing was written
    help: check the PIN, then run the same command again. The PIN is tried once per run.
    ");
    assert_eq!(quiet.code, 3);
    assert_eq!(world.files(), ["CTLFile.tlv"]);
    // The right PIN resets the count.
    world.set("SAST_PIN", PIN);
    assert!(sign(&world, &[]).done().stderr.contains("a wrong PIN was entered before"));
    assert!(!sign(&world, &[]).done().stderr.contains("a wrong PIN was entered before"));
}

#[test]
fn a_pin_of_impossible_length_costs_no_try() {
    let mut world = world();
    for pin in ["123", &"x".repeat(300)] {
        world.set("SAST_PIN", pin);
        let refused = sign(&world, &["-v"]);
        assert_eq!(refused.code, 3);
        assert!(!refused.stderr.contains("C_Login"), "{}", refused.stderr);
        assert!(refused.stderr.contains("the token accepts 4 to 255"), "{}", refused.stderr);
    }
    world.set("SAST_PIN", "");
    assert!(sign(&world, &[]).stderr.contains("the PIN for SAST token A is empty"));
}

#[test]
fn a_pin_is_never_an_argument_and_never_repeated() {
    let world = world();
    for args in [&["--pin-source", "4711-secret"][..], &["--pin-source=4711-secret"]] {
        let refused = sign(&world, args);
        assert_eq!(refused.code, 2);
        assert!(!refused.all().contains("4711"), "{}", refused.all());
    }
    let config = world.path("home/.config/sastctl");
    std::fs::create_dir_all(&config).unwrap();
    for line in [
        "pin = '4711-secret'",
        "pin-source = '4711-secret'",
        "pin-source = 47114711",
        "pin-source = 4711.5",
        "pin-source = [4711, 5]",
        "pin-source = { value = 4711, expected = 'x' }",
        "color = '4711-secret'",
        "timeout = '4711, expected 4711'",
        "4711-secret",
        "pin-source = 4711-secret",
        "pin-source = 47114711471147114711471147114711",
    ] {
        std::fs::write(config.join("config.toml"), format!("json = false\n{line}\n")).unwrap();
        let refused = sign(&world, &[]);
        assert_eq!(refused.code, 4, "{line}: {}", refused.all());
        assert!(!refused.all().contains("4711"), "{line}: {}", refused.all());
        assert!(refused.stderr.contains("line 2"), "{line}: {}", refused.all());
    }
}

/// The output at the highest verbosity does not contain the PIN, right or wrong.
#[test]
fn no_output_contains_the_pin() {
    let mut world = world();
    let canary = "Canary-5f3a";
    for (pin, code) in [(PIN, 0), (canary, 3)] {
        world.set("SAST_PIN", pin);
        let outcome = sign(&world, &["-vv"]);
        assert_eq!(outcome.code, code);
        assert!(!outcome.all().contains(pin), "{}", outcome.all());
    }
}

fn pty(world: &World, args: &[&str]) -> rexpect::session::PtySession {
    let mut command = world.command(args);
    command.env_remove("SASTCTL_PIN_SOURCE").env("TERM", "dumb");
    spawn_command(command, Some(20_000)).unwrap()
}

fn exit_code(session: &rexpect::session::PtySession) -> i32 {
    match session.process().wait().unwrap() {
        rexpect::process::WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_operator_is_asked_twice_and_the_pin_is_not_shown() {
    let world = world();
    let mut session = pty(&world, &SIGN);
    session.exp_string("signs this file (RSA 1024, SHA-1)").unwrap();
    session.exp_string("Sign with SAST-ADN008580ef on \"SAST token A\"").unwrap();
    session.send_line("y").unwrap();
    session.exp_string("PIN for SAST token A: ").unwrap();
    session.send_line(PIN).unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("signed by SAST-ADN008580ef, verified"), "{rest}");
    assert!(!rest.contains(PIN), "{rest}");
    assert_eq!(exit_code(&session), 0);
    assert!(world.path("new.tlv").exists());
}

#[test]
fn after_the_answer_no_nothing_is_signed() {
    let world = world();
    for answer in ["n", "", "nonsense"] {
        let mut session = pty(&world, &SIGN);
        session.exp_string("[y/N] ").unwrap();
        session.send_line(answer).unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains("cancelled; nothing was signed and nothing was written"), "{rest}");
        assert_eq!(exit_code(&session), 130);
    }
    assert_eq!(world.files(), ["CTLFile.tlv"]);
}

/// Who types the PIN in the moment when the prompt appears is not seen either: the output of the terminal is
/// stopped (Ctrl-S), so that the prompt waits, and the echo must be off by then.
#[test]
fn the_echo_is_off_before_the_prompt_appears() {
    let world = world();
    let mut shell = std::process::Command::new("sh");
    let program = world.command(&[]);
    shell.env_clear().envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))));
    shell.env_remove("SASTCTL_PIN_SOURCE").current_dir(world.path(""));
    let line = format!(
        "stty echo; echo ready; read go; {} {} --yes >said 2>&1",
        program.get_program().display(),
        quoted(&SIGN)
    );
    shell.args(["-c", &line]);
    let mut session = spawn_command(shell, Some(20_000)).unwrap();
    session.exp_string("ready").unwrap();
    session.send_control('s').unwrap();
    session.send_line("go").unwrap();
    let terminal = session.process().get_file_handle().unwrap();
    let echoes = || rustix::termios::tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO);
    let started = Instant::now();
    while echoes() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the prompt is written while the terminal echoes"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    session.send_line(PIN).unwrap();
    session.send_control('q').unwrap();
    let seen = session.exp_eof().unwrap();
    assert!(seen.contains("PIN for SAST token A: ") && !seen.contains(PIN), "{seen}");
    assert_eq!(exit_code(&session), 0);
    assert!(world.path("new.tlv").exists());
}

/// Ctrl-C at the PIN: nothing written, exit code 130, and the terminal echoes again.
#[test]
fn ctrl_c_at_the_pin_leaves_the_terminal_as_it_was() {
    let world = world();
    let mut shell = std::process::Command::new("sh");
    let program = world.command(&[]);
    shell.env_clear().envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))));
    shell.env_remove("SASTCTL_PIN_SOURCE").current_dir(world.path(""));
    let line = format!(
        "stty echo; {} {} --yes; echo code $?; stty -a",
        program.get_program().display(),
        quoted(&SIGN)
    );
    // The shell ignores the interrupt, the program receives it.
    shell.args(["-c", &format!("trap : INT; {line}")]);
    let mut session = spawn_command(shell, Some(20_000)).unwrap();
    session.exp_string("PIN for SAST token A: ").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("code 130").unwrap();
    let terminal = session.exp_eof().unwrap();
    assert!(terminal.contains(" echo ") && !terminal.contains(" -echo "), "{terminal}");
    assert_eq!(world.files(), ["CTLFile.tlv"]);
}

#[test]
fn without_a_terminal_the_error_names_other_sources_for_the_pin() {
    let mut world = world();
    world.unset("SASTCTL_PIN_SOURCE");
    let mut command = world.command(&[&SIGN[..], &["--yes"]].concat());
    // No controlling terminal.
    command.stdin(std::process::Stdio::null());
    let output = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .current_dir(world.path(""))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("--pin-source env:VAR, file:PATH or fd:N"), "{stderr}");
}

/// An old token that supports only SHA-1, and one that needs a ready DigestInfo.
#[test]
fn old_tokens_sign_with_the_mechanisms_that_they_have() {
    for (mechanisms, digest, raw) in [
        ("CKM_RSA_PKCS,CKM_SHA1_RSA_PKCS", "sha1", false),
        ("CKM_RSA_PKCS,CKM_SHA1_RSA_PKCS", "sha256", true),
        ("CKM_RSA_PKCS", "sha1", true),
        ("CKM_RSA_PKCS", "sha512", true),
    ] {
        let world = world();
        limit(&world, mechanisms);
        let outcome = sign(&world, &["--digest", digest]).done();
        assert!(outcome.stdout.contains("verified"), "{mechanisms} {digest} {raw}");
        world.run(&["ctl", "verify", "new.tlv"]).done();
    }
    let world = world();
    limit(&world, "CKM_SHA256_RSA_PKCS");
    let refused = sign(&world, &[]);
    assert_eq!(refused.code, 3);
    assert!(refused.stderr.contains("the token cannot sign with SHA-1"), "{}", refused.stderr);
    assert_eq!(world.files(), ["CTLFile.tlv"]);
}

fn limit(world: &World, mechanisms: &str) {
    let conf = world.path("hsm/softhsm2.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(conf, format!("{text}slots.mechanisms = {mechanisms}\n")).unwrap();
}

/// A certificate whose key is on another token.
#[test]
fn a_certificate_without_its_key_does_not_sign() {
    let world = world();
    world.pkcs11_tool("SAST token A", &["--delete-object", "--type", "privkey", "--id", "01"]);
    let refused = sign(&world, &[]);
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains("no private key on the token belongs to the certificate SAST-ADN008580ef"),
        "{}",
        refused.stderr
    );
    assert_eq!(pki::golden_bytes("token-signed.tlv"), world.read("CTLFile.tlv"));
}

/// IDPrime tokens need the PIN before each signature (CKA_ALWAYS_AUTHENTICATE); the operator types it once.
#[test]
fn a_key_that_needs_the_pin_each_time_gets_it_for_every_file() {
    let world = world();
    world.place("tokenless.tlv", "second.tlv");
    let key = pki::path("softhsm-fixtures/SAST-ADN008580ef.key.pem");
    world.pkcs11_tool("SAST token A", &["--delete-object", "--type", "privkey", "--id", "01"]);
    let store = ["--write-object", key.to_str().unwrap(), "--type", "privkey", "--id", "01", "--always-auth"];
    world.pkcs11_tool("SAST token A", &store);

    world.run(&["ctl", "sign", "CTLFile.tlv", "--token", "SAST token A", "--out=new.tlv"]).done();
    world.run(&["ctl", "verify", "new.tlv"]).done();
    let many = world
        .run(&["ctl", "sign", "CTLFile.tlv", "new.tlv", "--in-place", "--token", "SAST token A", "-v"])
        .done();
    let logins = many.stderr.matches("C_Login").count();
    assert!(logins >= 3, "one login, and one for each file: {}", many.stderr);
    world.run(&["ctl", "verify", "CTLFile.tlv", "new.tlv"]).done();

    // The PIN can be sent only with a mechanism that accepts data in parts.
    let prefer_raw = world.run(&["profile", "show", "softhsm"]).done();
    std::fs::write(world.path("raw.toml"), with_raw_preferred(&prefer_raw.stdout)).unwrap();
    sign(&world, &["--profile", "raw.toml"]).done();
    limit(&world, "CKM_RSA_PKCS");
    let refused = sign(&world, &[]);
    assert_eq!(refused.code, 3, "{}", refused.all());
    assert!(refused.stderr.contains("CKM_SHA1_RSA_PKCS"), "{}", refused.stderr);
}

fn with_raw_preferred(profile: &str) -> String {
    let mut table: toml::Table = profile.parse().unwrap();
    let sign = table.entry("sign").or_insert_with(|| toml::Table::new().into());
    sign.as_table_mut().unwrap().insert("prefer".into(), "raw".into());
    table.to_string()
}

/// Some editors save a byte order mark first: it is not a part of the PIN, and no try is lost.
#[test]
fn a_byte_order_mark_before_the_pin_is_ignored() {
    let mut world = world();
    let marked = format!("\u{feff}{PIN}\r\n");
    std::fs::write(world.path("pin"), &marked).unwrap();
    std::fs::set_permissions(world.path("pin"), std::fs::Permissions::from_mode(0o600)).unwrap();
    sign(&world, &["--pin-source", "file:pin"]).done();
    world.set("SAST_PIN", marked.trim_end());
    sign(&world, &["--pin-source", "env:SAST_PIN"]).done();
    // UTF-16 text is refused before any try.
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(world.path("pin"), wide).unwrap();
    let refused = sign(&world, &["-v", "--pin-source", "file:pin"]);
    assert!(refused.code == 3 && !refused.stderr.contains("C_Login"), "{}", refused.all());
    assert!(!sign(&world, &["--pin-source", "env:SAST_PIN"]).done().stderr.contains("was entered before"));
}

#[test]
fn a_pin_source_is_one_of_five_and_never_the_pin() {
    let parse = |text: &str| PinSource::try_from(text.to_owned());
    assert_eq!(parse("prompt").unwrap(), PinSource::Prompt);
    assert_eq!(parse("pinpad").unwrap(), PinSource::PinPad);
    assert_eq!(parse("env:PIN").unwrap(), PinSource::Env("PIN".to_owned()));
    assert_eq!(parse("file:/run/pin").unwrap(), PinSource::File("/run/pin".into()));
    assert_eq!(parse("fd:3").unwrap(), PinSource::Fd(3));
    for text in ["Cisco123", "env:", "file:", "fd:x", "fd:", ""] {
        let error = parse(text).unwrap_err().to_string();
        assert!(!error.contains("Cisco123"), "{error}");
    }
}
