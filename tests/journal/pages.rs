//! The pages of a journal for the change ticket: their contents, and that text from files cannot change them.

use pulldown_cmark::{Event as Markdown, Options, Parser};
use sastctl::workflow::cluster_run::StepName;
use sastctl::workflow::journal::{Event, FileFingerprint, Journal, Outcome, PhoneLine, TokenSeal};
use sastctl::workflow::{Mark, PlanStep};

use super::{REVERT, world};
use crate::pki;
use crate::support::{World, without_colours};

#[test]
fn a_journal_becomes_a_page() {
    let world = world();
    world.run(&REVERT).done();
    let page = world.run(&["journal", "show"]).done().stdout;
    let golden = pki::golden_bytes("token-signed.tlv");
    let md5 = sastctl::trustlist::digest::md5(&golden);
    for text in [
        "| - | SAST | cucm-1051-a-pub | the tokenless signer leaves |",
        "### Before: CTLFile.tlv",
        "4947 bytes, verified, signed by cucm-1051-a-pub",
        "### After: CTLFile.new.tlv",
        "5728 bytes, verified, signed by SAST-ADN008580ef",
        "| SAST | SAST-ADN008580ef |  | RSA 1024, signs |",
        "- 7945, 7965 and newer: accept, if TVS knows SAST-ADN008580ef",
        "1. before anything else: export the certificates",
        &sastctl::trustlist::digest::phone_lines(&md5)[0],
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    world.run(&["journal", "show", "--html", "page.html"]).done();
    let html = String::from_utf8(world.read("page.html")).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    assert_eq!(html.matches("<svg").count(), 2, "before and after");
    assert_eq!(html.matches("<div class=\"side\">").count(), 2);
    for elsewhere in ["src=", "href=", "url(", "@import", "<script"] {
        assert!(!html.contains(elsewhere), "the page needs something else: {elsewhere}");
    }
    assert!(
        html.contains("27 34 5A 32 76 45 D8 BE<br>62 EA 7F 26 FC 9E 34 C0<br>93 FF AC F8"),
        "the phone's screen"
    );
}

/// The operator agreed to what phones lose, so the page shows it with the reasons of the phones.
#[test]
fn what_the_operator_was_told_is_in_the_journal_and_on_its_pages() {
    let world = world();
    world.place("itl.tlv", "ITLFile.tlv");
    let lost = ["--force", "--remove-server=tvs:CUCM8-Publisher.bbbburns.lab", "--out=new.tlv"];
    let update = ["ctl", "update", "ITLFile.tlv", "--token=SAST-ADN008580ef"];
    let told = world.run(&[&update[..], &lost].concat()).done().stdout;
    let finding =
        "LOCKED OUT: no TVS record is left: the phone cannot ask about a signer that it does not know";
    assert!(told.contains(finding), "{told}");
    let shown = world.run(&["journal", "show", "--json"]).done().json();
    let plan = shown["lines"].as_array().unwrap().iter().find(|l| l["event"] == "plan").unwrap();
    assert_eq!(plan["findings"][0], finding);
    let reason = plan["phones"][0]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("has no SAST") || reason.contains("no SAST or"), "{plan}");
    let page = world.run(&["journal", "show"]).done().stdout;
    let html = world.run(&["journal", "show", "--html", "-"]).done().stdout;
    assert!(page.contains(&format!("\n- {finding}\n")), "{page}");
    assert!(html.contains(&format!("<li>{finding}</li>")), "{html}");
    assert!(page.contains(&format!("  - {reason}\n")), "{page}");
    assert!(html.contains(reason), "{html}");
}

/// Markup that every reader must show as text, at the beginning of a field and inside it.
const MARKUP: [&str; 12] = [
    "`code` ``more``",
    "| cell | cell |",
    "<b onclick=x>&amp;<!--",
    "[link](http://example.com) ![image](x)",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "***bold*** _it_ ~~gone~~",
    "line\n\n# heading\n\n| a |\n| - |",
    "    indented",
    "```\n</code></pre></td></table><script>",
];

/// A journal with this text in every field.
fn everywhere(world: &World, text: &str) -> String {
    let t = || text.to_owned();
    let file = || FileFingerprint { file: t(), bytes: 1, md5: t(), sha1: t(), sha256: t(), data: None };
    let token = TokenSeal { label: t(), serial: t(), name: t(), certificate_sha256: t() };
    let step = PlanStep { mark: Mark::Add, function: t(), name: t(), why: t() };
    let phones = vec![PhoneLine { phones: t(), holds: Some(t()), says: t(), does: None, reasons: vec![t()] }];
    let events = [
        Event::Start { version: t(), command: vec![t()], operator: t(), host: t(), change: Some(t()) },
        Event::Token(token),
        Event::input(&t(), None, file()),
        Event::Input { role: t(), out: Some(t()), phones: phones.clone(), findings: vec![t()], file: file() },
        Event::Plan {
            digest: t(),
            out: t(),
            steps: vec![step],
            warnings: vec![t()],
            phones,
            findings: vec![t()],
            by_hand: vec![t()],
        },
        Event::Step { name: StepName::Other(t()), part: None, says: t(), done: Some(false) },
        Event::Output { signed_by: t(), kept_old_as: Some(t()), file: file() },
        Event::End { outcome: Outcome::Failed, says: t() },
    ];
    let mut journal = Journal::create(&world.path("runs"), "x", "2026-11-21T08:18:43Z").unwrap();
    events.into_iter().for_each(|event| journal.add_at(text, event).unwrap());
    journal.path().display().to_string()
}

