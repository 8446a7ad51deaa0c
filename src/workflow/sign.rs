//! Signing a list again as it is: the same records, a new signature and time.

use crate::trustlist::VerifiedList;

use super::error::PlanError;
use super::plan::{
    Mark, Plan, PlanStep, Request, Sketch, header_changes, signer_not_in_force, signs_this_file,
};

/// Plans a list's new signature. The signer must be a SAST of the list.
pub fn resign(old: &VerifiedList, request: &Request<'_>) -> Result<Plan, PlanError> {
    let list = old.list();
    if !list.sasts().any(|r| r.is_of(request.signer)) {
        return Err(signer_not_in_force(old, request.signer, false));
    }
    let steps = list
        .records()
        .iter()
        .map(|r| {
            let signs = r.function() == crate::trustlist::Function::SAST && r.is_of(request.signer);
            PlanStep::new(
                Mark::Keep,
                r,
                if signs { signs_this_file(request) } else { "stays as it is".to_owned() },
            )
        })
        .collect();
    let (file_name, records) = (list.header().file_name(), list.records().to_vec());
    let warnings = header_changes(old, request);
    Plan::new(request, Some(old), Sketch { file_name, steps, records, warnings })
}
