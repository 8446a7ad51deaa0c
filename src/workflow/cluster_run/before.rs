//! The plan for renewals that are still to come: what is done in which order, and where phones are waited for. It refuses what
//! would leave phones without a list that they can authenticate.

use std::collections::BTreeSet;

use super::error::RunError;
use super::renew::{left_to_do, services};
use super::run::ClusterRun;
use crate::cluster::NodeAddress;
use crate::workflow::error::WorkError;
use crate::workflow::plan::{Change, Unit};

/// By these a phone authenticates new lists: it must know one of them all the time.
const AUTHENTICATE: [Unit; 3] = [Unit::CallManager, Unit::Tvs, Unit::ItlRecovery];

impl ClusterRun<'_> {
    /// The steps before and after these certificates are renewed. Changes nothing.
    pub fn before(&mut self, units: &[Unit]) -> Result<Vec<String>, WorkError> {
        let old = self.look()?;
        let changes = self.needs()?.changes(&old)?;
        Ok(before(units, &changes, &self.nodes, &self.version)?)
    }
}

/// The plan for a cluster where this changed since its lists were made. Sources: 214231, 116232, 200199, SG14.
pub fn before(
    units: &[Unit],
    changes: &BTreeSet<Change>,
    nodes: &[NodeAddress],
    version: &str,
) -> Result<Vec<String>, RunError> {
    let units: BTreeSet<Unit> = units.iter().copied().collect();
    let mut dangerous = units.iter().filter(|unit| AUTHENTICATE.contains(unit));
    if let Some(unit) = dangerous.next() {
        if let Some(other) = dangerous.next() {
            return Err(RunError::NotTogether { unit: *unit, other: *other });
        }
        let is_open = |other: &&Unit| *other != unit && changes.contains(&Change::Renewed(**other));
        if let Some(open) = AUTHENTICATE.iter().find(is_open) {
            return Err(RunError::NotYet { unit: *unit, open: *open });
        }
    }
    let mut steps = vec!["make a backup (Disaster Recovery System) that can be restored".to_owned()];
    if !changes.is_empty() {
        steps.push(
            "first do the run without this option: the lists lack changes that were made before".to_owned(),
        );
    }
    steps.push("check that all phones are registered and hold the CTL in force".to_owned());
    for unit in units {
        let changed = BTreeSet::from([Change::Renewed(unit)]);
        let everywhere = matches!(unit, Unit::CallManager | Unit::Tvs);
        let first = nodes.first().map(ToString::to_string).unwrap_or_default();
        let others: Vec<String> = nodes.iter().skip(1).map(ToString::to_string).collect();
        let alone = match everywhere && !others.is_empty() {
            true => " alone: never on the primary and the secondary TFTP server at the same time",
            false => "",
        };
        steps.push(format!("renew {unit} on {first}{alone}"));
        let services = services(&changed, version).join(", then ");
        steps.push(match unit {
            Unit::Tvs => format!("do the run: it restarts {services}; the CTL stays as it is"),
            _ => format!("do the run: it makes the new CTL, puts it on every node, and restarts {services}"),
        });
        steps.push(
            match unit {
                Unit::CallManager | Unit::Capf => {
                    "reset the encrypted and authenticated phones, then all others; wait until all are registered"
                }
                Unit::Tvs | Unit::ItlRecovery => "reset all phones; wait until all are registered",
            }
            .to_owned(),
        );
        if everywhere && !others.is_empty() {
            steps.push(format!("the same on {}, one after the other", others.join(", ")));
        }
        steps.extend(left_to_do(&changed));
    }
    Ok(steps)
}
