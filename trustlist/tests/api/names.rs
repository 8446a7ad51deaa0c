//! The spellings of certificate names in files.

use trustlist::{Name, Style, common_name};

fn name(attributes: &[(&str, &str)]) -> Name {
    Name::new(attributes.iter().map(|(oid, value)| ((*oid).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn a_token_name_is_padded_quoted_and_cut_at_its_nul() {
    let token = name(&[
        ("2.5.4.10", "Cisco Systems\0"),
        ("2.5.4.11", "IPCBU"),
        ("2.5.4.3", "SAST-ADN008580ef        "),
    ]);
    assert_eq!(token.spelled(Style::CtlClient), "cn=\"SAST-ADN008580ef        \";ou=IPCBU;o=\"Cisco Systems");
    assert_eq!(token.short(), "SAST-ADN008580ef");
}

#[test]
fn a_name_of_nothing_but_padding_is_called_by_all_of_it() {
    let padded = name(&[("2.5.4.3", "  \0"), ("2.5.4.11", "IPCBU")]);
    assert_eq!(padded.short(), padded.spelled(Style::Cucm));
}

#[test]
fn cucm_orders_the_attributes_and_leaves_domain_components_out() {
    let issuer = name(&[
        ("0.9.2342.19200300.100.1.25", "lab"),
        ("0.9.2342.19200300.100.1.25", "bbburns"),
        ("2.5.4.3", "JASBURNS-AD"),
    ]);
    assert_eq!(issuer.spelled(Style::Cucm), "CN=JASBURNS-AD");
    let server = name(&[("2.5.4.6", "PL"), ("2.5.4.3", "pub"), ("2.5.4.11", "a"), ("2.5.4.11", "b")]);
    assert_eq!(server.spelled(Style::Cucm), "CN=pub;OU=a;OU=b;C=PL");
}

#[test]
fn quotes_follow_rfc_1779() {
    let quoted = |value| name(&[("2.5.4.3", value)]).spelled(Style::CtlClient);
    assert_eq!(quoted("plain value"), "cn=plain value");
    assert_eq!(quoted(" lead"), "cn=\" lead\"");
    assert_eq!(quoted("a;b"), "cn=\"a;b\"");
    assert_eq!(quoted("say \"x\""), "cn=\"say \\\"x\\\"\"");
}

#[test]
fn a_name_is_meant_whoever_spells_it_and_no_other_is() {
    let own = name(&[
        ("2.5.4.6", "NZ"),
        ("2.5.4.10", "Example, Inc."),
        ("0.9.2342.19200300.100.1.25", "com"),
        ("0.9.2342.19200300.100.1.25", "example"),
        ("2.5.4.3", "voice \"lab\" pub "),
        ("1.2.840.113549.1.9.1", "v@example.com"),
        ("2.5.4.5", "7"),
    ]);
    for meant in [
        r#"CN=voice "lab" pub ;O=Example, Inc.;C=NZ"#,
        r#"cn="voice \"lab\" pub ";o="Example, Inc.";c=NZ"#,
        r#"CN="voice \"lab\" pub ", O="Example, Inc.", C=NZ"#,
        r#"C=NZ,O=Example\, Inc.,CN=voice \"lab\" pub\ "#,
        r#"C=NZ,O=Example\, Inc.,DC=com,DC=example,CN=voice \"lab\" pub\ ,emailAddress=v@example.com,serialNumber=7"#,
        r#"2.5.4.5=7,1.2.840.113549.1.9.1=v@example.com,CN=voice \"lab\" pub\20,DC=example,DC=com,O=Example\2c Inc.,C=NZ"#,
    ] {
        assert!(own.matches(meant.as_bytes()), "{meant}");
        assert!(own.matches(format!("{meant}\0").as_bytes()), "{meant}");
        assert_eq!(common_name(meant).as_deref(), Some("voice \"lab\" pub"), "{meant}");
    }
    for other in [
        "",
        "x",
        r#"CN=voice "lab" pub;O=Example, Inc.;C=NZ"#,
        r#"CN=voice "lab" pub ;O=Example, Inc."#,
        r#"x,CN=voice \"lab\" pub\ ,O=Example\, Inc.,C=NZ"#,
        r#"CN=voice \"lab\" pub\ ,O=Example\, Inc.,C=NZ,C=NZ"#,
        r#"C=NZ,O=Example\, Inc.,DC=com,CN=voice \"lab\" pub\ "#,
        r#"C=NZ,O=Example\, Inc.,CN=voice \"lab\" pub\ ,OU=x"#,
    ] {
        assert!(!own.matches(other.as_bytes()), "{other}");
    }
    assert!(!name(&[]).matches(b"x") && name(&[]).matches(b""));
}
