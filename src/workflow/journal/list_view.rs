//! A list as the pages of a journal show it: its records as rows of text.

use crate::trustlist::{Function, Record, TrustFile, TrustList, VerifiedList};

/// Records that are shown of a list.
const LONGEST: usize = 100;

/// A list in words.
pub struct ListView {
    /// Whether its signature verifies.
    pub verified: String,
    pub rows: Vec<Row>,
    /// How many records are left out.
    pub more: usize,
    /// The name of its signer, from the header.
    pub signer: String,
}

/// A record in one row.
pub struct Row {
    /// Function, name, address, key.
    pub cells: [String; 4],
    /// Whether the header names it.
    pub signs: bool,
    pub is_sast: bool,
}

impl ListView {
    /// Of a file, if it is a list; `say` is asked for what takes the place of each text.
    pub fn of(bytes: Vec<u8>, say: &dyn Fn(&str) -> String) -> Option<Self> {
        let TrustFile::List(list) = TrustFile::decode(bytes).ok()? else { return None };
        let verified = match list.verify().as_ref().map(VerifiedList::signer_name) {
            Ok(name) => format!("verified, signed by {name}"),
            Err(e) => format!("not verified: {e}"),
        };
        let row = |record| Row {
            cells: cells(&list, record).map(|text| say(&text)),
            signs: list.is_signer(record),
            is_sast: record.function() == Function::SAST,
        };
        Some(ListView {
            verified: say(&verified),
            rows: list.records().iter().take(LONGEST).map(row).collect(),
            more: list.records().len().saturating_sub(LONGEST),
            signer: say(&list.header().signer_short_name()),
        })
    }

    /// Its servers, each once: name and address.
    pub fn servers(&self) -> Vec<String> {
        let mut servers = Vec::new();
        for Row { cells: [function, name, at, _], .. } in self.rows.iter().filter(|row| !row.is_sast) {
            let server = if at == name { name.clone() } else { format!("{name} {at}") };
            if function != "CAPF" && !servers.contains(&server) {
                servers.push(server);
            }
        }
        servers
    }
}

fn cells(list: &TrustList, record: &Record) -> [String; 4] {
    let at = record.ip_address().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    let key = match record.certificate() {
        Some(Ok(certificate)) => certificate.public_key.describe(),
        Some(Err(_)) => "unreadable".to_owned(),
        None => "no certificate".to_owned(),
    };
    let key = if list.is_signer(record) { format!("{key}, signs") } else { key };
    [record.function().to_string(), record.short_name(), at.unwrap_or_default(), key]
}
