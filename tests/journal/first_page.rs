//! The first page of a journal, for the change board: what it says of each kind of run, and that it can be read everywhere.

use std::collections::BTreeMap;

use sastctl::workflow::cluster_run::{RunKind, Step, StepName};
use sastctl::workflow::journal::{Event, FileFingerprint, Journal, Outcome, PhoneLine, PhonesDo, RunId};

use super::{REVERT, journal, world};
use crate::pki;
use crate::support::World;

/// Before the details.
fn first_page(html: &str) -> &str {
    html.split("<details").next().unwrap()
}

fn html(world: &World, args: &[&str]) -> String {
    world.run(&[&["journal", "show", "--html", "-"], args].concat()).done().stdout
}

#[test]
fn the_first_page_says_what_happened_and_what_to_do() {
    let mut world = world();
    world.set("TZ", "Europe/Berlin");
    world.set("SASTCTL_CHANGE", "CHG0012345");
    world.run(&REVERT).done();
    let (_, bytes) = journal(&world);
    assert!(String::from_utf8(bytes).unwrap().contains("\"change\":\"CHG0012345\""));
    let page = html(&world, &[]);
    let page = first_page(&page);
    for text in [
        "<strong>Done:</strong> CTLFile.new.tlv is signed and verified</h1>",
        "<dt>Cluster</dt><dd>cucm-1051-a-pub 10.48.47.155, cucm-1051-a-sub1 10.48.47.156</dd>",
        "<dt>Change</dt><dd>CHG0012345</dd>",
        "Phones that refuse: 1 of 3 classes",
        "<tr class=\"refuses\"><th scope=\"row\">7940, 7960, Jabber, …</th>",
        "<li>put the file on every TFTP node, in the place of the one in force</li>",
        "<h2>The way back</h2>",
        "27 34 5A 32 76 45 D8 BE<br>62 EA 7F 26 FC 9E 34 C0<br>93 FF AC F8",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    let local = page.split("<dt>Local time</dt><dd>").nth(1).unwrap();
    assert!(local.contains(" CET to ") || local.contains(" CEST to "), "{local}");
    assert!(page.contains("<dt>UTC</dt><dd>20"), "{page}");
    let markdown = world.run(&["journal", "show"]).done().stdout;
    assert!(markdown.starts_with("# Done: CTLFile.new.tlv is signed and verified\n"), "{markdown}");
    assert!(markdown.contains("\n- Change: CHG0012345\n"), "{markdown}");
}

/// A journal that names its change keeps it; one that names none can be given one.
#[test]
fn the_change_of_a_journal_is_the_one_that_it_was_written_for() {
    let world = world();
    world.run(&[&REVERT[..], &["--journal=none", "--change="]].concat()).done();
    world.run(&[&REVERT[..], &["--journal=one", "--change", "CHG1"]].concat()).done();
    let change = |folder: &str, more: &[&str]| {
        let shown = world.run(&[&["journal", "show", "--json", "--journal", folder], more].concat());
        shown.done().json()["change"].clone()
    };
    assert_eq!(change("none", &[]), serde_json::Value::Null);
    assert_eq!(change("none", &["--change", "CHG2"]), "CHG2");
    assert_eq!(change("one", &["--change", "CHG2"]), "CHG1");
}

/// A journal of these events, as the first page has it.
fn page_of(world: &World, events: Vec<Event>) -> String {
    let mut journal = Journal::create(&world.path("runs"), "revert-node", "2026-11-21T08:18:43Z").unwrap();
    let text = || "x".to_owned();
    let start =
        Event::Start { version: text(), command: vec![], operator: text(), host: text(), change: None };
    let id = RunId { node: "10.1.2.3".to_owned(), folder: "run".to_owned(), kind: RunKind::Revert };
    for event in [start, Event::Run(id)].into_iter().chain(events) {
        journal.add_at("2026-11-21T08:18:43Z", event).unwrap();
    }
    first_page(&html(world, &[journal.path().to_str().unwrap()])).to_owned()
}

fn failed(step: Step) -> Event {
    let says = "the node does not answer".to_owned();
    Event::Step { name: StepName::Known(step), part: None, says, done: Some(false) }
}

#[test]
fn each_end_of_a_run_has_its_headline_and_its_way_back() {
    let world = World::new();
    let done = || Event::End { outcome: Outcome::Done, says: "everything was written".to_owned() };
    let file = || FileFingerprint::of("old.tlv", &pki::golden_bytes("tokenless.tlv"));
    let kept = || Event::input("in force", None, file());
    let cases = [
        (vec![failed(Step::Preflight)], "Refused:</strong> preflight: the node does not answer", "--resume"),
        (vec![kept(), failed(Step::Publish)], "Stopped:</strong> publish: the node", "--rollback"),
        (vec![kept(), failed(Step::Publish)], "some nodes may serve the old CTL or none", "--resume"),
        (vec![kept(), done()], "Done:</strong> every node shows and serves the new CTL", "--rollback"),
        (
            vec![kept(), Event::Rollback, done()],
            "Rolled back:</strong> every node serves the CTL that was in force before",
            "This run was the way back",
        ),
        (vec![], "Stopped:</strong> the run was not completed", "--resume"),
    ];
    for (events, headline, way_back) in cases {
        let page = page_of(&world, events);
        assert!(page.contains(headline) && page.contains(way_back), "{headline}\n{page}");
        assert!(page.contains("<dt>Cluster</dt><dd>10.1.2.3"), "{page}");
    }
}

/// What cannot be known is never counted as consent, also in a journal that has only the words.
#[test]
fn a_class_whose_decision_cannot_be_known_is_named() {
    let world = World::new();
    for does in [Some(PhonesDo::NotKnown), None] {
        let line = |says: &str, does| PhoneLine {
            phones: "7945, 7965 and newer".to_owned(),
            holds: None,
            does,
            says: says.to_owned(),
            reasons: vec![],
        };
        let phones = vec![
            line("accept", does.map(|_| PhonesDo::Accept)),
            line("cannot be known: the ITL of the phones was not given", does),
        ];
        let plan = Event::Plan {
            digest: String::new(),
            out: String::new(),
            steps: vec![],
            warnings: vec![],
            phones,
            findings: vec![],
            by_hand: vec![],
        };
        let page = page_of(&world, vec![plan]);
        assert!(page.contains("No class of phones is known to refuse the list."), "{page}");
        assert!(page.contains("What 1 of 2 classes do cannot be known."), "{page}");
        assert!(!page.contains("No class of phones refuses"), "{page}");
    }
}

/// Whatever is in a journal, the page stays short enough for a browser.
#[test]
fn a_huge_journal_becomes_a_page_of_bounded_size() {
    let world = World::new();
    let long = || "<b>\u{202e}&".repeat(600);
    let many = || vec!["<i>".repeat(700); 300];
    let phones = PhoneLine {
        phones: long(),
        holds: None,
        does: None,
        says: format!("refuse: {}", long()),
        reasons: many(),
    };
    let plan = |out: String| Event::Plan {
        digest: long(),
        out,
        steps: vec![],
        warnings: many(),
        phones: vec![phones.clone()],
        findings: many(),
        by_hand: many(),
    };
    let step = || Event::Step { name: StepName::Other(long()), part: None, says: long(), done: None };
    let mut events: Vec<_> = (0..3).map(|n| plan(n.to_string())).collect();
    events.extend((0..300).map(|_| step()));
    let page = page_of(&world, events);
    assert!(!page.contains("<b>") && page.contains("&lt;b&gt;\\u{202e}&amp;"));
    let whole = world.run(&["journal", "show", "--html", "page.html", &newest(&world)]).done();
    let (html, markdown) =
        (world.read("page.html"), world.run(&["journal", "show", &newest(&world)]).done().stdout);
    let most = 16 << 20;
    assert!(html.len() < most && markdown.len() < most, "{} {}: {}", html.len(), markdown.len(), whole.all());
}

/// The only journal of `runs`.
fn newest(world: &World) -> String {
    let path = std::fs::read_dir(world.path("runs")).unwrap().next().unwrap().unwrap().path();
    path.display().to_string()
}

const CSS: &str = include_str!("../../src/workflow/journal/page.css");

/// The colours that a rule gives: name and value.
fn colours(css: &str) -> BTreeMap<&str, [f64; 3]> {
    let rule = css.split('{').find(|part| part.contains("--text:")).unwrap();
    let pairs = rule.split(';').filter_map(|it| it.trim().strip_prefix("--")?.split_once(": #"));
    let digits = |hex: &str| match hex.len() {
        3 => hex.chars().flat_map(|c| [c, c]).collect::<String>(),
        _ => hex.to_owned(),
    };
    let channel = |hex: &str, at: usize| f64::from(u8::from_str_radix(&digits(hex)[at..at + 2], 16).unwrap());
    pairs.map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(hex, at)))).collect()
}

