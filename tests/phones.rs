//! Phones are asked for their lists: who took the new one, who refused it, who has another, and who cannot be asked.

use std::fmt::Write as _;

use crate::support::phones::{
    Behaviour, HTTP, HTTPS, MESSAGES, SERVICEABILITY, messages, network, page, phone,
};
use crate::support::{Outcome, World, rounds};

/// The checksums of the golden list, as `md5sum` and `sha1sum` print them.
fn sums(world: &World) -> (String, String) {
    let sum = |program| world.tool(program, &["CTLFile.tlv"]).split_whitespace().next().unwrap().to_owned();
    (sum("md5sum"), sum("sha1sum"))
}

/// As the screens of phones show them: pairs, over two lines.
fn pairs(sum: &str) -> String {
    let pairs: Vec<String> = sum
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8(pair.to_vec()).unwrap().to_uppercase())
        .collect();
    let (first, second) = pairs.split_at(pairs.len() / 2);
    format!("{}\n{}", first.join(" "), second.join(" "))
}

fn world() -> World {
    let world = World::new();
    world.place("token-signed.tlv", "CTLFile.tlv");
    world
}

/// Checks phones of these models and addresses; they are called SEP00, SEP01, …
fn check(world: &World, phones: &[(&str, String)], more: &[&str]) -> Outcome {
    let mut list = "name,address,model\n".to_owned();
    for (number, (model, address)) in phones.iter().enumerate() {
        writeln!(list, "SEP{number:02},{address},{model}").unwrap();
    }
    std::fs::write(world.path("phones.csv"), list).unwrap();
    let (http, https) = (HTTP.to_string(), HTTPS.to_string());
    let mut command = vec!["phones", "check", "--expect", "CTLFile.tlv", "--phones", "phones.csv"];
    command.extend(["--phone-http-port", &http, "--phone-https-port", &https]);
    command.extend(more);
    world.run(&command)
}

