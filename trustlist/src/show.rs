//! The output of CUCM's `show ctl` and `show itl`, with tabs and misspellings.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::digest;
use super::header::Header;
use super::list::{SignedFile, TrustList};
use super::printable::printable;
use super::record::{Function, Record};
use super::tlv::{self, Element, header_tag, record_tag};

const COLUMNS: &str = "BYTEPOS\tTAG\t\tLENGTH\tVALUE\n-------\t---\t\t------\t-----\n";

/// The text of `show ctl` / `show itl` for a list. `modified` is the header's time as CUCM prints it in its zone (`Fri Mar 06
/// 22:53:33 CET 2015`); `verified` chooses the last lines.
pub fn show_list(list: &TrustList, modified: &str, verified: bool) -> String {
    let kind = list.kind().label();
    let mut out = head(kind, list.header(), list.bytes(), modified);
    for (index, record) in list.records().iter().enumerate() {
        let _ = write!(out, "\t{kind} Record #:{}\n\t              ----\n", index.saturating_add(1));
        out.push_str(COLUMNS);
        for element in record.elements() {
            record_line(&mut out, record.function(), &element);
        }
        if record.function() == Function::SAST {
            let word = if list.is_signer(record) { "was" } else { "was not" };
            let _ = writeln!(out, "This etoken {word} used to sign the {kind} file.");
        }
        out.push('\n');
    }
    if verified {
        let _ = writeln!(out, "The {kind} file was verified successfully.");
    } else {
        let _ = write!(out, "Verification of the {kind} file failed.\nError parsing the {kind} file!!\n");
    }
    out
}

/// The same kind of text for a `.sgn` file; CUCM has no command for it.
pub fn show_signed(signed: &SignedFile, modified: &str) -> String {
    let mut out = head("signed", signed.header(), signed.bytes(), modified);
    let (length, name) = (signed.payload().len(), printable(&signed.header().file_name()));
    let _ = writeln!(out, "Payload: {length} (BYTES) of {name}");
    out
}

/// A list in five lines: kind and size, signer, records by function, MD5 and SHA-1 as a phone shows them.
pub fn show_summary(name: &str, list: &TrustList, verified: bool) -> String {
    let mut counts: Vec<(Function, usize)> = Vec::new();
    for function in list.records().iter().map(Record::function) {
        match counts.iter_mut().find(|(counted, _)| *counted == function) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((function, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(function, count)| format!("{function} {count}")).collect();
    let checksum = |sum: &[u8]| digest::phone_lines(sum).join(" ");
    format!(
        "{name}   {}, {} bytes\nsigner   {}, {}\nrecords  {}\nMD5      {}\nSHA1     {}\n",
        list.kind().label(),
        list.bytes().len(),
        list.header().signer_short_name(),
        if verified { "verified" } else { "not verified" },
        counts.join(", "),
        checksum(&digest::md5(list.bytes())),
        checksum(&digest::sha1(list.bytes())),
    )
}

/// The text before the records, or before the payload.
fn head(kind: &str, header: &Header, bytes: &[u8], modified: &str) -> String {
    let mut out = String::new();
    let (md5, sha1) = (digest::hex(&digest::md5(bytes), ""), digest::hex(&digest::sha1(bytes), ""));
    let _ = write!(out, "The checksum value of the {kind} file:\n{md5}(MD5)\n{sha1}(SHA1)\n\n");
    let _ = writeln!(out, "Length of {kind} file: {}", bytes.len());
    let _ = writeln!(out, "The {kind} File was last modified on {modified}\n");
    let _ = write!(out, "\tParse {kind} File\n\t----------------\n\n");
    let (major, minor) = header.version;
    let _ = writeln!(out, "Version:\t{major}.{minor}\nHeaderLength:\t{} (BYTES)\n", header.bytes().len());
    out.push_str(COLUMNS);
    for element in header.elements() {
        header_line(&mut out, &element);
    }
    out.push('\n');
    out
}

fn header_line(out: &mut String, element: &Element<'_>) {
    use header_tag as t;
    let length = element.value.len();
    let (length, shown) = match element.tag {
        t::VERSION | t::HEADER_LENGTH => return,
        // CUCM prints the size of the length field as LENGTH of a container, and the length as its VALUE.
        container if tlv::is_container(container) => (2, length.to_string()),
        t::SIGNER_NAME | t::CA_NAME => (length, text(element.value)),
        t::SERIAL_NUMBER => (length, digest::colons(element.value)),
        t::SIGNER_VERSION => (length, join(element.value, ".", u8::to_string)),
        _ => (length, String::new()),
    };
    line(out, element.tag, tlv::header_tag_name(element.tag), length, &shown);
    if element.tag == t::SIGNATURE {
        for row in element.value.chunks(8) {
            let _ = writeln!(out, "\t\t{}", join(row, "  ", |b| format!("{b:x}")));
        }
    }
}

fn join(bytes: &[u8], separator: &str, shown: impl Fn(&u8) -> String) -> String {
    bytes.iter().map(shown).collect::<Vec<_>>().join(separator)
}

fn record_line(out: &mut String, function: Function, element: &Element<'_>) {
    use record_tag as t;
    let value = element.value;
    let shown = match element.tag {
        t::RECORD_LENGTH => value.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)).to_string(),
        t::DNS_NAME | t::SUBJECT_NAME | t::ISSUER_NAME => text(value),
        t::FUNCTION if function == Function::SAST => "System Administrator Security Token".to_owned(),
        t::FUNCTION => function.to_string(),
        t::SERIAL_NUMBER => digest::colons(value),
        t::CERTIFICATE => format!("{} (SHA1 Hash HEX)", pairs(&digest::sha1(value), " ")),
        t::CERT_HASH => pairs(value, " "),
        t::HASH_ALGORITHM => match value {
            [1] => "SHA-1".to_owned(),
            other => pairs(other, " "),
        },
        _ => String::new(),
    };
    line(out, element.tag, tlv::record_tag_name(element.tag), value.len(), &shown);
}

/// `tag TAB name TAB length TAB value`; a name shorter than a tab stop takes two tabs, an empty value none.
fn line(out: &mut String, tag: u8, name: Option<&str>, length: usize, value: &str) {
    let name = name.unwrap_or("UNKNOWN");
    let tabs = if name.len() < 8 { "\t\t" } else { "\t" };
    let _ = write!(out, "{tag}\t{name}{tabs}{length}");
    if !value.is_empty() {
        let _ = write!(out, "\t{value}");
    }
    out.push('\n');
}

fn pairs(bytes: &[u8], separator: &str) -> String {
    digest::hex(bytes, separator).to_uppercase()
}

fn text(value: &[u8]) -> String {
    printable(&tlv::c_text(value))
}

/// The address of a record for people: dotted, else the bytes.
pub(super) fn address(record: &Record) -> Option<String> {
    let value = record.get(record_tag::IP_ADDRESS)?;
    let v6 = |_| <[u8; 16]>::try_from(value).map(IpAddr::from);
    let ip = <[u8; 4]>::try_from(value).map(IpAddr::from).or_else(v6);
    Some(ip.map_or_else(|_| pairs(value, " "), |ip| ip.to_string()))
}
