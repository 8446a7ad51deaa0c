//! The list of phones: from the nodes, or from a CSV file.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cluster::shell::phones::{ListedPhone, Registration};
use crate::cluster::{Connector, NodeAddress, nodes_of, side_by_side};
use crate::files;
use crate::phone::{PhoneClass, class_of_model};
use crate::workflow::{Operator, WorkError};

/// The largest list of phones that is read, in bytes.
const MOST: usize = 64 * 1024 * 1024;

/// Asks every node for the phones that it knows now, and the publisher for those in the database. A node that does not answer
/// is a warning: its phones are then only those of the database. These nodes are in the result, too.
pub fn list_phones(
    publisher: &NodeAddress,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<(Vec<ListedPhone>, Vec<String>), WorkError> {
    let mut shell = connector.open(publisher)?;
    let nodes: Vec<NodeAddress> =
        nodes_of(&mut shell, publisher)?.into_iter().map(|(node, _)| node).collect();
    let mut phones = Phones::default();
    match shell.phones_in_database() {
        Ok(found) => found.into_iter().for_each(|phone| phones.add(phone)),
        Err(e) => {
            operator.warn(&format!("the phones in the database were not read, so models may be missing: {e}"))
        }
    }
    let with_default = shell.models_with_security_by_default();
    drop(shell);
    let known = side_by_side(&nodes, connector, |node, connector| {
        let found = connector.open(node).and_then(|mut shell| shell.known_phones());
        operator.note(&format!("{node}: asked for its phones"));
        found
    });
    let mut not_read = Vec::new();
    for (node, found) in nodes.iter().zip(known) {
        match found {
            Ok(found) => found.into_iter().for_each(|phone| phones.add(phone)),
            Err(e) => {
                operator.warn(&format!("{node}: its phones were not read: {e}"));
                not_read.push(node.to_string());
            }
        }
    }
    match with_default {
        Ok(models) => phones.0.values_mut().filter(|phone| !phone.model.is_empty()).for_each(|phone| {
            phone.security_by_default = Some(models.contains(&phone.model));
        }),
        Err(_) => operator.note("the database does not tell which models have Security by Default"),
    }
    Ok((phones.0.into_values().collect(), not_read))
}

/// The class of a phone; `None` if neither the database nor a source tells it. A model is named by the database; a number has
/// no class.
pub fn class_of(phone: &ListedPhone) -> Option<PhoneClass> {
    match phone.security_by_default {
        Some(true) => Some(PhoneClass::SecurityByDefault),
        Some(false) if phone.model.chars().any(char::is_alphabetic) => Some(PhoneClass::WithoutTvs),
        _ => class_of_model(&phone.model),
    }
}

/// Phones by name: what several lists say about one phone is put together.
#[derive(Default)]
struct Phones(BTreeMap<String, ListedPhone>);

impl Phones {
    /// Adds a phone. Of two nodes that know it, the one where it is registered counts, then the one with the newest change.
    fn add(&mut self, phone: ListedPhone) {
        let at = self.0.entry(phone.name.clone()).or_default();
        let rank = |phone: &ListedPhone| (phone.registration, phone.changed.parse::<u64>().unwrap_or(0));
        let (mut first, second) =
            if rank(at) > rank(&phone) { (at.clone(), phone) } else { (phone, at.clone()) };
        first.security_by_default = first.security_by_default.or(second.security_by_default);
        // The database has the model's name, and the node a number or nothing.
        let has_name = |model: &str| model.chars().any(char::is_alphabetic);
        if first.model.is_empty() || (has_name(&second.model) && !has_name(&first.model)) {
            first.model = second.model;
        }
        for (of_first, of_second) in
            [(&mut first.address, second.address), (&mut first.description, second.description)]
        {
            if of_first.is_empty() {
                *of_first = of_second;
            }
        }
        *at = first;
    }
}

/// The columns of a CSV file that is written.
const COLUMNS: [&str; 6] = ["name", "address", "model", "registration", "description", "security by default"];

const YES_NO: [(bool, &str); 2] = [(true, "yes"), (false, "no")];

/// Names of columns in files of others, for each of [`COLUMNS`]: those of `show risdb query phone` and of the database.
const OTHER_NAMES: [&[&str]; 6] = [
    &["devicename", "device name"],
    &["ipaddr", "ipaddress", "ip address", "ip"],
    &["devicemodel", "device type", "type"],
    &["regstatus", "status"],
    &["descr"],
    &[],
];

/// Reads a CSV file with a head line; it must have a column `name`, and needs `address` for phones to be asked.
///
/// # Errors
/// If the file cannot be read, is no CSV, or has no names of phones.
pub fn read_phones(path: &Path) -> Result<Vec<ListedPhone>, WorkError> {
    let file = files::display_name(path);
    let bytes = files::read_limited(path, MOST)?;
    let not_a_list = |why: String| WorkError::NotAListOfPhones { file: file.clone(), why };
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(&bytes[..]);
    let head = reader.byte_headers().map_err(|e| not_a_list(e.to_string()))?.clone();
    let head: Vec<String> = head
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').to_lowercase())
        .collect();
    let at = |column: usize| {
        let (own, others) = (COLUMNS.get(column), OTHER_NAMES.get(column));
        head.iter().position(|name| {
            own.is_some_and(|own| name == own) || others.is_some_and(|others| others.contains(&name.as_str()))
        })
    };
    let places: Vec<Option<usize>> = (0..COLUMNS.len()).map(at).collect();
    if places.first().is_none_or(Option::is_none) {
        return Err(not_a_list("its first line has no column called name".to_owned()));
    }
    let mut phones = Phones::default();
    for record in reader.byte_records() {
        let record = record.map_err(|e| not_a_list(e.to_string()))?;
        let mut cells = places.iter().map(|place| {
            let cell = place.and_then(|place| record.get(place)).unwrap_or_default();
            String::from_utf8_lossy(cell).into_owned()
        });
        let mut next = || cells.next().unwrap_or_default();
        let (name, address, model, registration, description, has_default) =
            (next(), next(), next(), next(), next(), next());
        if name.is_empty() {
            continue;
        }
        let registration = Registration::read(&registration);
        let security_by_default = YES_NO.iter().find(|(_, word)| *word == has_default).map(|(is, _)| *is);
        let changed = String::new();
        phones.add(ListedPhone {
            name,
            address,
            model,
            description,
            registration,
            security_by_default,
            changed,
        });
    }
    Ok(phones.0.into_values().collect())
}

/// The list as a CSV file that [`read_phones`] reads.
pub fn write_phones(phones: &[ListedPhone]) -> Vec<u8> {
    let rows = phones.iter().map(|phone| {
        let has_default = phone.security_by_default.and_then(|has| YES_NO.iter().find(|(is, _)| *is == has));
        let has_default = has_default.map(|(_, word)| *word).unwrap_or_default();
        let [name, address, model, description] =
            [&phone.name, &phone.address, &phone.model, &phone.description].map(String::as_str);
        [name, address, model, phone.registration.label(), description, has_default]
    });
    csv_file(&COLUMNS, rows)
}

/// A CSV file. A cell that a spreadsheet would calculate begins with an apostrophe.
pub(super) fn csv_file<'a, const N: usize>(
    head: &[&str; N],
    rows: impl Iterator<Item = [&'a str; N]>,
) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: [String; N]| writer.write_record(cells);
    // Writing to memory does not fail.
    let _ = write(head.map(str::to_owned));
    for row in rows {
        let _ = write(row.map(|cell| {
            if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                format!("'{cell}")
            } else {
                cell.to_owned()
            }
        }));
    }
    writer.into_inner().unwrap_or_default()
}
