//! Judges the facts: facts in, findings out.

use super::super::next::Next;
use super::facts::{CertificateFacts, Clock, Facts, TokenFacts};
use super::{Finding, Remedies, module};
use crate::phone::EXPIRED_TOKEN;
use crate::reader::{Driver, Reader, ReaderError, TokenModel, UsbDevice, model_by_atr, model_by_usb_id};
use crate::token::PinState;
use crate::trustlist::day;

/// The findings, in the order in which an operator would check.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let works = facts.tokens.as_ref().is_ok_and(|tokens| tokens.iter().any(|t| t.initialized));
    let mut findings = module::judge(&facts.module, works);
    // In such a session, the smart card service is that of another machine.
    if facts.remote_desktop && !works && (facts.module.by_pcsc || facts.module.profile.is_none()) {
        let says = "this is a Remote Desktop session: it shows the readers of the machine in front of you, never those of \
                    this machine";
        let remedy = "insert the token in the machine in front of you, or log in at this machine itself";
        findings.push(Finding::problem("remote-desktop", says, remedy));
    }
    findings.extend(readers(facts));
    findings.extend(usb(facts));
    findings.extend(tokens(facts));
    findings.push(clock(facts));
    findings
}

fn readers(facts: &Facts) -> Vec<Finding> {
    // Readers do not matter for a module whose tokens are not smart cards.
    let matters = facts.module.by_pcsc || facts.module.profile.is_none();
    let readers = match &facts.readers {
        Ok(readers) => readers,
        Err(ReaderError::NotBuilt) if matters => {
            let says = "built without PC/SC: readers are not checked";
            return vec![Finding::note("pcsc", says, "")];
        }
        Err(_) if !matters => return vec![],
        Err(e) => return vec![no_service(e)],
    };
    if !matters && readers.is_empty() {
        return vec![];
    }
    let mut findings = vec![Finding::fine("pcsc", "the smart card service is running")];
    if readers.is_empty() {
        findings.push(Finding::problem(
            "no-reader",
            "no reader was found",
            Remedies::from("insert the token; a USB token is its own reader").and(CCID_DRIVER),
        ));
    }
    findings.extend(readers.iter().flat_map(|reader| one_reader(reader, facts)));
    findings
}

fn no_service(error: &ReaderError) -> Finding {
    match error {
        ReaderError::NotAllowed => Finding::problem(
            "polkit",
            "the smart card service refuses this user (SCARD_W_SECURITY_VIOLATION): polkit allows it only to users at the machine itself",
            [
                "install udev/50-sastctl-pcsc.rules.example as /etc/polkit-1/rules.d/50-sastctl-pcsc.rules, and join its group",
                "install udev/50-sastctl-pcsc.rules.example as /etc/polkit-1/rules.d/50-sastctl-pcsc.rules, and join its group",
                "allow smart cards for this user in the system settings",
                "log in at the machine itself: a remote desktop session has its own smart card service",
            ],
        ),
        other => Finding::problem(
            "pcscd",
            format!("{other}"),
            [
                "sudo apt install pcscd; then sudo systemctl enable --now pcscd.socket",
                "sudo dnf install pcsc-lite; then sudo systemctl enable --now pcscd.socket",
                "take the token out and insert it: the service starts by itself",
                "services.msc: start Smart Card (SCardSvr); it runs only while a reader is plugged in",
            ],
        ),
    }
}

fn one_reader(reader: &Reader, facts: &Facts) -> Vec<Finding> {
    let name = &reader.name;
    let Some(atr) = &reader.atr else {
        return vec![Finding::fine("reader", format!("{name}: empty"))];
    };
    if reader.mute {
        let remedy =
            "take it out, clean its contacts, insert it again; if the problem remains, use another reader";
        let says = format!("{name}: the card in it does not answer");
        return vec![Finding::problem("reader-mute", says, remedy)];
    }
    let model = model_by_atr(atr).map_or("unknown", |model| model.name);
    let mut findings = vec![Finding::fine("reader", format!("{name}: a card, {model}, ATR {atr}"))];
    if reader.exclusive {
        let remedy = "end the program that uses it: a browser, gpg's scdaemon, or the token's own software";
        let says = format!("{name}: another program has exclusive access to the card");
        findings.push(Finding::problem("reader-exclusive", says, remedy));
    }
    // The slot of a token has the name of its reader; some modules shorten the name.
    let shown = facts.tokens.as_ref().map_or(true, |tokens| {
        tokens.iter().any(|token| token.reader.is_empty() || name.starts_with(token.reader.as_str()))
    });
    if facts.module.loaded.is_some() && facts.module.by_pcsc && !shown {
        let says = format!("{name}: the module shows no token for the card in it ({model})");
        findings.push(Finding::problem("card-not-seen", says, ANOTHER_MODULE).next(Next::NameModule));
    }
    findings
}

