//! A name that is nearly right: the message names the one that was meant. Names of tokens are the same in capital and in small
//! letters, unless two tokens differ in nothing else.

use crate::support::World;

#[test]
fn a_name_that_is_nearly_right_gets_the_right_one() {
    let world = World::with_tokens();
    world.place("token-signed.tlv", "CTLFile.tlv");
    for (args, meant) in [
        (&["tokn", "list"][..], "'token'"),
        (&["token", "lst"], "'list'"),
        (&["ctl", "show", "--sumary", "CTLFile.tlv"], "'--summary'"),
        (&["token", "show", "SAST tokn B"], "did you mean SAST token B?"),
        (&["cert", "show", "--token=SAST-ADN0054f50"], "did you mean SAST-ADN0054f509?"),
        (&["ctl", "ways", "CTLFile.tlv", "lost-tokn"], "did you mean lost-token?"),
        (&["help", "lost-tokns"], "did you mean lost-tokens?"),
        (&["help", "revrt"], "did you mean revert?"),
        (&["token", "list", "--profile=softhms"], "did you mean softhsm?"),
        (&["cluster", "trust", "x.cer", "--node=n", "--by=hnd"], "'hand'"),
    ] {
        let refused = world.run(args);
        assert!(matches!(refused.code, 2 | 3), "{args:?}: {}", refused.all());
        assert!(refused.stderr.contains(meant), "{args:?}: {}", refused.stderr);
    }
    // Nothing is offered in place of something quite different.
    for args in [&["xyzzy"][..], &["help", "xyzzy"], &["token", "show", "xyzzy"], &["ctl", "show", "--xyzzy"]]
    {
        let refused = world.run(args);
        let offers = ["did you mean", "similar"].iter().any(|word| refused.stderr.contains(word));
        assert!(!offers, "{args:?}: {}", refused.stderr);
    }
}

#[test]
fn names_of_tokens_are_the_same_in_capital_and_in_small_letters() {
    let world = World::with_tokens();
    let shown = |name: &str| world.run(&["cert", "show", "--token", name]);
    for name in ["sast TOKEN b", "sast-adn0054F509", &world.serial("B").to_uppercase()] {
        let found = shown(name).done().stdout;
        assert!(found.starts_with("Name         SAST-ADN0054f509\n"), "{name}: {found}");
    }
    // Two labels that differ in nothing else: each is meant when it is spelled so; otherwise neither is.
    world.new_token("sast token B", "tests/testdata/keys/rsa2048");
    assert!(shown("SAST token B").done().stdout.contains("SAST-ADN0054f509"));
    assert!(!shown("sast token B").done().stdout.contains("SAST-ADN0054f509"));
    let neither = shown("Sast Token B");
    assert_eq!(neither.code, 3, "{}", neither.all());
    assert!(neither.stderr.starts_with("error: two tokens match \"Sast Token B\""), "{}", neither.stderr);
}

/// The first line says which file is missing.
#[test]
fn a_missing_file_or_module_is_named_first() {
    let world = World::with_tokens();
    for (args, first) in [
        (
            &["--module=/nope.so", "token", "list"][..],
            "the PKCS#11 module /nope.so was not loaded: there is no such file",
        ),
        (&["cert", "show", "missing.cer"], "there is no file missing.cer"),
        (&["ctl", "show", "missing.tlv"], "there is no file missing.tlv"),
        (&["ctl", "diff", "missing.tlv", "missing.tlv"], "there is no file missing.tlv"),
    ] {
        let refused = world.run(args);
        assert_eq!(refused.stderr.lines().next(), Some(&*format!("error: {first}")), "{}", refused.all());
    }
}
