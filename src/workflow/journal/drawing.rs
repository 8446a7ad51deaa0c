//! A list as a drawing (SVG): the signer above, below it what the list makes phones trust.

use crate::trustlist::{Function, Record, TrustList};

/// In the drawing's own units, as everything here.
pub const BOX_WIDTH: f64 = 200.0;
pub const BOX_HEIGHT: f64 = 58.0;
const GAP: f64 = 16.0;
const ROW_HEIGHT: f64 = 110.0;
const IN_A_ROW: usize = 3;

/// Where everything stands.
pub struct Drawing {
    pub width: f64,
    pub height: f64,
    pub top: TextBox,
    pub others: Vec<TextBox>,
}

pub struct TextBox {
    /// `signer`, or `unknown` where it has no SAST record; below it `sast` and `server`.
    pub class: &'static str,
    pub x: f64,
    pub y: f64,
    pub lines: Vec<String>,
}

impl Drawing {
    /// Of one list.
    pub fn new(list: &TrustList) -> Self {
        let lines = |record: &Record| {
            let [function, name, at, key] = row(list, record);
            vec![name, if at.is_empty() { function } else { format!("{function}  {at}") }, key]
        };
        let is_signer = |r: &Record| list.is_signer(r) && r.function() == Function::SAST;
        let signer = list.records().iter().position(is_signer);
        let others = list.records().iter().enumerate().filter(|(at, _)| Some(*at) != signer);
        let below = |(at, (_, record)): (usize, (_, &Record))| TextBox {
            class: if record.function() == Function::SAST { "sast" } else { "server" },
            x: (at % IN_A_ROW) as f64 * (BOX_WIDTH + GAP) + GAP,
            y: (at / IN_A_ROW) as f64 * ROW_HEIGHT + BOX_HEIGHT + 4.0 * GAP,
            lines: lines(record),
        };
        let others: Vec<_> = others.enumerate().map(below).collect();
        let rows = others.len().div_ceil(IN_A_ROW).max(1) as f64;
        let width = others.len().clamp(2, IN_A_ROW) as f64 * (BOX_WIDTH + GAP) + GAP;
        let (class, lines) = match signer.and_then(|at| list.records().get(at)) {
            Some(record) => ("signer", lines(record)),
            None => ("unknown", vec![list.header().signer_short_name(), "has no SAST record".to_owned()]),
        };
        let top = TextBox { class, x: (width - BOX_WIDTH) / 2.0, y: GAP, lines };
        Drawing { width, height: rows * ROW_HEIGHT + BOX_HEIGHT + 2.0 * GAP, top, others }
    }
}

/// A record in one row: function, name, address, key.
pub fn row(list: &TrustList, record: &Record) -> [String; 4] {
    let at = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    let key = match record.certificate() {
        Some(Ok(certificate)) => certificate.public_key.describe(),
        Some(Err(_)) => "unreadable".to_owned(),
        None => "no certificate".to_owned(),
    };
    let key = if list.is_signer(record) { format!("{key}, signs") } else { key };
    [record.function().to_string(), record.short_name(), at.unwrap_or_default(), key]
}

impl TextBox {
    /// Where its arrow begins or ends.
    pub fn middle(&self) -> f64 {
        self.x + BOX_WIDTH / 2.0
    }
}