const ANOTHER_MODULE: &str = "the module may not support this card: use the module of its vendor; CardOS-based \
                              eToken PRO sticks need SafeNet Authentication Client 10.0 or older";

fn usb(facts: &Facts) -> Vec<Finding> {
    // Where USB cannot be listed (a container, another system) there is nothing to compare.
    let Ok(devices) = &facts.usb else { return vec![] };
    let known = |device: &UsbDevice| model_by_usb_id(device.vendor, device.product);
    let plugged: Vec<_> = devices.iter().filter_map(|device| Some((device, known(device)?))).collect();
    let mut findings = Vec::new();
    for (device, model) in &plugged {
        let id = format!("{:04x}:{:04x}", device.vendor, device.product);
        findings.push(Finding::fine("usb", format!("USB {id} at {}: {}", device.place, model.name)));
        if facts.linux && model.driver == Driver::SafeNet && facts.udev.is_none() {
            findings.push(Finding::problem(
                "udev",
                format!("USB {id}: no udev rule gives access to users other than root"),
                [RULES, RULES, "", ""],
            ));
        } else if device.may_open == Some(false) {
            findings.push(Finding::note(
                "usb-permission",
                format!("USB {id}: this user cannot open it; pcscd can, which is enough if it runs as root"),
                [GROUP_RULES, GROUP_RULES, "", ""],
            ));
        }
    }
    if let (Ok(readers), false) = (&facts.readers, plugged.is_empty())
        && readers.len() < plugged.len()
    {
        let models: Vec<_> = plugged.iter().map(|(_, model)| model.name).collect();
        let says = format!(
            "{} plugged in ({}), and {} shown",
            plural(plugged.len(), "token is", "tokens are"),
            models.join(", "),
            plural(readers.len(), "reader is", "readers are")
        );
        findings.push(Finding::problem("usb-no-reader", says, no_reader_driver(&plugged)));
    }
    findings
}

const CCID_DRIVER: [&str; 4] = [
    "sudo apt install libccid; then sudo systemctl restart pcscd",
    "sudo dnf install pcsc-lite-ccid; then sudo systemctl restart pcscd",
    "try another port; system_profiler SPUSBDataType shows whether the system sees the token",
    "Device Manager, Smart card readers: shows whether the system sees the token; update its driver",
];
const RULES: &str = "sudo install -m 644 udev/60-sastctl-tokens.rules /etc/udev/rules.d/ && sudo udevadm control \
                     --reload && sudo udevadm trigger; then take the token out and insert it";
const GROUP_RULES: &str = "over SSH and in services: udev/61-sastctl-tokens-group.rules gives a group access";

