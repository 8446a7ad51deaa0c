//! The sheet of a ceremony: what people compare before a request is signed, and what happened after it.

use sastctl::trustlist::digest::{hex, sha256};

use crate::changed_requests::read;
use crate::exchange::{REVERT, apply, request, revert, sign, world};
use crate::support::World;

fn sheet(world: &World, more: &[&str]) -> String {
    let made = world.run(&[&["ceremony", "R.sastreq", "--html", "sheet.html"], more].concat()).done();
    assert!(made.stdout.starts_with("sheet.html   the sheet of the "), "{}", made.all());
    String::from_utf8(world.read("sheet.html")).unwrap()
}

#[test]
fn the_sheet_tells_what_to_compare_and_then_what_happened() {
    let world = world("tokenless.tlv");
    let names = ["--cluster-name", "Kraków <b>", "--change", "CHG0012345"];
    request(&world, &[&REVERT[..], &names].concat()).done();
    let (it, _) = read(&world.read("R.sastreq")).unwrap();
    let before = sheet(&world, &[]);
    let sum = |name: &str| hex(&sha256(&world.read(name)), "");
    for text in [
        "<strong>To sign:</strong> CTLFile.new.tlv for Kraków &lt;b&gt;, with SAST-ADN008580ef",
        &it.digest_groups(),
        &sum("R.sastreq"),
        "070367a63575fce81194a47c671ce3c2",
        "the tokenless signer leaves",
        "is not a trusted signer (SAST)",
        "sastctl sign-request R.sastreq --dry-run",
        "CHG0012345",
    ] {
        assert!(before.contains(text), "{text}: {before}");
    }
    assert!(
        it.digest_words().split(' ').all(|word| before.contains(&format!("<li>{word}</li>"))),
        "{before}"
    );
    let signed_list = "5402a98cb52f35fd9f251d9a6472cedf";
    assert!(!before.contains(signed_list) && !before.contains("What happened"));

    sign(&world).done();
    let after = sheet(&world, &["--answer", "R.sastans"]);
    apply(&world).done();
    let journal = world.read("R.jsonl.sig");
    let journal: serde_json::Value = serde_json::from_slice(&journal).unwrap();
    for text in [
        "<strong>Signed:</strong> CTLFile.new.tlv",
        "What happened",
        signed_list,
        "54 02 A9 8C B5 2F 35 FD",
        &sum("R.sastans"),
        journal["head"].as_str().unwrap(),
        "SAST-ADN008580ef on “SAST token A”",
    ] {
        assert!(after.contains(text), "{text}: {after}");
    }
    for elsewhere in ["http:", "https:", "src=", "url("] {
        assert!(!after.contains(elsewhere), "{elsewhere}");
    }
    let json = ["ceremony", "R.sastreq", "--html", "sheet.html", "--json"];
    assert_eq!(world.run(&json).done().json()["signed"], false);
}

#[test]
fn no_sheet_is_filled_from_a_foreign_answer() {
    let world = world("tokenless.tlv");
    revert(&world).done();
    sign(&world).done();
    revert(&world).done();
    let args = ["ceremony", "R.sastreq", "--html", "sheet.html", "--answer", "R.sastans"];
    let refused = world.run(&args);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.stderr.contains("the answer is to the request"), "{}", refused.all());
    assert!(!world.path("sheet.html").exists());
}
