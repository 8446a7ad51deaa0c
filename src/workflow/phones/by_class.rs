//! The phones of a list by class: how many would be left behind, and which.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::list::{class_of, read_phones};
use crate::phone::PhoneClass;
use crate::workflow::WorkError;

/// How many phones of a class are named in a line of text.
const NAMED: usize = 10;

/// The phones of one class.
#[derive(Debug, Serialize)]
pub struct PhonesOfClass {
    /// The class; `None`: no source names the class of their models.
    pub class: Option<PhoneClass>,
    /// Their names, in order.
    pub names: Vec<String>,
}

/// The phones of a list by class.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct PhonesByClass(Vec<PhonesOfClass>);

impl PhonesByClass {
    /// Of the list in this CSV file, which `phones list` writes.
    ///
    /// # Errors
    /// Those of [`read_phones`].
    pub fn read(path: &Path) -> Result<Self, WorkError> {
        let mut classes = [Some(PhoneClass::SecurityByDefault), Some(PhoneClass::WithoutTvs), None]
            .map(|class| PhonesOfClass { class, names: vec![] });
        for phone in read_phones(path)? {
            let class = class_of(&phone);
            let of_class = classes.iter_mut().find(|it| it.class == class);
            of_class.into_iter().for_each(|it| it.names.push(phone.name.clone()));
        }
        Ok(PhonesByClass(classes.into()))
    }

    /// The names of the phones of this class; `None`: those of which no source names the class.
    pub fn names(&self, class: Option<PhoneClass>) -> &[String] {
        self.0.iter().find(|it| it.class == class).map(|it| &it.names[..]).unwrap_or_default()
    }

    /// How many phones each class has, without their names; for programs.
    pub fn counts(&self) -> serde_json::Value {
        self.0.iter().map(|it| json!({ "class": it.class, "count": it.names.len() })).collect()
    }

    /// How many phones this class has, in words; `with_names`: the first of them by name, too.
    pub fn says(&self, class: Option<PhoneClass>, with_names: bool) -> String {
        let names = self.names(class);
        let shown = names.get(..NAMED.min(names.len())).filter(|it| with_names && !it.is_empty());
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown = shown.map(|it| format!(": {}{more}", it.join(", "))).unwrap_or_default();
        format!("{} on the list{shown}", counted_phones(names.len()))
    }

    /// How many phones are on the list.
    pub fn count(&self) -> usize {
        self.0.iter().map(|it| it.names.len()).sum()
    }
}

/// `1 phone`, `12 phones`
pub fn counted_phones(phones: usize) -> String {
    if phones == 1 { "1 phone".to_owned() } else { format!("{phones} phones") }
}