/// As WCAG 2 has it.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear =
        |c: f64| if c <= 10.31475 { c / 255.0 / 12.92 } else { ((c / 255.0 + 0.055) / 1.055).powf(2.4) };
    let light = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (a, b) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn what_is_on_a_page_can_be_read_in_light_and_dark() {
    let light = colours(CSS);
    let mut dark = light.clone();
    dark.extend(colours(CSS.split("prefers-color-scheme: dark").nth(1).unwrap()));
    assert_ne!(light, dark);
    let grounds = ["page", "card", "bad-card", "good-card", "warn-card", "server-card"];
    let on_own = ["bad", "good", "warn", "server"].map(|name| (name, format!("{name}-card")));
    for scheme in [light, dark] {
        let check = |text: &str, ground: &str| {
            let found = contrast(scheme[text], scheme[ground]);
            assert!(found >= 4.5, "{text} on {ground}: {found:.1}");
        };
        grounds.iter().for_each(|ground| check("text", ground));
        on_own.iter().for_each(|(text, ground)| check(text, ground));
        ["muted", "bad", "good", "warn"].iter().for_each(|text| check(text, "card"));
        check("phone", "phone-card");
    }
}

#[test]
fn a_page_has_an_order_of_headings_and_no_width_of_its_own() {
    let world = world();
    world.run(&REVERT).done();
    let html = html(&world, &[]);
    assert!(
        html.contains("<html lang=\"en\">")
            && html.contains("content=\"width=device-width, initial-scale=1\"")
    );
    for once in ["<main>", "<header ", "<h1>", "<title>"] {
        assert_eq!(html.matches(once).count(), 1, "{once}");
    }
    let levels: Vec<u32> = html
        .match_indices("<h")
        .filter_map(|(at, _)| html[at + 2..].chars().next().unwrap().to_digit(10))
        .collect();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    assert_eq!(
        html.matches("<th scope=").count(),
        html.matches("<th").count() - html.matches("<thead").count()
    );
    assert!(!html.contains(" style=") && !html.contains("<script"));
    let widths = CSS
        .split([';', '{'])
        .filter(|rule| rule.trim_start().starts_with("width:") || rule.contains("min-width:"));
    assert!(
        widths.clone().count() > 0 && widths.into_iter().all(|rule| !rule.contains("px")),
        "a fixed width"
    );
    assert!(
        CSS.contains("@page") && CSS.contains("@media print") && CSS.contains("@media screen and (max-width")
    );
}

