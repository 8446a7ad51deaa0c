//! Asks phones which list they hold: many at a time, each with a time limit of its own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;

use crate::cluster::http::page::{PageError, PhoneServer};
use crate::cluster::shell::phones::ListedPhone;
use crate::phone::page::{
    Expected, ListState, Newest, PageText, list_state, newest, page_paths, shows_lists,
};
use crate::workflow::{Operator, WorkError};

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
    pub answer: PhoneAnswer,
}

/// The answer of a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PhoneAnswer {
    /// Its pages were read.
    Shows(ListState),
    /// They were not.
    CannotAsk(CannotAsk),
}

/// Why a phone was not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CannotAsk {
    /// Always `cannot-ask`.
    state: &'static str,
    /// Why, in words.
    pub why: String,
}

impl CannotAsk {
    fn because(why: impl ToString) -> PhoneAnswer {
        PhoneAnswer::CannotAsk(CannotAsk { state: "cannot-ask", why: why.to_string() })
    }
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
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut answers: Vec<Option<PhoneAnswer>> = phones.iter().map(|_| None).collect();
    let interrupted = std::thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for _ in 0..pace.at_once.clamp(1, phones.len().max(1)) {
            let (send, phones, next, stop) = (send.clone(), &phones, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(phone) = phones.get(at) else { return };
                    if send.send((at, ask(phone, expected, pace))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (at, answer) in receive {
            if let Some(place) = answers.get_mut(at) {
                *place = Some(answer);
            }
            work.one_done();
            if let Err(e) = operator.check_interrupted() {
                stop.store(true, Ordering::Relaxed);
                return Some(e);
            }
        }
        None
    });
    if let Some(e) = interrupted {
        return Err(e.into());
    }
    let not_asked = || CannotAsk::because("it was not asked");
    let checked = phones.into_iter().zip(answers);
    Ok(checked
        .map(|(phone, answer)| CheckedPhone { phone, answer: answer.unwrap_or_else(not_asked) })
        .collect())
}

fn ask(phone: &ListedPhone, expected: &Expected, pace: Pace) -> PhoneAnswer {
    let is_expected =
        |page: &PageText| list_state(expected, Some(page), &Newest::None) == ListState::Expected;
    match read_pages(phone, pace, is_expected) {
        Ok((network, newest)) => PhoneAnswer::Shows(list_state(expected, network.as_ref(), &newest)),
        Err(why) => CannotAsk::because(why),
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