/// The elements of a Markdown page, and the text in them.
fn elements(page: &str) -> (Vec<String>, String) {
    let (mut tags, mut text) = (Vec::new(), String::new());
    let all = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    for element in Parser::new_ext(page, all) {
        match element {
            Markdown::Text(part) | Markdown::Code(part) => text += &part,
            other => tags.push(format!("{other:?}")),
        }
    }
    (tags, text)
}

#[test]
fn markup_in_any_field_of_a_journal_stays_text_on_every_page() {
    let world = World::new();
    let page = |path: &str| world.run(&["journal", "show", path]).done().stdout;
    let html = |path: &str| world.run(&["journal", "show", path, "--html", "-"]).done().stdout;
    let tags = |html: &str| {
        html.split('<').skip(1).map(|t| t.split(['>', ' ']).next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let harmless = everywhere(&world, "text");
    let (wanted, _) = elements(&page(&harmless));
    let wanted_html = tags(&html(&harmless));
    for markup in MARKUP {
        let path = everywhere(&world, markup);
        let page = page(&path);
        let (found, text) = elements(&page);
        assert_eq!(found, wanted, "{markup}\n{page}");
        let shown = markup.replace('\n', "\\n");
        let times = text.matches(shown.trim()).count();
        assert!(times >= 27, "{markup}: {times}\n{text}");
        assert_eq!(tags(&html(&path)), wanted_html, "{markup}");
    }
}

/// Names come from files: a page shows them as text.
#[test]
fn text_from_a_file_cannot_change_the_page() {
    let world = world();
    let name = "<b onclick=x>`|.tlv";
    std::fs::rename(world.path("CTLFile.tlv"), world.path(name)).unwrap();
    let mut args = REVERT;
    args[1] = name;
    world.run(&args).done();
    let html = world.run(&["journal", "show", "--html", "-"]).done().stdout;
    assert!(!html.contains("<b onclick") && html.contains("&lt;b onclick=x&gt;"));
    let page = world.run(&["journal", "show"]).done().stdout;
    assert!(!page.lines().filter(|l| !l.starts_with("- Run")).any(|l| l.contains("<b onclick")), "{page}");
}

/// A journal of two lines with this time; returns its path.
fn written(world: &World, time: &str, event: Event) -> String {
    let mut journal = Journal::create(&world.path("runs"), "x", time).unwrap();
    let (version, operator, host) = (time.to_owned(), time.to_owned(), time.to_owned());
    journal
        .add_at(time, Event::Start { version, command: vec![time.to_owned()], operator, host, change: None })
        .unwrap();
    journal.add_at(time, event).unwrap();
    journal.path().display().to_string()
}

/// Escape sequences in a file name or in a foreign journal are shown as text.
#[test]
fn escape_sequences_in_a_journal_do_not_reach_the_terminal() {
    let world = world();
    let name = "a\u{1b}[31mred`\n.tlv";
    std::fs::rename(world.path("CTLFile.tlv"), world.path(name)).unwrap();
    let mut args = REVERT;
    args[1] = name;
    world.run(&args).done();
    for show in [&["journal", "show"][..], &["journal", "verify"]] {
        let shown = world.run(&[&["--color", "always"], show].concat()).done();
        assert!(!without_colours(&shown.all()).contains('\x1b'), "{:?}", shown.all());
    }
    // The chain is correct, but the values are invalid.
    let evil = || "2026\x1b[2J".to_owned();
    let path = written(
        &world,
        &evil(),
        Event::Step { name: StepName::Other(evil()), part: None, says: evil(), done: None },
    );
    let shown = world.run(&["--color", "always", "journal", "show", &path]);
    assert!(
        shown.stdout.contains("\\u{1b}") && !without_colours(&shown.all()).contains('\x1b'),
        "{:?}",
        shown.all()
    );
}

/// For a published list, and for a list that a run kept, no new file was planned.
#[test]
fn a_published_file_is_not_reported_as_not_written() {
    let world = world();
    let file = FileFingerprint::of("new.tlv", &pki::golden_bytes("token-signed.tlv"));
    let input = Event::input("published", None, file);
    let path = written(&world, "2026-11-21T08:18:43Z", input);
    let page = world.run(&["journal", "show", &path]).done().stdout;
    assert!(page.contains("### published: new.tlv") && !page.contains("Nothing was written"), "{page}");
    let html = world.run(&["journal", "show", &path, "--html", "-"]).done().stdout;
    assert!(html.contains("<h3>Published: new.tlv</h3>") && !html.contains("<h3>After</h3>"), "{html}");
}
