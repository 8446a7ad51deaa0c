//! A first list follows its cluster file, or is refused before the PIN is asked for.

use crate::pki;
use crate::support::{Outcome, World};

fn certificate(name: &str) -> String {
    pki::path(&format!("tests/testdata/pki/{name}.der")).display().to_string()
}

/// A `[[server]]` with the publisher's certificate.
fn server(rest: &str) -> String {
    format!("[[server]]\ncertificate = '{}'\n{rest}\n", certificate("cucm-1051-a-pub"))
}

fn publisher() -> String {
    server("function = 'CCM+TFTP'\naddress = '10.48.47.155'")
}

fn create(world: &World, cluster: &str, more: &[&str]) -> Outcome {
    std::fs::write(world.path("cluster.toml"), cluster).unwrap();
    let create = ["ctl", "create", "--cluster", "cluster.toml", "--token", "SAST token A", "--yes", "-v"];
    world.run(&[&create[..], more].concat())
}

/// The reason for the refusal. No PIN was tried, and nothing was written.
#[track_caller]
fn refused(world: &World, cluster: &str) -> String {
    let outcome = create(world, cluster, &["--spare", "SAST token B", "--out", "new.tlv"]);
    assert!(outcome.code == 1 || outcome.code == 4, "{}", outcome.all());
    assert!(!outcome.stderr.contains("C_Login"), "{}", outcome.stderr);
    assert!(!world.path("new.tlv").exists());
    let told = outcome.stderr.lines().filter(|line| line.starts_with("error") || line.starts_with("help"));
    told.collect::<Vec<_>>().join("\n")
}

