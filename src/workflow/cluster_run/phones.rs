//! The phones that a run asks: whether they hold a CTL.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::error::RunError;
use super::run::{ClusterRun, RunPhones};
use crate::phone::page::{Expected, ListState};
use crate::trustlist::VerifiedList;
use crate::workflow::error::WorkError;
use crate::workflow::operator::View;
use crate::workflow::phones::{CheckedPhone, Counts, PhonesReport, check_phones, counted_phones};

/// How long is waited before those that hold another list are asked again.
const AGAIN: Duration = Duration::from_secs(10);
/// The most phones that are named in a line.
const NAMED: usize = 10;

impl ClusterRun<'_> {
    /// Whether all phones that were given show that they hold this CTL; `false` without phones.
    pub(super) fn every_phone_holds(&self, ctl: &VerifiedList) -> Result<bool, WorkError> {
        let Some(report) = self.ask_phones(ctl)? else { return Ok(false) };
        Ok(report.all == Counts { expected: report.phones.len(), ..Counts::default() }
            && report.all.expected > 0)
    }

    /// The last step: phones that refused the new CTL stop the run while the old one can still be put back. What the others do,
    /// in words.
    pub(super) fn phones_follow(&self, ctl: &VerifiedList) -> Result<Option<String>, WorkError> {
        if let Some(phones) = &self.options.phones {
            let names: Vec<&str> = phones.list.iter().map(|phone| phone.name.as_str()).collect();
            let count = counted_phones(names.len());
            self.operator.show(&View::Text(&format!(
                "Reset {count} now, so that they load the new CTL: {}",
                first_of(&names)
            )))?;
        }
        let Some(report) = self.ask_phones(ctl)? else { return Ok(None) };
        let is_refusal = |checked: &&CheckedPhone| matches!(checked.answer, ListState::Refused { .. });
        let refused = report.phones.iter().filter(is_refusal).map(|checked| checked.phone.name.as_str());
        let refused: Vec<&str> = refused.collect();
        if refused.is_empty() {
            return Ok(Some(says(&report.all)));
        }
        let refused = format!("{} refused it: {}", counted_phones(refused.len()), first_of(&refused));
        Err(RunError::PhonesRefuse { refused }.into())
    }

    /// Asks until each phone holds this CTL, refused it since, or does not tell, or the time for an upload by hand is over.
    fn ask_phones(&self, ctl: &VerifiedList) -> Result<Option<PhonesReport>, WorkError> {
        let Some(RunPhones { list, pace }) = &self.options.phones else { return Ok(None) };
        let (expected, began) = (Expected::of(ctl.list().bytes()), Instant::now());
        let mut done: Vec<CheckedPhone> = Vec::new();
        let mut first: HashMap<String, ListState> = HashMap::new();
        let mut ask = list.clone();
        let report = loop {
            let checked = check_phones(ask, &expected, *pace, self.operator)?;
            if first.is_empty() {
                first.extend(checked.iter().map(|it| (it.phone.name.clone(), it.answer.clone())));
            }
            let (waiting, settled): (Vec<_>, Vec<_>) = checked.into_iter().partition(|it| match &it.answer {
                ListState::Other { .. } | ListState::NoList { .. } => true,
                // The same message as before may be of an earlier list.
                ListState::Refused { .. } => first.get(&it.phone.name) == Some(&it.answer),
                _ => false,
            });
            done.extend(settled);
            if waiting.is_empty() || began.elapsed() >= self.options.upload_wait {
                done.extend(waiting);
                break PhonesReport::new(done);
            }
            ask = waiting.into_iter().map(|checked| checked.phone).collect();
            let what = format!("Waiting until {} load the CTL", counted_phones(ask.len()));
            let _work = self.operator.long_work(&what, None);
            let again = Instant::now();
            while again.elapsed() < AGAIN && began.elapsed() < self.options.upload_wait {
                self.operator.check_interrupted()?;
                std::thread::sleep(Duration::from_millis(200));
            }
        };
        self.operator.show(&View::Text(&format!("Phones: {}", says(&report.all))))?;
        Ok(Some(report))
    }
}

/// The first of these names.
fn first_of(names: &[&str]) -> String {
    let shown = names.get(..NAMED.min(names.len())).unwrap_or_default().join(", ");
    if names.len() > NAMED { shown + ", …" } else { shown }
}

/// `2 hold it, 1 refused it, 3 cannot be asked`
fn says(counts: &Counts) -> String {
    let parts = [
        (counts.expected, "hold it"),
        (counts.refused, "refused it"),
        (counts.other, "hold another list"),
        (counts.no_list, "hold none"),
        (counts.not_shown, "show no checksum"),
        (counts.cannot_ask, "cannot be asked"),
    ];
    let parts =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "none is on the list".to_owned() } else { parts.join(", ") }
}
