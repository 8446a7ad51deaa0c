//! The udev rules: the right devices, no others, and valid by our own check and udev's.

use std::process::Command;

use crate::pki;

/// USB ids of SafeNet and Aladdin tokens and readers.
const IDS: [(&str, &str); 11] = [
    ("0529", "050c"),
    ("0529", "0514"),
    ("0529", "0600"),
    ("0529", "0620"),
    ("0529", "0602"),
    ("08e6", "34cc"),
    ("08e6", "34ce"),
    ("08e6", "34cf"),
    ("08e6", "34d2"),
    ("08e6", "3437"),
    ("08e6", "3438"),
];

/// One `KEY op "value"` of a rule.
type Token = (String, String, String);

fn tokens(line: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let at = rest.find(['=', '!', '+', '-', ':']).ok_or_else(|| format!("no operator: {rest}"))?;
        let (key, tail) = rest.split_at(at);
        let operator = ["==", "!=", "+=", "-=", ":=", "="].iter().find(|op| tail.starts_with(**op));
        let operator = operator.ok_or_else(|| format!("no operator: {tail}"))?;
        let value = tail[operator.len()..].strip_prefix('"').ok_or_else(|| format!("no quote: {tail}"))?;
        let (value, tail) = value.split_once('"').ok_or_else(|| format!("open quote: {value}"))?;
        tokens.push((key.trim().to_owned(), (*operator).to_owned(), value.to_owned()));
        rest = tail.trim();
        rest = match rest.strip_prefix(',') {
            Some(more) if !more.trim().is_empty() => more.trim(),
            Some(_) => return Err("a comma at the end".to_owned()),
            None if rest.is_empty() => rest,
            None => return Err(format!("no comma: {rest}")),
        };
    }
    Ok(tokens)
}

/// The errors of a rules file.
fn check(text: &str, sets: &[(&str, &str, &str)]) -> Result<Vec<(String, String)>, String> {
    let mut ids = Vec::new();
    let mut guards = Vec::new();
    let (mut jumps, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#')) {
        let tokens = tokens(line)?;
        let find =
            |key: &str, op: &str| tokens.iter().find(|(k, o, _)| k == key && o == op).map(|t| t.2.clone());
        for (key, op, value) in &tokens {
            let known = match key.as_str() {
                "ACTION" | "SUBSYSTEM" | "ENV{DEVTYPE}" | "ATTR{idVendor}" | "ATTR{idProduct}" => {
                    op == "==" || op == "!="
                }
                "GOTO" | "LABEL" => op == "=",
                _ => sets.contains(&(key, op, value)),
            };
            if !known {
                return Err(format!("unexpected {key}{op}\"{value}\""));
            }
        }
        jumps.extend(find("GOTO", "="));
        labels.extend(find("LABEL", "="));
        if find("GOTO", "=").is_some() {
            guards.push(tokens[0].clone());
        }
        if sets.iter().any(|(key, op, _)| find(key, op).is_some()) {
            match (find("ATTR{idVendor}", "=="), find("ATTR{idProduct}", "==")) {
                (Some(vendor), Some(product)) => ids.push((vendor, product)),
                _ => return Err(format!("access without vendor and product: {line}")),
            }
        }
    }
    if let Some(jump) = jumps.iter().find(|j| !labels.contains(j)) {
        return Err(format!("no label {jump}"));
    }
    for (key, value) in [("SUBSYSTEM", "usb"), ("ENV{DEVTYPE}", "usb_device")] {
        if !guards.contains(&(key.to_owned(), "!=".to_owned(), value.to_owned())) {
            return Err(format!("no guard for {key}"));
        }
    }
    Ok(ids)
}

const SEAT: &[(&str, &str, &str)] = &[("ENV{ID_SMARTCARD_READER}", "=", "1")];
const GROUP: &[(&str, &str, &str)] = &[("GROUP", "=", "sast"), ("MODE", "=", "0660")];

fn rules(name: &str) -> String {
    String::from_utf8(pki::read(&format!("udev/{name}"))).unwrap()
}

#[test]
fn the_rules_name_every_token_and_no_dongle() {
    for (name, sets) in [("60-sastctl-tokens.rules", SEAT), ("61-sastctl-tokens-group.rules", GROUP)] {
        let ids = check(&rules(name), sets).unwrap_or_else(|e| panic!("{name}: {e}"));
        let ids: Vec<(&str, &str)> = ids.iter().map(|(v, p)| (v.as_str(), p.as_str())).collect();
        assert_eq!(ids, IDS, "{name}");
        assert!(!ids.contains(&("0529", "0001")), "a HASP dongle");
        let number: u32 = name[..2].parse().unwrap();
        assert!(number < 70, "before 70-uaccess.rules");
    }
}

#[test]
fn the_check_finds_every_error() {
    let good = rules("60-sastctl-tokens.rules");
    let line = "ATTR{idVendor}==\"0529\", ATTR{idProduct}==\"050c\", ENV{ID_SMARTCARD_READER}=\"1\"";
    assert!(good.contains(line));
    for (wrong, why) in [
        ("ATTR{idVendor}==\"0529\", ENV{ID_SMARTCARD_READER}=\"1\"", "access without vendor and product"),
        ("ATTR{idVendor}==\"0529\", ATTR{idProduct}==\"050c\", MODE=\"0666\"", "unexpected MODE"),
        ("ATTR{idVendor}==\"0529\" ATTR{idProduct}==\"050c\"", "no comma"),
        ("ATTR{idVendor}==\"0529, ENV{ID_SMARTCARD_READER}=\"1\"", ""),
        ("GOTO=\"nowhere\"", "no label nowhere"),
    ] {
        let error = check(&good.replace(line, wrong), SEAT).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let unguarded = good.replace("SUBSYSTEM!=\"usb\", GOTO=\"sastctl_tokens_end\"\n", "");
    assert_eq!(check(&unguarded, SEAT).unwrap_err(), "no guard for SUBSYSTEM");
}

#[test]
fn udev_itself_accepts_the_rules() {
    let knows_verify =
        Command::new("udevadm").args(["verify", "--help"]).output().is_ok_and(|o| o.status.success());
    if !knows_verify {
        crate::support::skip("this udevadm has no verify (systemd 254 and later have)");
        return;
    }
    for name in ["60-sastctl-tokens.rules", "61-sastctl-tokens-group.rules"] {
        let path = pki::path("udev").join(name);
        // The group is made when the file is installed; its name need not exist here.
        let output =
            Command::new("udevadm").args(["verify", "--resolve-names=never"]).arg(path).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
