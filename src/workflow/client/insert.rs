//! The fourth window: wait for a token, show what is inserted.

use std::time::Duration;

use super::super::error::WorkError;
use super::super::watch::TokenWatch;
use super::windows::{Inserted, WindowView, Windows};
use crate::token::{Sast, TokenContents};

/// How long an answer is waited for between two looks at the tokens.
const ANSWER_FOR: Duration = Duration::from_millis(200);
/// How long a token that was just inserted is waited for after Ok.
const A_MOMENT: Duration = Duration::from_secs(1);

impl Windows<'_> {
    /// Waits until the operator says Ok and there is a token with a SAST certificate that is not `known`; several may come at
    /// once. `None` to go back.
    pub fn wait(&self, known: &[Sast]) -> Result<Option<Vec<Inserted>>, WorkError> {
        self.title("Security Token");
        let (mut shown, mut note) = (None, "");
        let mut watch = TokenWatch::begin(&self.module)?;
        loop {
            watch.next(&self.module, Duration::ZERO)?;
            let inserted: Vec<String> = self.usable(watch.present(), known).iter().map(name).collect();
            if shown.as_ref() != Some(&inserted) {
                self.operator.show_window(WindowView::Insert { inserted: &inserted, note });
                (shown, note) = (Some(inserted), "");
            }
            match self.operator.ok_within(ANSWER_FOR)? {
                Some(false) => return Ok(None),
                None => continue,
                Some(true) => {}
            }
            // Who is asked line by line inserts a token and then answers.
            let is_empty = shown.is_none_or(|inserted| inserted.is_empty());
            watch.next(&self.module, if is_empty { A_MOMENT } else { Duration::ZERO })?;
            let found = self.usable(watch.present(), known);
            if found.is_empty() {
                note = "All inserted Security Tokens are already added.";
            } else if let Some(chosen) = self.which(found)? {
                return Ok(Some(chosen));
            }
            shown = None;
        }
    }

    /// The tokens that were not added yet.
    fn usable(&self, present: &[TokenContents], known: &[Sast]) -> Vec<Inserted> {
        let added = |sast: &Sast| known.iter().any(|k| k.certificate() == sast.certificate());
        let contents = present.iter().filter(|c| c.token.initialized).cloned();
        let inserted = contents.filter_map(|contents| {
            let is_it = |named: &_| self.module.find_among(vec![contents.clone()], Some(named)).is_ok();
            let named = self.named.as_ref().filter(|named| is_it(*named));
            Some(Inserted { is_named: named.is_some(), sast: contents.sast(named).ok()? })
        });
        inserted.filter(|inserted| !added(&inserted.sast)).collect()
    }

    /// One of several that are inserted at once, or all of them.
    fn which(&self, mut found: Vec<Inserted>) -> Result<Option<Vec<Inserted>>, WorkError> {
        if found.len() < 2 {
            return Ok(Some(found));
        }
        let mut options: Vec<String> = found.iter().map(name).collect();
        options.push(format!("all {}, in this order", found.len()));
        let chosen = self.operator.choose("Several tokens are inserted. Which one?", &options, 0)?;
        // Behind them is the choice of all.
        Ok(chosen.map(|at| if at < found.len() { vec![found.swap_remove(at)] } else { found }))
    }
}

fn name(Inserted { sast, .. }: &Inserted) -> String {
    let (token, certificate) = (sast.token(), sast.certificate());
    format!("{} on \"{}\", serial {}", certificate.sast_name(), token.label, token.serial)
}