fn plural(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

fn no_reader_driver(plugged: &[(&UsbDevice, TokenModel)]) -> Remedies {
    if plugged.iter().any(|(_, model)| model.driver == Driver::SafeNet) {
        return Remedies::from(
            "this model is not a CCID reader: install SafeNet Authentication Client, which contains its reader driver",
        )
        .and(["then sudo systemctl restart pcscd", "then sudo systemctl restart pcscd", "", ""]);
    }
    CCID_DRIVER.into()
}

fn tokens(facts: &Facts) -> Vec<Finding> {
    if facts.module.loaded.is_none() {
        return vec![];
    }
    let tokens = match &facts.tokens {
        Ok(tokens) => tokens,
        Err(why) => {
            let remedy = "take the token out, insert it, and look again; then restart the token's middleware";
            let says = format!("the module does not list its tokens: {why}");
            return vec![Finding::problem("tokens", says, remedy)];
        }
    };
    if !tokens.iter().any(|token| token.initialized) {
        let says = match facts.module.slots {
            0 => "no token: the module shows no slots".to_owned(),
            1 => "no token: the module shows 1 slot, empty".to_owned(),
            slots => format!("no token: the module shows {slots} slots, all empty"),
        };
        let remedy = "insert a token and wait for its light";
        return vec![Finding::problem("no-token", says, remedy).next(Next::WatchTokens)];
    }
    tokens.iter().filter(|token| token.initialized).flat_map(|token| one_token(token, &facts.clock)).collect()
}

fn one_token(token: &TokenFacts, clock: &Clock) -> Vec<Finding> {
    let name = &token.name;
    let mut findings = Vec::new();
    if let Some(problem) = &token.problem {
        let remedy = "take it out, insert it, and look again";
        let says = format!("{name}: it cannot be read in full: {problem}");
        findings.push(Finding::problem("token-unreadable", says, remedy));
    }
    findings.push(pin(name, token.pin));
    for why in &token.unreadable {
        let says = format!("{name}: a certificate does not parse: {why}");
        findings.push(Finding::note("certificate-unreadable", says, "it is not used"));
    }
    if token.certificates.is_empty() && token.unreadable.is_empty() && token.problem.is_none() {
        let remedy = "check that it is the right token: a SAST token is delivered with its certificate";
        let says = format!("{name}: it has no certificate");
        findings.push(Finding::problem("no-certificate", says, remedy).next(Next::EnrollCertificate));
    }
    findings.extend(token.certificates.iter().map(|certificate| validity(name, certificate, clock)));
    findings
}

fn validity(token: &str, certificate: &CertificateFacts, clock: &Clock) -> Finding {
    let CertificateFacts { name, not_before, not_after } = certificate;
    let now = clock.now.as_second();
    if *not_before > now {
        let from = day(*not_before);
        let says = format!(
            "{token}: {name} is not valid before {from}: the clock is slow, or the certificate is for later use"
        );
        return Finding::problem("clock", says, SET_CLOCK);
    }
    if *not_after < now {
        let until = day(*not_after);
        let says = format!("{token}: {name} expired on {until}: {EXPIRED_TOKEN}");
        return Finding::note("certificate-expired", says, "");
    }
    Finding::fine("certificate", format!("{token}: {name}"))
}

fn pin(name: &str, state: PinState) -> Finding {
    let says = |text: &str| format!("{name}: {text}");
    match state {
        PinState::Ok => Finding::fine("pin", says("PIN ok")),
        PinState::Unknown => {
            Finding::note("pin-unknown", says("the token does not say how many PIN tries are left"), "")
        }
        PinState::Low => {
            let low = says("a wrong PIN was entered after the last correct one; few tries are left");
            Finding::note("pin-low", low, "a correct PIN resets the count").next(Next::TestPin)
        }
        PinState::LastTry => {
            let remedy = "do not guess: ask a person who knows the PIN; a correct PIN resets the count";
            Finding::problem("pin-last-try", says("this is the last PIN try"), remedy)
        }
        PinState::Locked => {
            let remedy = "until then, sign with the other token";
            Finding::problem("pin-locked", says("the PIN is locked"), remedy).next(Next::UnlockToken)
        }
        PinState::NotSet => {
            Finding::problem("pin-not-set", says("no PIN is set"), "").next(Next::UnlockToken)
        }
    }
}

const SET_CLOCK: [&str; 4] = [
    "sudo timedatectl set-ntp true",
    "sudo timedatectl set-ntp true",
    "sudo sntp -sS time.apple.com",
    "w32tm /resync",
];

fn clock(facts: &Facts) -> Finding {
    let Clock { now, program } = &facts.clock;
    match program {
        Some(written) if now < written => {
            let says =
                format!("the clock shows {now:.0}, but this program was installed later, at {written:.0}");
            Finding::problem("clock", says, SET_CLOCK)
        }
        _ => Finding::fine("clock", format!("the clock shows {now:.0}")),
    }
}
