//! What the journals of earlier builds say, which had steps with a text alone, as events: see `docs/journal.md`.

use std::borrow::Cow;

use super::step::{Part, Step, StepName};
use crate::cluster::SERVICES;
use crate::workflow::journal::{Event, RunId, TokenCertificate};

/// The event as it is written today.
pub(super) fn typed(event: &Event) -> Cow<'_, Event> {
    let of_old = match event {
        Event::Step { name: StepName::Known(Step::Rollback), part: None, done: None, .. } => {
            Some(Event::Rollback)
        }
        Event::Step { name: StepName::Other(name), says, done, .. } => old(name, says, *done),
        _ => None,
    };
    of_old.map_or(Cow::Borrowed(event), Cow::Owned)
}

fn old(name: &str, says: &str, done: Option<bool>) -> Option<Event> {
    match name {
        "run" => says
            .split_once(" in ")
            .map(|(node, folder)| Event::Run(RunId { node: node.to_owned(), folder: folder.to_owned() })),
        "tokens" => Some(Event::Tokens { certificates: certificates(says) }),
        "resume" => Some(Event::Resume),
        // `publish 10.1.2.3`, `restart Cisco Tftp 10.1.2.3`
        _ => {
            let (step, of) = name.split_once(' ')?;
            let step = serde_json::from_value(step.into()).ok()?;
            let restart = |service: &str| {
                let node = of.strip_prefix(service)?.strip_prefix(' ')?.to_owned();
                Some(Part { service: Some(service.to_owned()), node })
            };
            let restart = SERVICES.into_iter().find_map(restart);
            let part = restart.unwrap_or_else(|| Part { service: None, node: of.to_owned() });
            Some(Event::step(step, Some(part), says, done))
        }
    }
}

/// Of `SAST-A (SHA-256 5d…) and SAST-B (SHA-256 0c…)`.
fn certificates(says: &str) -> Vec<TokenCertificate> {
    let one = |text: &str| {
        let (name, sha256) = text.rsplit_once(" (SHA-256 ")?;
        let sha256 = sha256.trim_end_matches(')');
        Some(TokenCertificate { name: name.to_owned(), certificate_sha256: sha256.to_owned() })
    };
    says.split(") and ").filter_map(one).collect()
}
