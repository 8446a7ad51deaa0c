//! The last window: what it offers is what the commands do.

use super::*;

#[test]
fn the_last_window_offers_what_comes_next() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.reverts();
    operator.signs("SAST token A", PIN);
    let chooses = |operator: &mut Operator, up: usize| {
        operator.sees("> Done");
        for _ in 0..up {
            operator.presses("\x1b[A");
        }
        operator.presses(ENTER);
    };
    chooses(&mut operator, 4);
    operator.sees("out/SAST-ADN008580ef.cer");
    operator.sees("Security > Certificate Management as Phone-SAST-trust");
    world.run(&["cert", "export", "--all", "--out", "again"]).done();
    for name in [FIRST, SECOND] {
        let file = format!("{name}.cer");
        assert!(world.read(&format!("out/{file}")) == world.read(&format!("again/{file}")));
    }
    // They are there now, and are not replaced.
    chooses(&mut operator, 4);
    operator.sees("error: ");
    chooses(&mut operator, 3);
    operator.sees("7940, 7960");
    operator.sees("not every phone accepts out/CTLFile.tlv");
    chooses(&mut operator, 2);
    operator.sees("sastctl cluster publish out/CTLFile.tlv --node PUBLISHER");
    operator.sees(&format!("sastctl revert --node PUBLISHER --token {FIRST} --spare {SECOND}"));
    chooses(&mut operator, 1);
    operator.sees("out/CTLFile.html   the page of");
    world.run(&["journal", "show", "--html", "again.html"]).done();
    assert!(world.read("out/CTLFile.html") == world.read("again.html"));
    operator.is_done();
    // All of it can be read again afterwards.
    let (code, said) = operator.leaves();
    assert_eq!(code, 0, "{said}");
    for text in ["SAST-ADN0054f509.cer", "REFUSE", "cluster publish", "out/CTLFile.html", "on a phone: 54 02"]
    {
        assert!(said.contains(text), "{text}: {said}");
    }
    repeats(&world, &said, "out/CTLFile.tlv");
}

/// Once the file is written, nothing undoes it: leaving says so.
#[test]
fn ctrl_c_in_the_last_window_shows_the_result() {
    let world = world("tokenless.tlv");
    let mut operator = Operator::sits_down(&world, &[]);
    operator.reverts();
    operator.signs("SAST token A", PIN);
    operator.sees("What comes next?");
    operator.presses(CTRL_C);
    let (code, said) = operator.leaves();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("signed by SAST-ADN008580ef, verified"), "{said}");
    assert!(!said.contains("nothing was written"), "{said}");
    repeats(&world, &said, "out/CTLFile.tlv");
}
