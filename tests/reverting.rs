//! The main task: a tokenless cluster changes back to eTokens.

use crate::pki;
use crate::support::World;

const REVERT: [&str; 9] = [
    "revert",
    "CTLFile.tlv",
    "--token",
    "SAST-ADN008580ef",
    "--spare",
    "SAST-ADN0054f509",
    "--timestamp",
    "2015-03-06T22:53:33+01:00",
    "--yes",
];

fn world() -> World {
    let world = World::with_tokens();
    world.place("tokenless.tlv", "CTLFile.tlv");
    world
}

#[test]
fn the_result_is_the_ctl_clients_file_to_the_byte() {
    let world = world();
    let outcome = world.run(&[&REVERT[..], &["--out", "CTLFile.new.tlv"]].concat()).done();
    insta::assert_snapshot!(outcome.all(), @"
    CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records
    Plan
      - SAST       cucm-1051-a-pub   the tokenless signer leaves
      ~ CCM+TFTP   cucm-1051-a-pub   10.48.47.155, as the CTL Client writes it
      ~ CAPF       CAPF-e41e7d87     10.48.47.155, as the CTL Client writes it
      ~ CCM+TFTP   cucm-1051-a-sub1  10.48.47.156, as the CTL Client writes it
      + SAST       SAST-ADN0054f509  spare
      + SAST       SAST-ADN008580ef  signs this file (RSA 1024, SHA-1)
    Phones that hold CTLFile.tlv
      7945, 7965 and newer     accept, if TVS knows SAST-ADN008580ef: its certificate must be in Phone-SAST-trust first
      7940, 7960, Jabber, …    refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand
      no list yet              accept
    CTLFile.new.tlv   5728 bytes, signed by SAST-ADN008580ef, verified
      MD5   5402a98cb52f35fd9f251d9a6472cedf
            on a phone: 54 02 A9 8C B5 2F 35 FD 9F 25 1D 9A 64 72 CE DF
      SHA1  27345a327645d8be62ea7f26fc9e34c093ffacf8
            on a phone: 27 34 5A 32 76 45 D8 BE 62 EA 7F 26 FC 9E 34 C0 93 FF AC F8
    --- stderr
    warning: the certificate of SAST-ADN008580ef expired on 2022-05-17: it still signs; no public source says that phones look at its date
    warning: expired: cucm-1051-a-pub (CCM+TFTP, 2019-06-04), cucm-1051-a-sub1 (CCM+TFTP, 2019-06-04): encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure SIP trunks and media resources fail
    warning: expired: CAPF-e41e7d87 (CAPF, 2019-06-04): CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail
    warning: the signer's key is RSA 1024: phones in FIPS mode refuse keys below 2048 bits
    warning: RSA 1024 is the key of cucm-1051-a-pub, CAPF-e41e7d87, cucm-1051-a-sub1: phones in FIPS mode refuse keys below 2048 bits
    warning: SAST token A still has the public factory PIN; change it with sastctl token change-pin NAME
    Journal: DIR/state/sastctl/TIME-revert.jsonl
    Left to do by hand:
      1. before anything else: export the certificates (sastctl cert export --all --out certs) and upload them as Phone-SAST-trust, so that TVS knows SAST-ADN008580ef
      2. put the file on every TFTP node, in the place of the one in force
      3. restart Cisco Tftp, then Cisco CallManager, on every node that runs them; reset the phones
      4. delete the list by hand on phones that refuse: 7940, 7960, Jabber, …; with the procedure bridge no phone refuses: sastctl ctl ways FILE bridge
      5. compare the checksum with that of show ctl on every node, and with a phone's screen
    --- exit code 0
    ");
    assert!(world.read("CTLFile.new.tlv") == pki::golden_bytes("token-signed.tlv"));
    assert!(
        world.read("CTLFile.tlv") == pki::golden_bytes("tokenless.tlv"),
        "the list in force is not touched"
    );
    assert_eq!(world.files(), ["CTLFile.new.tlv", "CTLFile.tlv"]);
}

#[test]
fn the_result_is_written_next_to_the_list_in_force_or_to_standard_output() {
    let world = world();
    world.run(&REVERT).done();
    assert!(world.read("CTLFile.new.tlv") == pki::golden_bytes("token-signed.tlv"));
    let piped = world.run(&[&REVERT[..], &["--out", "-"]].concat()).done();
    assert!(piped.bytes == pki::golden_bytes("token-signed.tlv"), "nothing but the list");
    assert!(piped.stderr.contains("the tokenless signer leaves"));
}

#[test]
fn a_spare_that_is_not_inserted_is_named_by_its_certificate() {
    let world = world();
    world.run(&["cert", "export", "--token", "SAST-ADN0054f509"]).done();
    let mut args = REVERT;
    args[5] = "SAST-ADN0054f509.cer";
    world.run(&args).done();
    assert!(world.read("CTLFile.new.tlv") == pki::golden_bytes("token-signed.tlv"));
}

#[test]
fn an_old_result_is_kept() {
    let world = world();
    std::fs::write(world.path("CTLFile.new.tlv"), "yesterday's").unwrap();
    let outcome = world.run(&REVERT).done();
    assert!(outcome.stdout.contains("the old file is kept as DIR/CTLFile.new.tlv.bak"), "{}", outcome.stdout);
    assert_eq!(world.read("CTLFile.new.tlv.bak"), b"yesterday's");
}

#[test]
fn a_dry_run_shows_everything_and_touches_nothing() {
    let mut world = world();
    // It needs no PIN either.
    world.unset("SAST_PIN");
    let args = [&REVERT[..], &["--dry-run"]].concat();
    let shown = world.run(&args).done().stdout;
    let (before, behind) = shown.split_once("Plan digest ").unwrap();
    let (digest, rest) = behind.split_once('\n').unwrap();
    assert!(
        digest.split_once('@').is_some_and(|(sum, time)| sum.len() == 64 && time.ends_with('Z')),
        "{digest}"
    );
    insta::assert_snapshot!(format!("{before}Plan digest DIGEST@TIME\n{rest}"), @r#"
    CTLFile.tlv   4947 bytes, tokenless, signed by cucm-1051-a-pub, 4 records
    Plan
      - SAST       cucm-1051-a-pub   the tokenless signer leaves
      ~ CCM+TFTP   cucm-1051-a-pub   10.48.47.155, as the CTL Client writes it
      ~ CAPF       CAPF-e41e7d87     10.48.47.155, as the CTL Client writes it
      ~ CCM+TFTP   cucm-1051-a-sub1  10.48.47.156, as the CTL Client writes it
      + SAST       SAST-ADN0054f509  spare
      + SAST       SAST-ADN008580ef  signs this file (RSA 1024, SHA-1)
    Phones that hold CTLFile.tlv
      7945, 7965 and newer     accept, if TVS knows SAST-ADN008580ef: its certificate must be in Phone-SAST-trust first
      7940, 7960, Jabber, …    refuse: SAST-ADN008580ef is not a trusted signer (SAST) in the phone's CTL; its list must be deleted by hand
      no list yet              accept
    Difference
      signer: CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL (serial 70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB) → cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems (serial 83:E9:08:00:00:00:55:45:AF:31)
      signer's issuer: CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL → cn=Cisco Manufacturing CA;o=Cisco Systems
      signed: 2015-03-06T20:56:07Z → 2015-03-06T21:53:33Z
    - SAST       cucm-1051-a-pub        removed (record 1)
    ~ CCM+TFTP   cucm-1051-a-pub        DNSNAME cucm-1051-a-pub → 10.48.47.155; certificate signature (tag 8) left out
    ~ CAPF       CAPF-e41e7d87          DNSNAME cucm-1051-a-pub → 10.48.47.155; certificate signature (tag 8) left out
    ~ CCM+TFTP   cucm-1051-a-sub1       DNSNAME cucm-1051-a-sub1 → 10.48.47.156; certificate signature (tag 8) left out
    + SAST       SAST-ADN0054f509       added (record 1)
    + SAST       SAST-ADN008580ef       added (record 5)
    Left to do by hand
      1. before anything else: export the certificates (sastctl cert export --all --out certs) and upload them as Phone-SAST-trust, so that TVS knows SAST-ADN008580ef
      2. put the file on every TFTP node, in the place of the one in force
      3. restart Cisco Tftp, then Cisco CallManager, on every node that runs them; reset the phones
      4. delete the list by hand on phones that refuse: 7940, 7960, Jabber, …; with the procedure bridge no phone refuses: sastctl ctl ways FILE bridge
      5. compare the checksum with that of show ctl on every node, and with a phone's screen
    Plan digest DIGEST@TIME
    Dry run: nothing was signed and nothing was written.
    "#);
    assert_eq!(world.files(), ["CTLFile.tlv"]);
    let json = world.run(&[&args[..], &["--json"]].concat()).done().json();
    assert_eq!(json["dry_run"], true);
    assert_eq!(json["plans"][0]["bytes"], 5728);
    assert_eq!(json["plans"][0]["steps"][0]["mark"], "remove");
}

#[test]
fn json_tells_what_was_written() {
    let world = world();
    let json = world.run(&[&REVERT[..], &["--json"]].concat()).done().json();
    assert_eq!(json["written"][0]["file"], "CTLFile.new.tlv");
    assert_eq!(json["written"][0]["md5"], "5402a98cb52f35fd9f251d9a6472cedf");
    assert_eq!(json["written"][0]["md5_phone"][0], "54 02 A9 8C B5 2F 35 FD");
    assert_eq!(json["written"][0]["sha1_phone"][0], "27 34 5A 32 76 45 D8 BE");
    assert_eq!(json["plans"][0]["steps"].as_array().unwrap().len(), 6);
}

#[test]
fn harmful_plans_are_refused() {
    let world = world();
    let one = world.run(&["revert", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--yes"]);
    insta::assert_snapshot!(one.all(), @"
    --- stderr
    error: a first CTL needs two tokens, one signs and the other is the spare; there is one: SAST-ADN008580ef
    help: give the other token: --spare SAST-ADN… or --spare FILE.cer if it is not inserted
    help: --single-token continues with one token; if it is lost, no later list can be signed
    --- exit code 1
    ");
    let single = ["revert", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--single-token", "--yes"];
    world.run(&single).done();
    // With `--force` the plan and the journal contain the problem.
    let insists = [&single[..4], &["--force", "--journal=journals", "--yes"]].concat();
    let says = "SAST-ADN008580ef has no spare, as the operator requested: if it is lost, no later list can be signed";
    assert!(world.run(&insists).done().stderr.contains(says));
    let journal = std::fs::read_dir(world.path("journals")).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(journal).unwrap().contains(says));
    let mut twice = REVERT;
    twice[5] = "SAST-ADN008580ef";
    assert_eq!(world.run(&twice).code, 1);
    let release = [&REVERT[..], &["--release", "twelve"]].concat();
    assert_eq!(world.run(&release).code, 2);

    world.place("token-signed.tlv", "signed.tlv");
    let mut again = REVERT;
    again[1] = "signed.tlv";
    let refused = world.run(&again);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("already signed by the token SAST-ADN008580ef"), "{}", refused.stderr);
    assert!(refused.stderr.contains("sastctl ctl update"), "{}", refused.stderr);
}

#[test]
fn a_list_that_does_not_verify_is_not_changed() {
    let world = world();
    let mut bytes = pki::golden_bytes("tokenless.tlv");
    bytes[2000] ^= 1;
    std::fs::write(world.path("CTLFile.tlv"), &bytes).unwrap();
    insta::assert_snapshot!(world.run(&REVERT).all(), @"
    --- stderr
    error: CTLFile.tlv is not verified: the signature does not match the file (signer cucm-1051-a-pub)
      nothing was written
    help: phones would not accept this file either; fetch the list in force from the TFTP node
    --- exit code 1
    ");
    std::fs::write(world.path("CTLFile.tlv"), &bytes[..3000]).unwrap();
    insta::assert_snapshot!(world.run(&REVERT).all(), @"
    --- stderr
    error: CTLFile.tlv is cut short: record 3 says 1138 bytes, 352 are left (byte 2648)
    help: fetch it again, in binary mode: tftp -m binary HOST -c get CTLFile.tlv
    --- exit code 4
    ");
    assert_eq!(world.files(), ["CTLFile.tlv"]);
}

#[test]
fn times_come_from_the_command_line_or_source_date_epoch() {
    let mut world = world();
    world.set("SOURCE_DATE_EPOCH", "1425678813");
    let args =
        ["revert", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--spare", "SAST-ADN0054f509", "--yes"];
    world.run(&args).done();
    assert!(world.read("CTLFile.new.tlv") == pki::golden_bytes("token-signed.tlv"));
    for (key, value) in [("SOURCE_DATE_EPOCH", "yesterday"), ("SOURCE_DATE_EPOCH", "-1")] {
        world.set(key, value);
        assert_eq!(world.run(&args).code, 2);
    }
    for time in ["2015-03-06", "2107-01-01T00:00:00Z", "soon"] {
        assert_eq!(world.run(&[&args[..], &["--timestamp", time]].concat()).code, 2, "{time}");
    }
}

#[test]
fn the_output_cannot_be_a_folder_or_in_a_missing_folder() {
    let world = world();
    std::fs::create_dir(world.path("out")).unwrap();
    for out in ["out", "no/such/folder/x.tlv"] {
        let refused = world.run(&[&REVERT[..], &["--out", out]].concat());
        assert_eq!(refused.code, 4, "{}", refused.all());
    }
    assert_eq!(world.files(), ["CTLFile.tlv", "out"]);
}
