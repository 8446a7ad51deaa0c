//! The site that `make guide` builds: every link in it leads to a file of the site, and to an anchor that is there.

use std::collections::BTreeMap;
use std::process::Command;

use crate::pki::path;
use crate::support::{World, skip};

/// The values of an attribute.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let parts = page.split(&format!(" {attribute}=\"")).skip(1).collect::<Vec<_>>();
    parts.into_iter().filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn every_link_of_the_site_leads_somewhere() {
    if Command::new("mdbook").arg("--version").output().is_err() {
        return skip("mdbook is not installed");
    }
    let world = World::new();
    let site = world.path("site");
    let build = Command::new("mdbook").arg("build").arg(path("docs/guide")).arg("-d").arg(&site).output();
    let build = build.unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    std::fs::create_dir(site.join("schema")).unwrap();
    for schema in std::fs::read_dir(path("docs/schema")).unwrap() {
        let schema = schema.unwrap().path();
        std::fs::copy(&schema, site.join("schema").join(schema.file_name().unwrap())).unwrap();
    }
    let files = std::fs::read_dir(&site).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|file| file.extension().is_some_and(|ending| ending == "html"));
    let pages: BTreeMap<String, String> = pages
        .map(|file| {
            (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&file).unwrap())
        })
        .collect();
    assert!(pages.len() > 20, "{}", pages.len());
    let mut dead = vec![];
    // The page for what is not found has links from the root of a server.
    for (name, page) in pages.iter().filter(|(name, _)| *name != "404.html") {
        for link in [values(page, "href"), values(page, "src")].concat() {
            if link.starts_with("http") || link.starts_with("data:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { name } else { file };
            let has_anchor = |page: &String| anchor.is_empty() || values(page, "id").contains(&anchor);
            let leads = pages.get(file).map_or_else(|| site.join(file).exists(), has_anchor);
            if !leads {
                dead.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}