/// An arrow leaves the signer, runs between the columns and ends at the side of a box: nowhere is it behind one.
#[test]
fn no_arrow_of_a_drawing_runs_behind_a_box() {
    let world = world();
    world.run(&REVERT).done();
    let html = html(&world, &[]);
    let number = |text: &str, name: &str| -> f64 {
        text.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    for svg in html.split("<svg").skip(1) {
        let svg = svg.split("</svg>").next().unwrap();
        let boxes: Vec<[f64; 4]> = svg
            .split("<rect")
            .skip(1)
            .map(|rect| ["x", "y", "width", "height"].map(|name| number(rect, name)))
            .collect();
        let arrows: Vec<&str> = svg.split(" d=\"").skip(1).map(|d| d.split('"').next().unwrap()).collect();
        assert_eq!(arrows.len() + 1, boxes.len());
        for arrow in arrows {
            let mut words = arrow.split(' ');
            let mut next =
                || words.next().unwrap().trim_start_matches(['M', 'V', 'H']).parse::<f64>().unwrap();
            let [x, top, down, end] = [next(), next(), next(), next()];
            for [left, above, width, height] in &boxes {
                let crosses = |at: f64, from: f64, length: f64| at > from && at < from + length;
                assert!(!(crosses(x, *left, *width) && top < *above && *above < down), "{arrow}");
                let (from, to) = (x.min(end), x.max(end));
                let beside = to <= *left || from >= left + width;
                assert!(beside || !crosses(down, *above, *height), "{arrow}");
            }
        }
    }
}
