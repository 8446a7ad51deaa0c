//! A request is made, and checked: everything that a plan shows is made again from the files; a digest covers the rest.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::Value;

use super::error::ExchangeError;
use super::request::{
    CarriedFile, FORMAT, MAX_REQUEST, MAX_SINGLE, Planned, SigningRequest, Work, first_difference,
    is_canonical, parse,
};
use super::seen::Seen;
use crate::phone::TvsStatus;
use crate::trustlist::{TrustList, VerifiedList};
use crate::workflow::signing::{BatchFile, FilesToSign, SigningError};
use crate::workflow::{self, PlanDigest, PlanError, Spell, WorkError, beside};

/// The most values in a request: a hundred for each of ten thousand files.
const MAX_VALUES: usize = 1_000_000;

/// What a request is made of.
#[allow(missing_docs, reason = "the fields are called as in `SigningRequest`")]
pub struct Requested<'a> {
    pub serial: [u8; 16],
    pub made: Timestamp,
    pub expires: Timestamp,
    pub asked_by: String,
    pub cluster: Option<String>,
    pub change: Option<String>,
    pub needs_approvals: usize,
    /// The signer and how it signs; the time of judging is `made`.
    pub request: workflow::Request<'a>,
    pub work: Work,
    pub seen: Option<Seen>,
}

impl SigningRequest {
    /// Makes a request; refused where the files give no plan.
    pub fn make(it: Requested<'_>) -> Result<(Self, Vec<BatchFile>), WorkError> {
        let mut request = SigningRequest {
            format: FORMAT.to_owned(),
            serial: HEXLOWER.encode(&it.serial),
            made: it.made,
            expires: it.expires,
            asked_by: it.asked_by,
            cluster: it.cluster,
            change: it.change,
            needs_approvals: it.needs_approvals,
            signer: it.request.signer.clone(),
            options: it.request.options,
            name_style: it.request.name_style,
            force: it.request.force,
            work: it.work,
            plans: vec![],
            seen: it.seen,
            digest: String::new(),
            approvals: vec![],
        };
        let batch = request.batch(it.request.spell)?;
        request.plans = batch.iter().map(Planned::of).collect();
        request.digest = request.sum();
        let bytes = request.to_bytes().len();
        check_size(bytes, request.plans.len())?;
        Ok((request, batch))
    }

    /// Reads a request and makes everything in it again that can be made again; an error names the field that differs.
    pub fn read(bytes: &[u8], spell: Spell) -> Result<(Self, Vec<BatchFile>), ExchangeError> {
        let what = "a request";
        check_size(bytes.len(), usize::MAX)?;
        // A value of two bytes takes 32 in memory.
        if bytes.iter().filter(|byte| **byte == b',').count() > MAX_VALUES {
            return Err(ExchangeError::TooManyValues { limit: MAX_VALUES });
        }
        let request: SigningRequest = parse(bytes, what, FORMAT)?;
        let serial = HEXLOWER.decode(request.serial.as_bytes()).unwrap_or_default();
        if serial.len() != 16 {
            return Err(changed("serial"));
        }
        check_size(bytes.len(), request.plans.len())?;
        is_canonical(bytes, &request, "request")?;
        let of_the_list = |seen: &Seen| match &request.work {
            Work::Revert { in_force, .. } => seen.is_of(&in_force.bytes),
            _ => false,
        };
        if !request.seen.as_ref().is_none_or(of_the_list) {
            return Err(changed("seen.nodes"));
        }
        let batch = request.batch(spell).map_err(|e| ExchangeError::NoPlan(e.to_string()))?;
        let plans: Vec<_> = batch.iter().map(Planned::of).collect();
        if plans != request.plans {
            let [there, made] = [&request.plans, &plans].map(|plans| serde_json::json!({ "plans": plans }));
            return Err(changed(&first_difference(&there, &made).unwrap_or_default()));
        }
        if request.digest != request.sum() {
            return Err(changed("digest"));
        }
        request.approved_by()?;
        Ok((request, batch))
    }

