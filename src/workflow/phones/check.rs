//! Asks phones which list they hold: many at a time, each with a time limit of its own.

use std::time::Duration;

use serde::Serialize;

use crate::cluster::http::page::{PageError, PhoneServer};
use crate::cluster::shell::phones::ListedPhone;
use crate::phone::page::{
    Expected, ListState, Newest, PageText, list_state, newest, page_paths, shows_lists,
};
use crate::workflow::{Operator, WorkError, at_once};

/// How phones are asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The ports of HTTP and HTTPS.
    pub ports: (u16, u16),
    /// The time limit for one phone, all its pages together.
    pub limit: Duration,
    /// How many phones are asked at the same time.
    pub at_once: usize,
}

/// A phone, and what it answered.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedPhone {
    /// The phone.
    #[serde(flatten)]
    pub phone: ListedPhone,
    /// Its answer.
    #[serde(flatten)]
    pub answer: ListState,
}

/// Asks all phones. The answers are in the order of the phones.
///
/// # Errors
/// Only if the operator interrupts it.
pub fn check_phones(
    phones: Vec<ListedPhone>,
    expected: &Expected,
    pace: Pace,
    operator: &dyn Operator,
) -> Result<Vec<CheckedPhone>, WorkError> {
    let work = operator.long_work(&format!("Asking {} phones", phones.len()), Some(phones.len()));
    at_once(phones, pace.at_once, |phone| {
        operator.check_interrupted()?;
        let answer = ask(&phone, expected, pace);
        work.one_done();
        Ok(CheckedPhone { phone, answer })
    })
}

fn ask(phone: &ListedPhone, expected: &Expected, pace: Pace) -> ListState {
    let is_expected =
        |page: &PageText| list_state(expected, Some(page), &Newest::None) == ListState::Expected;
    match read_pages(phone, pace, is_expected) {
        Ok((network, newest)) => list_state(expected, network.as_ref(), &newest),
        Err(why) => ListState::CannotAsk { why },
    }
}

/// The network settings of a phone, if they show its lists, and its newest message; else why it was not asked.
pub type Pages = Result<(Option<PageText>, Newest), String>;

/// Reads the pages of a phone about its lists: the network settings, and the newest message, unless the page is enough.
pub fn read_pages(phone: &ListedPhone, pace: Pace, is_enough: impl Fn(&PageText) -> bool) -> Pages {
    if phone.address.parse::<std::net::IpAddr>().is_err() {
        return Err("its address is not known".to_owned());
    }
    let mut server = PhoneServer::new(&phone.address, pace.ports, pace.limit);
    let mut last = PageError::Status(404);
    let mut shows_no_lists = false;
    for paths in page_paths(&phone.model) {
        let network = match paths.network.map(|path| server.read(path)) {
            Some(Ok(html)) => Some(PageText::read(&html)),
            // The phone has no such page: it may be of another family.
            Some(Err(e @ PageError::Status(_))) => {
                last = e;
                continue;
            }
            Some(Err(e)) => return Err(e.to_string()),
            None => None,
        };
        shows_no_lists |= network.is_some();
        let network = network.filter(shows_lists);
        if network.as_ref().is_some_and(&is_enough) {
            return Ok((network, Newest::None));
        }
        let messages = match paths.messages.map(|path| server.read(path)) {
            Some(Ok(html)) => newest(&PageText::read(&html)),
            Some(Err(e)) if network.is_none() => {
                last = e;
                continue;
            }
            _ => Newest::None,
        };
        if network.is_some() || messages != Newest::None {
            return Ok((network, messages));
        }
    }
    if shows_no_lists {
        return Err("its pages show no trust lists".to_owned());
    }
    Err(match last {
        PageError::Status(404) => "it has no page that is known to show its lists".to_owned(),
        e => e.to_string(),
    })
}
