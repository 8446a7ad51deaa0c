//! Existing lists are changed and signed again, and new ones are made.

use sastctl::trustlist::{Function, TrustFile, TrustList};

use crate::pki;
use crate::support::World;

fn world() -> World {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world
}

fn list(world: &World, name: &str) -> TrustList {
    let list = TrustList::decode(world.read(name)).unwrap();
    list.verify().unwrap();
    list
}

fn update<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["ctl", "update", "CTLFile.tlv", "--in-place", "--yes"], more].concat()
}

fn certificate(name: &str) -> String {
    pki::path(&format!("tests/testdata/pki/{name}.der")).to_str().unwrap().to_owned()
}

#[test]
fn non_secure_mode_empties_the_callmanager_records() {
    let world = world();
    let args = update(&["--token", "SAST-ADN0054f509", "--set-mode", "non-secure"]);
    let outcome = world.run(&args).done();
    insta::assert_snapshot!(outcome.stdout.lines().take(7).collect::<Vec<_>>().join("\n"), @"
    CTLFile.tlv   5728 bytes, token-signed, signed by SAST-ADN008580ef, 5 records
    Plan
        SAST       SAST-ADN0054f509  signs this file (RSA 1024, SHA-1)
      ~ CCM+TFTP   10.48.47.155      non-secure mode: address alone (cucm-1051-a-pub leaves)
        CAPF       CAPF-e41e7d87     stays as it is
      ~ CCM+TFTP   10.48.47.156      non-secure mode: address alone (cucm-1051-a-sub1 leaves)
        SAST       SAST-ADN008580ef  stays as it is
    ");
    let new = list(&world, "CTLFile.tlv");
    assert_eq!(new.bytes().len(), 3746);
    let emptied =
        new.records().iter().filter(|r| r.bytes().len() == 33 && r.function() == Function::CCM_TFTP);
    assert_eq!(emptied.count(), 2);
    assert!(
        world.read("CTLFile.tlv.bak") == pki::golden_bytes("token-signed.tlv"),
        "the list before is kept"
    );
}

#[test]
fn a_lost_token_is_replaced_with_the_remaining_token() {
    let world = world();
    let new_token = pki::path("tests/testdata/keys/rsa2048.der");
    let args = update(&[
        "--token",
        "SAST-ADN0054f509",
        "--add-token",
        new_token.to_str().unwrap(),
        "--remove-token",
        "SAST-ADN008580ef",
    ]);
    world.run(&args).done();
    let names: Vec<String> = list(&world, "CTLFile.tlv").sasts().map(|r| r.short_name()).collect();
    assert_eq!(names, ["SAST-ADN0054f509", "SAST-RSA2048"]);
}

#[test]
fn a_token_that_is_not_in_the_list_cannot_change_it() {
    let world = world();
    world.run(&update(&["--token", "SAST-ADN0054f509", "--remove-token", "SAST-ADN008580ef"])).done();
    let stranger = world.run(&update(&["--token", "SAST-ADN008580ef", "--set-mode", "non-secure"]));
    insta::assert_snapshot!(stranger.stderr, @"
    error: The Security Token you have inserted does not exist in the CTL File
      token    SAST-ADN008580ef
      the list in force contains SAST-ADN0054f509
    help: insert one of these, or, if they are lost: sastctl help lost-tokens
    help: possible procedures: lost-token, all-tokens-lost, to-hsm: sastctl ctl ways FILE
    help: --force signs although the check failed; phones then accept the list only if TVS knows the token
    ");
    assert_eq!(stranger.code, 1);
}

#[test]
fn servers_are_added_and_removed() {
    let world = world();
    let spec = format!("tftp:10.48.47.160:{}", certificate("cucm8-callmanager"));
    let tokens = ["--token", "SAST-ADN008580ef"];
    world.run(&update(&[&tokens[..], &["--add-server", &spec]].concat())).done();
    let new = list(&world, "CTLFile.tlv");
    assert_eq!(new.records()[4].function(), Function::TFTP);
    assert_eq!(new.records()[4].dns_name().unwrap(), "10.48.47.160");
    let again = world.run(&update(&[&tokens[..], &["--add-server", &spec]].concat()));
    assert_eq!(again.code, 1, "{}", again.all());
    world.run(&update(&[&tokens[..], &["--remove-server", "10.48.47.160"]].concat())).done();
    let back = list(&world, "CTLFile.tlv");
    assert_eq!(back.records(), TrustList::decode(pki::golden_bytes("token-signed.tlv")).unwrap().records());
    for wrong in ["tftp:10.48.47.160", "nobody:10.48.47.160:x", "tftp:10.48.47:x"] {
        assert_eq!(world.run(&update(&[&tokens[..], &["--add-server", wrong]].concat())).code, 2, "{wrong}");
    }
    let missing = world.run(&update(&[&tokens[..], &["--remove-server", "10.1.1.1"]].concat()));
    assert!(missing.stderr.contains("no server matches \"10.1.1.1\""), "{}", missing.stderr);
}

#[test]
fn a_regenerated_certificate_is_refreshed() {
    let world = world();
    let path = certificate("cucm-1051-a-pub-regenerated");
    world.run(&update(&["--token", "SAST-ADN008580ef", "--refresh", &path])).done();
    let record = list(&world, "CTLFile.tlv").records()[1].clone();
    assert!(record.is_of(&pki::certificate("tests/testdata/pki/cucm-1051-a-pub-regenerated.der")));
    let nothing = world.run(&update(&["--token", "SAST-ADN008580ef", "--refresh", &path]));
    assert_eq!(nothing.code, 1, "it is there already: {}", nothing.all());
}

#[test]
fn a_first_list_is_made_from_certificates_and_addresses() {
    let world = World::with_tokens();
    let cluster = format!(
        "[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\ncertificate = '{}'\n\
         [[server]]\nfunction = 'CAPF'\naddress = '10.48.47.155'\ncertificate = '{}'\n\
         [[server]]\nfunction = 'ccm+tftp'\naddress = '10.48.47.156'\ncertificate = '{}'\n",
        certificate("cucm-1051-a-pub"),
        certificate("capf-e41e7d87"),
        certificate("cucm-1051-a-sub1"),
    );
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    let args = [
        "ctl",
        "create",
        "--cluster",
        "cluster.toml",
        "--token",
        "SAST-ADN008580ef",
        "--spare",
        "SAST-ADN0054f509",
        "--timestamp",
        "2015-03-06T21:53:33Z",
        "--yes",
    ];
    world.run(&args).done();
    assert!(world.read("CTLFile.tlv") == pki::golden_bytes("token-signed.tlv"), "as the CTL Client made it");
    std::fs::write(world.path("cluster.toml"), "[[server]]\nfunction = 'Router'\n").unwrap();
    let wrong = world.run(&args);
    assert_eq!(wrong.code, 4);
    assert!(wrong.stderr.contains("\"Router\" is not a function"), "{}", wrong.stderr);
}

/// The cluster file names all tokens of the cluster; any of them may be inserted.
#[test]
fn a_token_in_the_cluster_file_and_on_the_command_line_counts_once() {
    let world = World::with_tokens();
    let fixture = |name: &str| pki::path(&format!("softhsm-fixtures/{name}.der")).display().to_string();
    let server = certificate("cucm-1051-a-pub");
    let cluster = format!(
        "[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\ncertificate = '{server}'\n\
         [[token]]\ncertificate = '{}'\n[[token]]\ncertificate = '{}'\n",
        fixture("SAST-ADN0054f509"),
        fixture("SAST-ADN008580ef"),
    );
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    for more in [&[][..], &["--spare", "SAST-ADN0054f509"]] {
        let create = ["ctl", "create", "--cluster", "cluster.toml", "--token", "SAST-ADN008580ef", "--yes"];
        world.run(&[&create[..], more].concat()).done();
        let names: Vec<String> = list(&world, "CTLFile.tlv").sasts().map(|r| r.short_name()).collect();
        assert_eq!(names, ["SAST-ADN0054f509", "SAST-ADN008580ef"]);
    }
}

#[test]
fn an_itl_is_made_the_way_cucm_writes_one() {
    let world = World::with_tokens();
    let cluster = format!(
        "kind = 'itl'\n\
         [[server]]\nfunction = 'CCM+TFTP'\nhost = 'pub'\ncertificate = '{}'\n\
         [[server]]\nfunction = 'TVS'\nhost = 'pub'\ncertificate = '{}'\nhash-only = true\n",
        certificate("cucm8-callmanager"),
        certificate("cucm8-tvs"),
    );
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    let args = ["ctl", "create", "--cluster", "cluster.toml", "--token", "SAST token A", "--yes"];
    world.run(&args).done();
    let shown = world.run(&["ctl", "show", "ITLFile.tlv"]).done().stdout;
    assert!(shown.contains("ITL Record #:2") && shown.contains("11\tCERTHASH\t20\t"), "{shown}");
    assert!(shown.ends_with("The ITL file was verified successfully.\n"));
}

/// An ITL has no token mode: its CallManager signs as SAST without a host, as a token does in a CTL.
#[test]
fn an_itl_is_neither_tokenless_nor_token_signed() {
    let world = World::with_tokens();
    world.place("itl.tlv", "ITLFile.tlv");
    let spare = pki::path("softhsm-fixtures/SAST-ADN0054f509.der").display().to_string();
    let change = ["ctl", "update", "ITLFile.tlv", "--token", "SAST token A", "--force", "--dry-run"];
    let planned = world.run(&[&change[..], &["--add-token", &spare]].concat()).done();
    let head = planned.stdout.lines().next().unwrap();
    assert!(head.contains(" bytes, signed by "), "{head}");
}

/// Signing again keeps the records, so a token without a record cannot sign, even with `--force`.
#[test]
fn a_token_that_is_not_in_the_list_cannot_sign_it_again() {
    let world = world();
    world.run(&update(&["--token", "SAST-ADN0054f509", "--remove-token", "SAST-ADN008580ef"])).done();
    for more in [&[][..], &["--force"]] {
        let sign = ["ctl", "sign", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--yes"];
        let refused = world.run(&[&sign[..], more].concat());
        assert_eq!(refused.code, 1, "{more:?}: {}", refused.all());
        assert!(!refused.stderr.contains("--force signs"), "{}", refused.stderr);
        assert!(refused.stderr.contains("sastctl ctl update adds a token"), "{}", refused.stderr);
    }
}

#[test]
fn lists_and_configuration_files_are_signed_with_one_login() {
    let world = world();
    world.place("token-signed-non-secure.tlv", "other.tlv");
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>\n").unwrap();
    let files = ["CTLFile.tlv", "other.tlv", "SEP001122334455.cnf.xml"];
    let args =
        [&["ctl", "sign", "--in-place", "--token", "SAST-ADN0054f509", "--yes", "-v"], &files[..]].concat();
    let outcome = world.run(&args).done();
    assert_eq!(outcome.stderr.matches("C_Login: CKR_OK").count(), 1);
    assert_eq!(outcome.stderr.matches("C_Logout: CKR_OK").count(), 1);
    assert_eq!(outcome.stderr.matches("C_Sign: CKR_OK").count(), 3);
    for name in ["CTLFile.tlv", "other.tlv"] {
        let verified = list(&world, name).verify().unwrap();
        assert_eq!(verified.signer_name(), "SAST-ADN0054f509");
    }
    let old = TrustList::decode(world.read("CTLFile.tlv.bak")).unwrap();
    assert_eq!(old.records(), list(&world, "CTLFile.tlv").records(), "the records stay as they are");
    let sgn = "SEP001122334455.cnf.xml.sgn";
    let TrustFile::Signed(signed) = TrustFile::decode(world.read(sgn)).unwrap() else {
        panic!("a .sgn file")
    };
    assert_eq!(signed.header().file_name(), sgn);
    let signer = pki::path("softhsm-fixtures/SAST-ADN0054f509.der");
    world.run(&["ctl", "verify", sgn, "--signer", signer.to_str().unwrap()]).done();
    // Signing it again replaces the signature, not the name.
    world.run(&["ctl", "sign", "--token", "SAST-ADN008580ef", "--yes", "--in-place", sgn]).done();
    let signer = pki::path("softhsm-fixtures/SAST-ADN008580ef.der");
    world.run(&["ctl", "verify", sgn, "--signer", signer.to_str().unwrap()]).done();
}

/// The list in force is not changed without a request.
#[test]
fn a_result_is_written_next_to_its_source() {
    let world = world();
    let golden = world.read("CTLFile.tlv");
    let token = ["--token", "SAST-ADN0054f509"];
    let made = |args: &[&str], name: &str| {
        world.run(&[args, &token].concat()).done();
        assert!(world.read("CTLFile.tlv") == golden, "{args:?}");
        assert_eq!(world.files(), ["CTLFile.new.tlv", "CTLFile.tlv"], "{args:?}");
        std::fs::rename(world.path("CTLFile.new.tlv"), world.path("kept")).unwrap();
        assert_eq!(list(&world, "kept").verify().unwrap().signer_name(), "SAST-ADN0054f509", "{name}");
        std::fs::remove_file(world.path("kept")).unwrap();
    };
    made(&["ctl", "update", "CTLFile.tlv", "--set-mode", "non-secure"], "update");
    made(&["ctl", "sign", "CTLFile.tlv"], "sign");
    let from_input = ["ctl", "update", "-", "--set-mode", "non-secure", "--token", "SAST-ADN0054f509"];
    world.run_with_input(&from_input, &golden).done();
    assert_eq!(world.files(), ["CTLFile.new.tlv", "CTLFile.tlv"]);
    std::fs::remove_file(world.path("CTLFile.new.tlv")).unwrap();

    for command in [&["ctl", "update", "--set-mode", "non-secure"][..], &["ctl", "sign"]] {
        std::fs::write(world.path("CTLFile.tlv"), &golden).unwrap();
        world.run(&[command, &["CTLFile.tlv", "--in-place"], &token].concat()).done();
        assert!(world.read("CTLFile.tlv") != golden && world.read("CTLFile.tlv.bak") == golden);
        assert_eq!(world.files(), ["CTLFile.tlv", "CTLFile.tlv.bak"]);
        std::fs::remove_file(world.path("CTLFile.tlv.bak")).unwrap();
        let both = ["CTLFile.tlv", "--in-place", "--out=x.tlv"];
        assert_eq!(world.run(&[command, &both, &token].concat()).code, 2);
        assert_eq!(world.run_with_input(&[command, &["-", "--in-place"], &token].concat(), &golden).code, 2);
    }
}

/// A signed configuration file is in force, too. For several lists the target folder is given.
#[test]
fn several_results_are_written_into_the_given_folder() {
    let world = world();
    world.place("token-signed.tlv", "other.tlv");
    let sign = |more: &[&str]| world.run(&[&["ctl", "sign", "--token", "SAST-ADN0054f509"], more].concat());
    for name in ["SEP1.cnf.xml", "SEP2.cnf.xml"] {
        std::fs::write(world.path(name), "<device/>\n").unwrap();
    }
    sign(&["SEP1.cnf.xml", "SEP2.cnf.xml"]).done();
    sign(&["SEP1.cnf.xml.sgn", "SEP2.cnf.xml.sgn"]).done();
    for name in ["SEP1.cnf.xml.new.sgn", "SEP2.cnf.xml.new.sgn"] {
        assert!(world.path(name).exists(), "{:?}", world.files());
    }
    let before = world.files();
    for more in [&["CTLFile.tlv", "other.tlv"][..], &["CTLFile.tlv", "SEP1.cnf.xml", "--json"]] {
        let refused = sign(more);
        assert_eq!(refused.code, 2, "{}", refused.all());
        assert!(
            refused.stderr.contains("--out DIR") && refused.stderr.contains("--in-place"),
            "{}",
            refused.all()
        );
        assert_eq!(world.files(), before);
    }
    sign(&["CTLFile.tlv", "other.tlv", "--in-place"]).done();
    assert!(world.path("CTLFile.tlv.bak").exists() && world.path("other.tlv.bak").exists());
}

#[test]
fn a_damaged_list_is_not_signed_as_if_it_were_a_configuration_file() {
    let world = world();
    let bytes = pki::golden_bytes("token-signed.tlv");
    std::fs::write(world.path("cut.tlv"), &bytes[..2000]).unwrap();
    let refused = world.run(&["ctl", "sign", "--token", "SAST-ADN008580ef", "--yes", "cut.tlv"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("cut.tlv is cut short"), "{}", refused.stderr);
    assert_eq!(world.files(), ["CTLFile.tlv", "cut.tlv"]);
}

#[test]
fn other_digests_and_the_signer_version_are_written_on_request() {
    let world = world();
    let options = ["--digest", "sha512", "--signer-version", "1.1", "--out", "new.tlv"];
    let args =
        [&["ctl", "sign", "CTLFile.tlv", "--token", "SAST-ADN008580ef", "--yes"], &options[..]].concat();
    let outcome = world.run(&args).done();
    assert!(
        outcome.stderr.contains("SHA-512: not every phone accepts it, and no public source says which do"),
        "{}",
        outcome.stderr
    );
    let json = world.run(&["ctl", "show", "new.tlv", "--json"]).done().json();
    assert_eq!((&json["digest"], &json["signer_version"]), (&"SHA-512".into(), &"1.1".into()));
}
