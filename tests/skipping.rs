//! A test that is skipped proves nothing: it reports that, and if it could have run, that is a failure.

use std::process::Command;

use crate::pki;

#[test]
fn every_test_that_skips_says_so_in_one_way() {
    let mut folders = vec![pki::path("tests"), pki::path("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("support/mod.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for way in ["!(\"SKIPPED", "!(\"skipped", "!(\"Skipped"] {
                    let has = text.contains(way) && !path.ends_with("skipping.rs");
                    assert!(!has, "{}: crate::support::skip says why", path.display());
                }
            }
        }
    }
}

#[test]
fn a_test_that_can_run_and_is_skipped_fails_continuous_integration() {
    let folder = tempfile::tempdir().unwrap();
    let run = |wrote: Option<&str>| {
        let file = folder.path().join("skipped");
        let _ = std::fs::remove_file(&file);
        if let Some(text) = wrote {
            std::fs::write(&file, text).unwrap();
        }
        let output = Command::new(pki::path(".ci/skipped")).arg(&file).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert_eq!(run(None), (true, "no test was skipped\n".to_owned()));
    let (passed, said) =
        run(Some("conformance::kryoptic: kryoptic: not built here: make matrix builds it\n"));
    assert!(passed && said.contains("conformance::kryoptic"), "{said}");
    let lines = "whole_run::a_run_is_rolled_back: sshd is not installed\nconformance::kryoptic: not built\n";
    let (passed, said) = run(Some(lines));
    assert!(!passed, "{said}");
    let failed = said.split("can run here").nth(1).unwrap();
    assert!(
        failed.contains("whole_run::a_run_is_rolled_back: sshd") && !failed.contains("kryoptic"),
        "{said}"
    );
}
