//! What phones make of a list, said before it is put where they fetch it.

use std::path::Path;

use serde::Serialize;

use super::super::signing::phones_text;
use super::super::ui::Ui;
use super::fetch::PortArgs;
use crate::cluster::{NodeAddress, fetch};
use crate::phone::{
    ClassVerdict, Decision, Impact, Installed, InstalledLists, Itl, NewList, ServiceFinding, TvsStatus,
    assess_classes, services,
};
use crate::trustlist::{ListKind, TrustList, VerifiedList, VerifyError};

/// What phones that hold the same lists make of a new one.
#[derive(Debug, Serialize)]
pub struct Foretold {
    /// Which lists.
    held: String,
    verdicts: Vec<ClassVerdict>,
    findings: Vec<ServiceFinding>,
    #[serde(skip)]
    signer: String,
}

impl Foretold {
    /// Phones that hold `installed`, called `held`.
    pub fn new(held: String, installed: &Installed<'_>, new: &VerifiedList) -> Self {
        let list = NewList::of(new);
        let verdicts = assess_classes(installed, &list, &TvsStatus::NotAsked);
        let findings = services(installed, &list);
        Foretold { held, verdicts, findings, signer: list.name }
    }

    /// Says it; what not every phone follows even where remarks are left out.
    pub fn tell(&self, ui: &Ui) {
        let text = phones_text(Some(&self.held), &self.verdicts, &self.signer, &self.findings);
        if self.is_harmless() { ui.note(&text) } else { ui.show(&text) }
    }

    fn is_harmless(&self) -> bool {
        let follows =
            |v: &ClassVerdict| matches!(v.verdict.decision, Decision::Accepts(_) | Decision::DoesNotApply);
        self.verdicts.iter().all(follows) && self.findings.iter().all(|f| f.impact == Impact::Note)
    }
}

/// Says what phones that hold what the nodes serve now make of a list, once for each list that it would replace.
pub fn foretell(
    nodes: &[NodeAddress],
    ports: &PortArgs,
    (path, name, new): (&Path, &str, &VerifiedList),
    ui: &Ui,
) -> Vec<Foretold> {
    let (mut known, mut told) = (Vec::new(), Vec::new());
    for node in nodes {
        let (replaced, held) = match served(node, ports, name, new.list().kind()) {
            Ok(served) => served,
            Err(why) => {
                ui.warn(&format!(
                    "what phones hold is not known: {why}\nsastctl ctl check {} --installed-ctl OLD says what phones \
                     that hold OLD make of it",
                    path.display()
                ));
                continue;
            }
        };
        if replaced == new.list().bytes()[..] {
            ui.note(&format!("{node} serves this list already"));
        } else if !known.contains(&replaced) {
            let foretold = Foretold::new(format!("what {node} serves"), &held.installed(), new);
            foretold.tell(ui);
            told.push(foretold);
            known.push(replaced);
        }
    }
    told
}

/// The lists that a node serves: the bytes of the one called `name`, and all that phones hold of them. Else why not.
fn served(
    node: &NodeAddress,
    ports: &PortArgs,
    name: &str,
    kind: ListKind,
) -> Result<(Vec<u8>, InstalledLists), String> {
    let host = node.host().ok_or_else(|| format!("{node} is a serial line"))?;
    let get = |name: &str, kind| {
        let Some(fetched) = fetch(host, ports.ports(), name).map_err(|e| format!("{node}: {e}"))? else {
            return Ok(None);
        };
        let list = TrustList::decode(fetched.bytes)
            .map_err(|e| format!("{node} serves a {name} that is none: {e}"))?;
        if list.kind() != kind {
            return Err(format!("{node} serves another kind of list as {name}"));
        }
        Ok(Some(list))
    };
    let replaced = get(name, kind)?.ok_or_else(|| format!("{node} serves no {name}"))?;
    let no = |e: VerifyError| format!("what {node} serves as {name} does not verify: {e}");
    let held = match kind {
        ListKind::Ctl => {
            let ctl = replaced.verify().map_err(no)?;
            // One that phones do not take is as good as none that is known.
            let itl = get("ITLFile.tlv", ListKind::Itl).ok().flatten().and_then(|itl| Itl::of(&itl).ok());
            InstalledLists { ctl: Some(ctl), itl }
        }
        ListKind::Itl => {
            let itl = Itl::of(&replaced).map_err(no)?;
            let ctl = get("CTLFile.tlv", ListKind::Ctl)?.and_then(|ctl| ctl.verify().ok());
            InstalledLists { ctl, itl: Some(itl) }
        }
    };
    Ok((replaced.bytes().to_vec(), held))
}