    /// The plans of the files.
    fn batch(&self, spell: Spell) -> Result<Vec<BatchFile>, WorkError> {
        let request = &workflow::Request {
            signer: &self.signer,
            options: self.options,
            name_style: self.name_style,
            now: self.made.as_second(),
            force: self.force,
            spell,
        };
        let one = |file: &CarriedFile, old: &VerifiedList, plan: Result<_, PlanError>| {
            Ok(vec![BatchFile::list(plan?, beside(&file.name()), Some((Path::new(&file.path), old)))])
        };
        match &self.work {
            Work::Revert { in_force, spares, release, single_token, edits } => {
                let old = in_force.list()?;
                let plan = workflow::revert(&old, request, spares, *release, *single_token, edits);
                let tvs = self.seen.as_ref().map_or(TvsStatus::NotAsked, Seen::tvs);
                one(in_force, &old, plan.map(|plan| plan.with_tvs(&old, &tvs, request)))
            }
            Work::Update { in_force, edits, needed } => {
                let old = in_force.list()?;
                let plan = match needed {
                    Some(needed) => workflow::renew(&old, request, needed, edits),
                    None => workflow::update(&old, request, edits),
                };
                one(in_force, &old, plan)
            }
            Work::Create { cluster, certificates, spares, single_token, edits } => {
                let plan = workflow::create(cluster, certificates, request, spares, *single_token, edits)?;
                let out = PathBuf::from(&plan.draft().file_name);
                Ok(vec![BatchFile::list(plan, out, None)])
            }
            Work::Sign { files } => {
                let names: Vec<PathBuf> = files.iter().map(CarriedFile::name).collect();
                // Several lists keep their names.
                let out = (files.len() > 1).then_some(Path::new("."));
                let all = FilesToSign { files: &names, out, in_place: false, file_name: None };
                let plan = |(file, name): (&CarriedFile, &PathBuf)| {
                    let mut planned = all.plan_of(name, file.bytes.clone(), request)?;
                    planned.input.iter_mut().for_each(|input| input.path = file.path.clone().into());
                    let out = planned.out().file_name().unwrap_or(name.as_os_str()).into();
                    Ok::<_, WorkError>(planned.placed(out))
                };
                let planned: Vec<BatchFile> = files.iter().zip(&names).map(plan).collect::<Result<_, _>>()?;
                let mut places = HashSet::new();
                match planned.iter().find(|file| !places.insert(file.out())) {
                    Some(file) => Err(SigningError::SamePlace(file.out().to_owned()).into()),
                    None => Ok(planned),
                }
            }
        }
    }
}

impl CarriedFile {
    /// Its name without a folder, whichever system the machine that asks has.
    fn name(&self) -> PathBuf {
        self.path.rsplit(['/', '\\']).next().unwrap_or_default().into()
    }

    fn list(&self) -> Result<VerifiedList, WorkError> {
        let file = || self.path.clone();
        let list = TrustList::decode(self.bytes.clone());
        let list = list.map_err(|source| WorkError::Decode { file: file(), source })?;
        list.verify().map_err(|source| WorkError::NotVerified { file: file(), source })
    }
}

impl Planned {
    fn of(file: &BatchFile) -> Self {
        let told = file.plan().map(|plan| plan.told());
        let [steps, phones, findings] = told.unwrap_or_else(|| [(); 3].map(|()| Value::Array(vec![])));
        let digest: PlanDigest = file.digest();
        Planned {
            file: file.out().display().to_string(),
            digest: digest.to_string(),
            steps,
            phones,
            findings,
        }
    }
}

fn changed(field: &str) -> ExchangeError {
    ExchangeError::Changed { what: "request", field: field.to_owned() }
}

pub(super) fn check_size(bytes: usize, files: usize) -> Result<(), ExchangeError> {
    let limit = if files > 1 { MAX_REQUEST } else { MAX_SINGLE };
    if bytes > limit { Err(ExchangeError::TooLarge { what: "request", limit }) } else { Ok(()) }
}