fn states(outcome: &Outcome) -> Vec<String> {
    let phones = outcome.json()["phones"].as_array().unwrap().clone();
    phones.iter().map(|phone| phone["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn phones_of_each_family_show_that_they_have_the_list() {
    let world = world();
    let (md5, sha1) = sums(&world);
    let (md5, sha1) = (pairs(&md5), pairs(&sha1));
    let old =
        |label: &str, sum: &str| page("Network Configuration", &[("Security Mode", "None"), (label, sum)]);
    let pages = |path, page: String| phone(Behaviour::Pages(vec![(path, page)]));
    let phones = [
        ("Cisco 8845", pages(SERVICEABILITY, network(&md5))),
        ("Cisco 7962", pages(SERVICEABILITY, network(&sha1.to_lowercase().replace([' ', '\n'], "")))),
        ("Cisco 7821", pages(SERVICEABILITY, network(&md5.replace(' ', ":")))),
        ("Cisco 7940", pages("/NetworkConfiguration", old("CTL file", &sha1))),
        ("Cisco 6901", pages("/Network_Setup.html", old("CTL signature", &md5))),
        ("Cisco ATA 187", pages("/Network_Setup.htm", old("CTL File", &md5))),
        ("Cisco 3905", pages("/Network.html", old("CTL File", &md5))),
        ("Cisco 7937", pages("/localmenus.cgi?func=604", old("CTL File", &md5))),
        ("Cisco 7925", phone(Behaviour::OnlyHttps(vec![("/NetworkInformation", old("CTL File", &sha1))]))),
        ("Cisco DX80", pages("/?adapter=device.statistics.configuration", old("CTL File", &md5))),
        // A list from elsewhere may have no models; every page is tried.
        ("", pages("/NetworkConfiguration", old("CTL File", &md5))),
        ("Cisco 8865", phone(Behaviour::RedirectsToHttps(vec![(SERVICEABILITY, network(&md5))]))),
    ];
    let outcome = check(&world, &phones, &["--json"]);
    assert_eq!(states(&outcome), ["expected"; 12], "{}", outcome.all());
    assert_eq!(outcome.code, 0, "{}", outcome.all());
    let json = outcome.json();
    assert_eq!(json["all"]["expected"], 12);
    let class = |model: &str| {
        let models = json["models"].as_array().unwrap();
        models.iter().find(|of| of["model"] == model).unwrap()["class"].clone()
    };
    assert_eq!(
        (class("Cisco 8845"), class("Cisco 7821")),
        ("security-by-default".into(), "security-by-default".into())
    );
    assert_eq!(class("Cisco 7940"), "without-tvs");
    assert!(class("Cisco 7962").is_null() && class("Cisco 6901").is_null(), "no source names their class");
}

/// Labels are in the language of the phone, but CTL stays.
#[test]
fn a_phone_that_speaks_another_language_is_understood() {
    let world = world();
    let (md5, _) = sums(&world);
    let german =
        page("Netzwerkkonfiguration", &[("CTL-Datei", &pairs(&md5)), ("Sicherheitsmodus", "Verschlüsselt")]);
    let japanese = page("ネットワークの設定", &[("CTL ファイル", &pairs(&md5)), ("ITL ファイル", "なし")]);
    let other = page("Configuration réseau", &[("Fichier CTL", &"AB ".repeat(16)), ("Fichier ITL", "Aucun")]);
    let phones = [german, japanese, other]
        .map(|page| ("Cisco 8845", phone(Behaviour::Pages(vec![(SERVICEABILITY, page)]))));
    let outcome = check(&world, &phones, &["--json"]);
    assert_eq!(states(&outcome), ["expected", "expected", "other"], "{}", outcome.all());
}

#[test]
fn a_refusal_is_told_from_a_list_that_was_not_loaded_yet() {
    let world = world();
    let another = "EB C6 49 59 82 80 A4 47 7E B3 E4 53 34 5C 8C 9D";
    let with = |lines: &[&str]| {
        phone(Behaviour::Pages(vec![(SERVICEABILITY, network(another)), (MESSAGES, messages(lines))]))
    };
    let phones = [
        // The newest message is the last line here …
        ("Cisco 8851", with(&[
            "11:39:03am 10/09/18 ITL installed",
            "11:39:05am 10/09/18 SEP001122334455.cnf.xml.sgn(HTTP)",
            "01:20:41pm 10/09/18 Trust List update failed",
        ])),
        // … and the first one here.
        ("Cisco 7962", with(&["03:15:10p Trust List updated", "11:02:01a Trust List update failed", "10:00:00a DHCP"])),
        ("Cisco 8841", with(&["10:00:00a No DNS server"])),
        // The order cannot be seen, so the messages decide nothing.
        ("Cisco 7841", with(&["Trust List updated", "Trust List Update Failed"])),
        ("Cisco 6921", phone(Behaviour::Pages(vec![(
            "/status.html",
            "<html><script>var s0 = \"10:11:12a&CTL update failed\"; var s1 = \"10:11:13a&DHCP\";</script></html>".to_owned(),
        )]))),
        ("Cisco 6921", phone(Behaviour::Pages(vec![(
            "/status.html",
            "<html><script>var s0 = \"10:11:12a&No Trust List installed\";</script></html>".to_owned(),
        )]))),
        ("Cisco 8811", phone(Behaviour::Pages(vec![(SERVICEABILITY, network("None"))]))),
    ];
    let outcome = check(&world, &phones, &["--json"]);
    let expected = ["refused", "other", "other", "other", "refused", "no-list", "not-shown"];
    assert_eq!(states(&outcome), expected, "{}", outcome.all());
    assert_eq!(outcome.code, 1);
    let json = outcome.json();
    assert_eq!(json["phones"][0]["message"], "01:20:41pm 10/09/18 Trust List update failed");
    assert_eq!(json["phones"][0]["checksum"], another.to_lowercase().replace(' ', ""));
    assert_eq!(json["phones"][1]["message"], "03:15:10p Trust List updated");
    assert_eq!(json["phones"][6]["shows"], "CTL file: None");

    let text = check(&world, &phones, &["--csv", "all.csv", "--html", "visits.html"]);
    assert_eq!(text.code, 1);
    assert!(
        text.stdout.contains("refused it: 01:20:41pm 10/09/18 Trust List update failed"),
        "{}",
        text.all()
    );
    assert!(text.stdout.contains("Settings 6 4 4 S3"), "the keys of the 8851: {}", text.all());
    assert!(text.stderr.contains("6 phones do not hold CTLFile.tlv"), "{}", text.all());
    let rows = String::from_utf8(world.read("all.csv")).unwrap();
    assert_eq!(rows.lines().count(), 8, "{rows}");
    let page = String::from_utf8(world.read("visits.html")).unwrap();
    assert!(page.contains("<strong>2 of 7 phones refused the list, 3 hold another one</strong>"), "{page}");
    let again = check(&world, &phones, &["--csv", "all.csv"]);
    assert_eq!(again.code, 4, "an existing file is not replaced: {}", again.all());
}

/// Web access is off on most phones, so a phone that cannot be asked is counted, and is not a failure.
#[test]
fn phones_that_cannot_be_asked_say_why_in_time() {
    let world = world();
    let (md5, _) = sums(&world);
    let says = |text: &[u8]| phone(Behaviour::Says(text.to_vec()));
    let phones = [
        ("Cisco 8845", phone(Behaviour::Closed)),
        ("Cisco 8845", phone(Behaviour::Silent)),
        ("Cisco 8845", phone(Behaviour::Slow)),
        ("Cisco 8845", phone(Behaviour::Endless)),
        ("Cisco 8845", says(b"\x00\xff\x16\x03 this is no HTTP\r\n\r\n")),
        (
            "Cisco 8845",
            says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/page\r\nContent-Length: 0\r\n\r\n"),
        ),
        ("Cisco 8845", says(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")),
        ("Cisco 8845", phone(Behaviour::Pages(vec![]))),
        ("Cisco 8845", phone(Behaviour::Pages(vec![(SERVICEABILITY, page("Printer", &[("Toner", "low")]))]))),
        ("Cisco 8845", says(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")),
        ("Cisco 8845", "".to_owned()),
        ("Cisco 8845", "not an address".to_owned()),
        ("Cisco 8845", phone(Behaviour::Pages(vec![(SERVICEABILITY, network(&md5))]))),
    ];
    let begin = std::time::Instant::now();
    let outcome = check(&world, &phones, &["--json", "--phone-timeout", "2"]);
    assert!(begin.elapsed().as_secs() < 30, "each phone has its own time limit, and all are asked at once");
    let expected: Vec<&str> = std::iter::repeat_n("cannot-ask", 12).chain(["expected"]).collect();
    assert_eq!(states(&outcome), expected, "{}", outcome.all());
    assert_eq!(outcome.code, 0, "{}", outcome.all());
    let json = outcome.json();
    let why: Vec<&str> = (0..12).map(|at| json["phones"][at]["why"].as_str().unwrap()).collect();
    for (says, expected) in why.iter().zip([
        "its web access is off",
        "it does not answer in time",
        "it does not answer in time",
        "its page has more than",
        "it does not speak HTTP",
        "it sends readers to another host: 192.0.2.1",
        "its redirects do not end",
        "it has no page that is known",
        "its pages show no trust lists",
        "it answers 401",
        "its address is not known",
        "its address is not known",
    ]) {
        assert!(says.starts_with(expected), "{says:?}, and not {expected:?}");
    }
    let text = check(&world, &phones, &["--phone-timeout", "2"]);
    assert!(
        text.stdout.contains("12 of 13 phones could not be asked, so nothing is known about their lists"),
        "{}",
        text.all()
    );
}

/// A list of phones that is none, or that a spreadsheet could take for commands.
#[test]
fn lists_of_phones_are_read_as_others_write_them() {
    let world = world();
    let read = |text: &str| {
        std::fs::write(world.path("list.csv"), text).unwrap();
        world.run(&["phones", "check", "--expect", "CTLFile.tlv", "--phones", "list.csv", "--json"])
    };
    let closed = phone(Behaviour::Closed);
    let saved = format!(
        "\u{feff}DeviceName, Descr, Ipaddr, MACaddr, RegStatus\r\nSEP1, =1+1, {closed}, 1, reg\r\nSEP1, =1+1, , 1, unr\r\n\r\n"
    );
    let outcome = read(&saved);
    assert_eq!(outcome.code, 1, "its web access is off: {}", outcome.all());
    assert!(
        outcome.stderr.contains("no phone showed that it holds CTLFile.tlv, so nothing is proved"),
        "{}",
        outcome.all()
    );
    let phones = outcome.json()["phones"].as_array().unwrap().clone();
    assert_eq!(phones.len(), 1, "a phone that stands twice is one phone");
    assert_eq!(
        (&phones[0]["address"], &phones[0]["registration"]),
        (&closed.as_str().into(), &"registered".into())
    );
    for bad in ["", "address,model\n10.0.0.1,Cisco 8845\n", "\0\0\0"] {
        let outcome = read(bad);
        assert_eq!(outcome.code, 4, "{bad:?}: {}", outcome.all());
        assert!(outcome.stderr.contains("is not a list of phones"), "{}", outcome.all());
    }
    let none = read("name,address\n");
    assert_eq!(none.code, 1, "a check of no phone proves nothing: {}", none.all());
    std::fs::write(world.path("list.csv"), saved).unwrap();
    world.run(&["phones", "check", "--expect", "CTLFile.tlv", "--phones", "list.csv", "--csv", "out.csv"]);
    let rows = String::from_utf8(world.read("out.csv")).unwrap();
    assert!(rows.contains(",'=1+1,"), "no spreadsheet calculates a description: {rows}");
}

/// Every phone of a large cluster in one pass, with a flat memory. They share 200 addresses: each answers for many.
#[test]
fn many_phones_are_asked_in_one_pass() {
    let world = world();
    let (md5, _) = sums(&world);
    let addresses: Vec<String> =
        (0..200).map(|_| phone(Behaviour::Pages(vec![(SERVICEABILITY, network(&pairs(&md5)))]))).collect();
    let peak = |count: usize| {
        let mut list = "name,address,model\n".to_owned();
        (0..count).for_each(|at| writeln!(list, "SEP{at},{},Cisco 8845", addresses[at % 200]).unwrap());
        std::fs::write(world.path("phones.csv"), list).unwrap();
        let http = HTTP.to_string();
        let program = env!("CARGO_BIN_EXE_sastctl");
        let mut command =
            vec!["-f", "%M %e", "-o", "peak", program, "phones", "check", "--expect", "CTLFile.tlv"];
        command.extend(["--phones", "phones.csv", "--phone-http-port", &http, "--json"]);
        let output = world.program("/usr/bin/time", &command).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["all"]["expected"], count, "{}", String::from_utf8_lossy(&output.stderr));
        let figures = String::from_utf8(world.read("peak")).unwrap();
        let mut figures = figures.split_whitespace().map(|figure| figure.parse::<f64>().unwrap());
        (figures.next().unwrap(), figures.next().unwrap())
    };
    let count = rounds(1000, 20_000);
    let (kilobytes, seconds) = peak(count);
    println!("{count} phones: {seconds} s, {} MiB", kilobytes / 1024.0);
    assert!(kilobytes < 64.0 * 1024.0, "{kilobytes} KiB");
}