/// FILENAME makes a file a CTL or an ITL, for phones as for this program: it must fit `kind`.
#[test]
fn the_file_name_must_match_the_kind() {
    let world = World::with_tokens();
    let named = |kind: &str, name: &str| format!("kind = '{kind}'\nfile-name = '{name}'\n{}", publisher());
    insta::assert_snapshot!(refused(&world, &named("itl", "phones.tlv")), @r#"
    error: cluster.toml: file-name "phones.tlv" is the name of a CTL, but kind is "itl"
    help: an ITL is ITLFile.tlv or ITLSEP<MAC>.tlv, a CTL has any other name; docs/cluster-file.md describes every key
    "#);
    insta::assert_snapshot!(refused(&world, &named("ctl", "ITLFile.tlv")), @r#"
    error: cluster.toml: file-name "ITLFile.tlv" is the name of an ITL, but kind is "ctl"
    help: an ITL is ITLFile.tlv or ITLSEP<MAC>.tlv, a CTL has any other name; docs/cluster-file.md describes every key
    "#);
    insta::assert_snapshot!(refused(&world, &named("ctl", "CTLFile.sgn")), @r#"
    error: cluster.toml: file-name "CTLFile.sgn" does not end in .tlv, so it would not be read as a trust list
    help: remove file-name: a CTL is CTLFile.tlv, an ITL is ITLFile.tlv
    "#);
    for wrong in ["../CTLFile.tlv", "a/b.tlv", ".tlv", ""] {
        let told = refused(&world, &named("ctl", wrong));
        assert!(told.contains(&format!("file-name {wrong:?} is not a plain file name")), "{told}");
    }
    for (kind, name) in [("ctl", "CTLSEP001122334455.tlv"), ("itl", "ITLSEP001122334455.tlv")] {
        create(&world, &named(kind, name), &["--spare", "SAST token B"]).done();
        world.run(&["ctl", "verify", name]).done();
    }
}

/// In a CTL every server record needs an address or a host name; a SAST record without both would be a token.
#[test]
fn a_server_of_a_ctl_has_an_address_or_a_host_name() {
    let world = World::with_tokens();
    insta::assert_snapshot!(refused(&world, &format!("{}{}", publisher(), server("function = 'CAPF'"))), @r"
    error: cluster.toml: the second [[server]], CAPF, has neither address nor host
    help: a CTL needs one of them; docs/cluster-file.md describes every key
    ");
    for nowhere in ["host = ''", "address = '0.0.0.0'"] {
        let told = refused(&world, &server(&format!("function = 'SAST'\n{nowhere}")));
        assert!(told.contains("the first [[server]], SAST, has neither address nor host"), "{told}");
    }
    let emptied = "mode = 'non-secure'\n[[server]]\nfunction = 'CCM+TFTP'\n";
    assert!(refused(&world, emptied).contains("has neither address nor host"));
    create(&world, &format!("kind = 'itl'\n{}", server("function = 'CAPF'")), &[]).done();
}

#[test]
fn a_server_must_not_be_given_twice() {
    let world = World::with_tokens();
    let twice = format!("{0}{0}", publisher());
    insta::assert_snapshot!(refused(&world, &twice), @r"
    error: the cluster file names the CCM+TFTP of 10.48.47.155 twice
    help: remove one of these [[server]] entries
    ");
    let hosts = format!("kind = 'itl'\n{0}{0}", server("function = 'TVS'\nhost = 'pub'"));
    assert!(refused(&world, &hosts).contains("names the TVS of pub twice"));
    // Without certificates, the two entries are the same server, too.
    let emptied =
        "mode = 'non-secure'\n[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\n".to_owned();
    assert!(refused(&world, &format!("{emptied}{}", publisher())).contains("CCM+TFTP of 10.48.47.155 twice"));
    // A server with a certificate for each type of key, or with two functions, is not a duplicate.
    let other = publisher().replace("cucm-1051-a-pub", "cucm-1051-a-sub1");
    let capf = publisher().replace("CCM+TFTP", "CAPF");
    let more = ["--spare", "SAST token B", "--out", "two.tlv"];
    create(&world, &format!("{}{other}{capf}", publisher()), &more).done();
}

#[test]
fn a_token_must_not_be_given_as_a_server() {
    let world = World::with_tokens();
    for (name, what) in [("SAST-ADN008580ef", "signer"), ("SAST-ADN0054f509", "spare")] {
        let token = pki::path(&format!("softhsm-fixtures/{name}.der")).display().to_string();
        let sast = format!("[[server]]\nfunction = 'SAST'\nhost = 'pub'\ncertificate = '{token}'\n");
        let told = refused(&world, &format!("{}{sast}", publisher()));
        assert!(
            told.contains(&format!("the token {name} is a [[server]] of the cluster file, too")),
            "{what}: {told}"
        );
        assert!(told.contains("remove that [[server]]"), "{told}");
    }
    // A SAST record of a server is allowed: it is needed for the change to tokenless.
    let keeps = format!("{}{}", publisher(), server("function = 'SAST'\nhost = 'pub'"));
    create(&world, &keeps, &["--spare", "SAST token B", "--out", "keeps.tlv"]).done();
}

/// `--set-mode` beside `mode`: the option wins, and decides which certificates are needed.
#[test]
fn the_mode_on_the_command_line_overrides_the_file() {
    let world = World::with_tokens();
    let non_secure = format!("mode = 'non-secure'\n{}", publisher());
    let to = |mode| ["--spare", "SAST token B", "--timestamp", "2026-01-01T00:00:00Z", "--set-mode", mode];
    let made = |cluster: &str, more: &[&str]| {
        create(&world, cluster, more).done();
        world.read("CTLFile.tlv")
    };
    let mixed = made(&non_secure, &to("mixed"));
    assert!(mixed == made(&publisher(), &to("mixed")[..4]), "as if the file said so");
    let emptied = made(&publisher(), &to("non-secure"));
    assert!(emptied == made(&non_secure, &to("non-secure")[..4]), "as if the file said so");
    // In non-secure mode a CCM+TFTP server needs no certificate, whether the file or the option sets the mode; in mixed mode it
    // needs one.
    let bare = "[[server]]\nfunction = 'CCM+TFTP'\naddress = '10.48.47.155'\n";
    assert!(emptied == made(bare, &to("non-secure")));
    let needs = create(&world, &format!("mode = 'non-secure'\n{bare}"), &to("mixed"));
    assert!(
        needs.stderr.contains("the CCM+TFTP record of 10.48.47.155 needs a certificate"),
        "{}",
        needs.stderr
    );
}
