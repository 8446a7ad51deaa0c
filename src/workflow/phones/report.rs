//! What came out, counted and by name: for people, for spreadsheets, and as a page of the phones that refused the list or
//! hold another one.

use std::collections::BTreeMap;

use askama::Template;
use serde::Serialize;

use super::check::CheckedPhone;
use super::list::{class_of, csv_file};
use crate::phone::page::ListState;
use crate::phone::{PhoneClass, keys_to_delete_lists};

/// How many phones of a model answered what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// They hold the expected list.
    pub expected: usize,
    /// They refused it.
    pub refused: usize,
    /// They hold another list.
    pub other: usize,
    /// They have no list.
    pub no_list: usize,
    /// They show no checksum.
    pub not_shown: usize,
    /// They could not be asked.
    pub cannot_ask: usize,
}

impl Counts {
    fn add(&mut self, answer: &ListState) {
        let count = match answer {
            ListState::Expected => &mut self.expected,
            ListState::Refused { .. } => &mut self.refused,
            ListState::Other { .. } => &mut self.other,
            ListState::NoList { .. } => &mut self.no_list,
            ListState::NotShown { .. } => &mut self.not_shown,
            ListState::CannotAsk { .. } => &mut self.cannot_ask,
        };
        *count = count.saturating_add(1);
    }
}

/// A model of phones.
#[derive(Debug, Serialize)]
pub struct OfModel {
    /// `Cisco 8845`; empty if the list does not say.
    pub model: String,
    /// The class of its phones, if a source names it.
    pub class: Option<PhoneClass>,
    /// What they answered.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What came out.
#[derive(Debug, Serialize)]
pub struct PhonesReport {
    /// All phones.
    pub all: Counts,
    /// By model.
    pub models: Vec<OfModel>,
    /// Each phone.
    pub phones: Vec<CheckedPhone>,
}

impl PhonesReport {
    /// Counts the answers.
    pub fn new(phones: Vec<CheckedPhone>) -> Self {
        let mut all = Counts::default();
        let mut models: BTreeMap<&str, (Option<PhoneClass>, Counts)> = BTreeMap::new();
        for phone in &phones {
            all.add(&phone.answer);
            let of_model = models.entry(&phone.phone.model);
            of_model.or_insert_with(|| (class_of(&phone.phone), Counts::default())).1.add(&phone.answer);
        }
        let of_model = |(model, (class, counts)): (&str, (_, Counts))| OfModel {
            model: model.to_owned(),
            class,
            counts,
        };
        let models = models.into_iter().map(of_model).collect();
        PhonesReport { all, models, phones }
    }

    /// Whether a phone holds another list than expected, refused it, or has none.
    pub fn needs_a_hand(&self) -> bool {
        self.all.refused > 0 || self.all.other > 0 || self.all.no_list > 0
    }

    /// A row a phone, for a spreadsheet.
    pub fn csv(&self) -> Vec<u8> {
        let rows: Vec<[String; 8]> = self.phones.iter().map(csv_row).collect();
        let head = ["name", "address", "model", "registration", "description", "state", "shows", "keys"];
        csv_file(&head, rows.iter().map(|row| row.each_ref().map(String::as_str)))
    }
}

fn csv_row(checked: &CheckedPhone) -> [String; 8] {
    let phone = &checked.phone;
    let (state, shows) = checked.answer.words();
    let keys = if needs_visit(&checked.answer) { keys_to_delete_lists(&phone.model) } else { None };
    [
        phone.name.clone(),
        phone.address.clone(),
        phone.model.clone(),
        phone.registration.label().to_owned(),
        phone.description.clone(),
        state.to_owned(),
        shows.unwrap_or_default(),
        keys.unwrap_or_default().to_owned(),
    ]
}

impl ListState {
    /// In words: what the phone did, and what it shows.
    pub fn words(&self) -> (&'static str, Option<String>) {
        match self {
            ListState::Expected => ("has it", None),
            ListState::Refused { message, .. } => ("refused it", Some(message.clone())),
            ListState::Other { checksum, message } => {
                let message = message.as_ref().map(|message| format!("; {message}")).unwrap_or_default();
                ("has another list", Some(format!("{checksum}{message}")))
            }
            ListState::NoList { message } => ("has no list", Some(message.clone())),
            ListState::NotShown { shows } => ("shows no checksum", shows.clone()),
            ListState::CannotAsk { why } => ("cannot be asked", Some(why.clone())),
        }
    }
}

fn needs_visit(answer: &ListState) -> bool {
    matches!(answer, ListState::Refused { .. } | ListState::Other { .. })
}

/// A phone that somebody must look at.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The phone and its answer.
    pub phone: &'a CheckedPhone,
    /// What it did.
    pub state: &'static str,
    /// What it shows.
    pub shows: String,
    /// The keys that delete its lists.
    pub keys: Option<&'static str>,
}

impl<'a> Visit<'a> {
    fn of(phone: &'a CheckedPhone) -> Self {
        let (state, shows) = phone.answer.words();
        let keys = keys_to_delete_lists(&phone.phone.model);
        Visit { phone, state, shows: shows.unwrap_or_default(), keys }
    }
}

/// The phones that refused the list or hold another one; those that refused it first, then by model and name.
pub fn visits(report: &PhonesReport) -> Vec<Visit<'_>> {
    let some = report.phones.iter().filter(|phone| needs_visit(&phone.answer));
    let mut visits: Vec<Visit<'_>> = some.map(Visit::of).collect();
    visits.sort_by_key(|visit| {
        let phone = &visit.phone.phone;
        let refused = matches!(visit.phone.answer, ListState::Refused { .. });
        (!refused, phone.model.clone(), phone.name.clone())
    });
    visits
}

/// The page of the phones that refused the list or hold another one.
#[derive(Template)]
#[template(path = "visits.html")]
pub struct VisitPage<'a> {
    /// The list that they should hold.
    pub file: &'a str,
    /// Its checksums.
    pub md5: &'a str,
    /// SHA-1.
    pub sha1: &'a str,
    /// When they were asked.
    pub time: &'a str,
    /// What came out.
    pub report: &'a PhonesReport,
    /// The phones.
    pub visits: &'a [Visit<'a>],
}
