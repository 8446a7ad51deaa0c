//! The phones of a cluster: which there are, and which of them hold a list. It asks the phones' own pages; nothing changes.

mod by_class;
mod check;
mod list;
mod report;

pub use by_class::{PhonesByClass, counted_phones};
pub use check::{CheckedPhone, Pace, Pages, check_phones, read_pages};
pub use list::{class_of, list_phones, read_phones, write_phones};
pub use report::{Counts, PhonesReport, Visit, VisitPage, visits};
