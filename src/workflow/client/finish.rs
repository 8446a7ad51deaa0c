//! The last window: the plan is shown and confirmed with the token that signs it, then signed.

use std::path::{Path, PathBuf};

use super::super::error::WorkError;
use super::super::input::beside;
use super::super::operator::OperatorError;
use super::super::plan::Plan;
use super::super::signing::{Batch, BatchFile, ShownPlans, sign_shown};
use super::choices::{Choices, Start};
use super::windows::{Chosen, Finished, SignedList, WindowView, Windows};
use crate::files;
use crate::token::{PinState, Sast};

/// A plan that the operator confirmed, as it was shown, and the token that signs it.
pub struct Confirmed {
    plan: Plan,
    shown: ShownPlans,
    signer: Sast,
}

impl Windows<'_> {
    /// The plan as it was confirmed (`Some`), or only shown for a dry run; `None` is back to the entries.
    pub fn confirm(&self, chosen: &mut Chosen) -> Result<Option<Option<Confirmed>>, WorkError> {
        loop {
            let Some(signer) = self.signer(chosen) else { return Ok(None) };
            self.title("Finish");
            let certificate = signer.certificate().clone();
            let request = (self.request)(&certificate)?;
            let plan = chosen.choices.plan(&request).map_err(WorkError::from);
            let Some(plan) = self.or_why_not(plan) else { return Ok(None) };
            let file = self.batch_file(&chosen.choices.start, plan.clone());
            let mut shown = ShownPlans::default();
            let added = shown.add(&file, file.digest()).map_err(WorkError::from);
            if self.or_why_not(added).is_none() {
                return Ok(None);
            }
            self.operator.show_window(WindowView::Plan { file: &file, dry_run: self.order.dry_run });
            if self.order.dry_run {
                return Ok(Some(None));
            }
            // Every token that may sign, this one first. Another makes another plan, which is shown before anything is signed.
            let may_sign = |sast: &&Sast| chosen.choices.signers().any(|c| c == sast.certificate());
            let mut signers: Vec<Sast> = chosen.tokens.iter().filter(may_sign).cloned().collect();
            signers.sort_by_key(|sast| *sast.certificate() != certificate);
            let sign_with = |sast: &Sast| {
                let (token, name) = (&sast.token().label, sast.certificate().sast_name());
                format!("Sign with {name} on \"{token}\", and write {}", file.out().display())
            };
            let mut options: Vec<String> = signers.iter().map(sign_with).collect();
            options.push("Back to the CTL entries".to_owned());
            let choice = self.operator.choose("", &options, 0)?;
            match choice.and_then(|at| signers.get(at)) {
                Some(_) if choice == Some(0) => return Ok(Some(Some(Confirmed { plan, shown, signer }))),
                Some(other) => chosen.choices.named = Some(other.certificate().clone()),
                None => return Ok(None),
            }
        }
    }

    /// The token that signs, as it is inserted now; without one the window says what is missing.
    fn signer(&self, Chosen { choices, tokens }: &Chosen) -> Option<Sast> {
        let is_added = choices.named.as_ref().is_some_and(|named| choices.tokens.contains(named));
        if let Some(named) = self.named.as_ref().filter(|_| !is_added) {
            self.operator.show_window(WindowView::NamedNotAdded { named: &named.to_string() });
            return None;
        }
        let Some(wanted) = choices.signer() else {
            self.say("No Security Token was added: choose Add Tokens first.");
            return None;
        };
        tokens.iter().find(|sast| sast.certificate() == wanted).cloned()
    }

    fn batch_file(&self, start: &Start, plan: Plan) -> BatchFile {
        let out = self.out_file(&plan.draft().file_name);
        let replaces = if let Start::InForce(old) = start { Some((&*self.source, &**old)) } else { None };
        BatchFile::list(plan, out, replaces)
    }

    /// The file in the output folder; never the list in force itself.
    fn out_file(&self, file_name: &str) -> PathBuf {
        if self.is_file(&self.folder) {
            return self.folder.clone();
        }
        let plain = self.folder.join(Path::new(file_name).file_name().unwrap_or("CTLFile.tlv".as_ref()));
        let same = match (plain.canonicalize(), self.source.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => plain == self.source,
        };
        if same { beside(&plain) } else { plain }
    }

    /// Logs in, signs and writes; `None` is back to the entries. A PIN that was typed and is wrong is typed again, if the
    /// operator chooses so each time.
    pub fn sign(&self, choices: &Choices, confirmed: Confirmed) -> Result<Option<Finished>, WorkError> {
        let Confirmed { plan, shown, mut signer } = confirmed;
        let planned = || self.batch_file(&choices.start, plan.clone());
        let out = planned().out().to_owned();
        if let Some(folder) = out.parent().filter(|f| !f.as_os_str().is_empty()) {
            files::make_folder(folder)?;
        }
        shown.check(self.order.plan_digest)?;
        loop {
            // What its flags say now.
            signer = self.module.as_it_is(signer)?;
            self.title("Security Token Password");
            let batch = Batch::Planned(vec![planned()]);
            let error = match sign_shown((&self.module, &signer), batch, &shown, &self.order, self.operator) {
                Ok(signed) => {
                    let (choices, source) = (choices.clone(), self.source.clone());
                    let list = SignedList { choices, plan, source, out, signed };
                    return Ok(Some(Finished::Signed(Box::new(list))));
                }
                Err(WorkError::Operator(OperatorError::WentBack)) => return Ok(None),
                Err(e) if e.is_of_a_pin() && self.operator.types_pins() => e,
                Err(e) => return Err(e),
            };
            signer = self.module.as_it_is(signer)?;
            let state = signer.token().pin_state;
            self.operator.show_window(WindowView::PinRefused { error, state });
            let (again, back) = ("Type the PIN again", "Back to the CTL entries");
            let options = if state == PinState::Locked { &[back][..] } else { &[again, back] };
            if self.choose("", options, 0)?.and_then(|at| options.get(at)) != Some(&again) {
                return Ok(None);
            }
        }
    }
}
