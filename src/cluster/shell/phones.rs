//! The phones in the shell's answers: those that a node knows now, and those in the database.

use serde::Serialize;

/// Whether a phone is registered with a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registration {
    /// The list does not say.
    #[default]
    NotKnown,
    /// It was, and is not now.
    Unregistered,
    /// The node rejected it.
    Rejected,
    /// It is, maybe in part.
    Registered,
}

impl Registration {
    /// RegStatus of `show risdb`: `reg`, `unr`, `rej`; partial forms contain `reg`.
    pub fn read(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        match () {
            () if text.starts_with("unr") => Registration::Unregistered,
            () if text.starts_with("rej") => Registration::Rejected,
            () if text.contains("reg") => Registration::Registered,
            () => Registration::NotKnown,
        }
    }

    /// Its name for people and files.
    pub fn label(self) -> &'static str {
        match self {
            Registration::NotKnown => "not known",
            Registration::Unregistered => "unregistered",
            Registration::Rejected => "rejected",
            Registration::Registered => "registered",
        }
    }
}

/// A phone as a node or a file lists it; what is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ListedPhone {
    /// `SEP001122334455`.
    pub name: String,
    /// Its IP address.
    pub address: String,
    /// `Cisco 8845`, or whatever the list calls it.
    pub model: String,
    /// What the administrator calls it.
    pub description: String,
    /// Whether it is registered.
    pub registration: Registration,
    /// Whether the database says that its model has Security by Default.
    pub security_by_default: Option<bool>,
    /// When that changed, in the node's own words; numbers are seconds.
    #[serde(skip)]
    pub changed: String,
}

/// Reads `show risdb query phone`: a header that begins with `DeviceName`, then a row a phone, separated by `, `. A
/// description may contain commas, so the columns behind it are counted from the right. The columns are read by name:
/// not every name is published. `None`: there is no header.
pub fn known_phones(lines: &[String]) -> Option<Vec<ListedPhone>> {
    let at = lines.iter().position(|line| line.trim_start().starts_with("DeviceName"))?;
    let header: Vec<String> =
        lines.get(at)?.split(',').map(|name| name.trim().to_lowercase().replace(' ', "")).collect();
    let rows = lines.get(at.saturating_add(1)..).unwrap_or_default();
    let rows = rows.iter().take_while(|row| !row.trim().is_empty() && !row.trim_start().starts_with("Total"));
    Some(rows.filter_map(|row| known_phone(&header, row)).collect())
}

fn known_phone(header: &[String], row: &str) -> Option<ListedPhone> {
    let (name, rest) = row.split_once(',')?;
    let behind = header.len().checked_sub(2)?;
    let mut cells: Vec<&str> = rest.rsplitn(behind.saturating_add(1), ',').map(str::trim).collect();
    cells.push(name.trim());
    cells.reverse();
    let cell = |names: &[&str]| {
        let at = header.iter().position(|column| names.contains(&column.as_str()))?;
        cells.get(at).map(|cell| (*cell).to_owned())
    };
    let name = cell(&["devicename"]).filter(|name| !name.is_empty())?;
    Some(ListedPhone {
        name,
        address: cell(&["ipaddr", "ipaddress"]).unwrap_or_default(),
        model: cell(&["devicemodel", "model"]).unwrap_or_default(),
        description: cell(&["descr", "description"]).unwrap_or_default(),
        registration: Registration::read(&cell(&["regstatus"]).unwrap_or_default()),
        security_by_default: None,
        changed: cell(&["regstatuschgtimestamp", "lastacttimestamp", "timestamp"]).unwrap_or_default(),
    })
}

/// The query for the phones in the database: name, model, description.
pub const PHONES_IN_DATABASE: &str = "run sql select d.name, t.name as model, d.description from device d inner join \
     typemodel t on d.tkmodel=t.enum where d.tkclass=1 order by d.name";

/// Reads the answer to [`PHONES_IN_DATABASE`]. `None`: it is no table.
pub fn phones_in_database(lines: &[String]) -> Option<Vec<ListedPhone>> {
    let rows = table(lines)?.into_iter().filter_map(|row| {
        let mut cells = row.into_iter();
        let (name, model) = (cells.next()?, cells.next().unwrap_or_default());
        let description = cells.next().unwrap_or_default();
        (!name.is_empty()).then(|| ListedPhone { name, model, description, ..ListedPhone::default() })
    });
    Some(rows.collect())
}

/// The query for the features of phones.
pub const FEATURES: &str = "run sql select enum,name from typesupportsfeature";

/// The query for the models with Security by Default, by the answer to [`FEATURES`]; `None`: no feature, or several, has that
/// name.
pub fn models_query(lines: &[String]) -> Option<String> {
    let features = table(lines)?.into_iter().filter_map(|row| {
        let [number, name] = <[String; 2]>::try_from(row).ok()?;
        name.to_lowercase().contains("security by default").then(|| number.parse::<u32>().ok()).flatten()
    });
    let [number] = <[u32; 1]>::try_from(features.collect::<Vec<_>>()).ok()?;
    Some(format!(
        "run sql select distinct t.name from typemodel t inner join productsupportsfeature p on p.tkmodel=t.enum where \
         p.tksupportsfeature={number}"
    ))
}

/// Reads the answer to [`models_query`]. `None`: it is no table, or has no row.
pub fn models(lines: &[String]) -> Option<Vec<String>> {
    let names = table(lines)?.into_iter().filter_map(|row| row.into_iter().next());
    Some(names.collect::<Vec<_>>()).filter(|names| !names.is_empty())
}

/// The rows of a table of the database. Columns are as wide as the signs `=` below their names, so a cell may contain blanks.
fn table(lines: &[String]) -> Option<Vec<Vec<String>>> {
    let is_rule = |line: &&String| line.starts_with('=') && line.chars().all(|c| c == '=' || c == ' ');
    let at = lines.iter().position(|line| is_rule(&line))?;
    let widths: Vec<usize> =
        lines.get(at)?.split(' ').filter(|rule| !rule.is_empty()).map(str::len).collect();
    let rows =
        lines.get(at.saturating_add(1)..).unwrap_or_default().iter().filter(|row| !row.trim().is_empty());
    Some(rows.map(|row| cells(row, &widths)).collect())
}

fn cells(row: &str, widths: &[usize]) -> Vec<String> {
    let mut letters = row.chars();
    let mut left = widths.len();
    let cells = widths.iter().map(|width| {
        left = left.saturating_sub(1);
        // The last column goes to the end of the line.
        let most = if left == 0 { usize::MAX } else { *width };
        let cell: String = letters.by_ref().take(most).collect();
        letters.next();
        cell.trim().to_owned()
    });
    cells.collect()
}
