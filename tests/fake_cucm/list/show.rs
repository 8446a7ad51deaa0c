//! The text of `show ctl` and `show itl`, as documents 118893 and 116232 print it, tabs and misspellings included.

use std::fmt::Write as _;

use openssl::hash::MessageDigest;

use super::{CAPF, CCM_TFTP, Element, List, SAST, TFTP, TVS, function, hash, sha1};

const COLUMNS: &str = "BYTEPOS\tTAG\t\tLENGTH\tVALUE\n-------\t---\t\t------\t-----\n";
const HEADER: [(u8, &str); 12] = [
    (3, "SIGNERID"),
    (4, "SIGNERNAME"),
    (5, "SERIALNUMBER"),
    (6, "CANAME"),
    (7, "SIGNATUREINFO"),
    (8, "DIGESTALGORTITHM"),
    (9, "SIGNATUREALGOINFO"),
    (10, "SIGNATUREALGORTITHM"),
    (11, "SIGNATUREMODULUS"),
    (12, "SIGNATURE"),
    (14, "FILENAME"),
    (15, "TIMESTAMP"),
];
const RECORD: [(u8, &str); 12] = [
    (1, "RECORDLENGTH"),
    (2, "DNSNAME"),
    (3, "SUBJECTNAME"),
    (4, "FUNCTION"),
    (5, "ISSUERNAME"),
    (6, "SERIALNUMBER"),
    (7, "PUBLICKEY"),
    (8, "SIGNATURE"),
    (9, "CERTIFICATE"),
    (10, "IPADDRESS"),
    (11, "CERTHASH"),
    (12, "HASH ALGORITHM"),
];

/// The whole text; `kind` is CTL or ITL.
pub fn show(list: &List, kind: &str, zone: &str) -> String {
    let mut out = format!("The checksum value of the {kind} file:\n");
    let plain = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let _ = writeln!(out, "{}(MD5)", plain(&hash(MessageDigest::md5(), &list.bytes)));
    let _ = writeln!(out, "{}(SHA1)\n", plain(&sha1(&list.bytes)));
    let _ = writeln!(out, "Length of {kind} file: {}", list.bytes.len());
    let time = jiff::Timestamp::from_second(list.timestamp().unwrap_or_default().into()).unwrap();
    let time = time.in_tz(zone).unwrap().strftime("%a %b %d %H:%M:%S %Z %Y").to_string();
    let _ = writeln!(out, "The {kind} File was last modified on {time}\n");
    let _ = writeln!(out, "\tParse {kind} File\n\t----------------\n");
    for (tag, value) in &list.header {
        match tag {
            1 => {
                let _ = writeln!(out, "Version:\t{}.{}", value[0], value[1]);
            }
            2 => {
                let _ = write!(out, "HeaderLength:\t{} (BYTES)\n\n{COLUMNS}", list.header_length);
            }
            3 | 7 | 9 => line(&mut out, &HEADER, *tag, 2, &value.len().to_string()),
            4 | 6 => line(&mut out, &HEADER, *tag, value.len(), &text(value)),
            5 => line(&mut out, &HEADER, *tag, value.len(), &pairs(value, ":")),
            12 => {
                line(&mut out, &HEADER, *tag, value.len(), "");
                for row in value.chunks(8) {
                    let row: Vec<String> = row.iter().map(|b| format!("{b:x}")).collect();
                    let _ = writeln!(out, "\t\t{}", row.join("  "));
                }
            }
            _ => line(&mut out, &HEADER, *tag, value.len(), ""),
        }
    }
    for (index, record) in list.records.iter().enumerate() {
        let _ = write!(out, "\n\t{kind} Record #:{}\n\t              ----\n{COLUMNS}", index + 1);
        record.iter().for_each(|element| of_record(&mut out, element));
        if function(record) == Some(SAST) {
            let not = if list.is_signer(record) { "" } else { "not " };
            let _ = writeln!(out, "This etoken was {not}used to sign the {kind} file.");
        }
    }
    out.push('\n');
    if list.verifies() {
        let _ = writeln!(out, "The {kind} file was verified successfully.");
    } else {
        let _ = write!(out, "Verification of the {kind} file failed.\nError parsing the {kind} file!!\n");
    }
    out
}

fn of_record(out: &mut String, (tag, value): &Element) {
    let shown = match tag {
        1 => u16::from_be_bytes([value[0], value[1]]).to_string(),
        2 | 3 | 5 => text(value),
        4 => match u16::from_be_bytes([value[0], value[1]]) {
            SAST => "System Administrator Security Token".to_owned(),
            CCM_TFTP => "CCM+TFTP".to_owned(),
            TFTP => "TFTP".to_owned(),
            CAPF => "CAPF".to_owned(),
            TVS => "TVS".to_owned(),
            other => other.to_string(),
        },
        6 => pairs(value, ":"),
        9 => format!("{} (SHA1 Hash HEX)", pairs(&sha1(value), " ")),
        11 => pairs(value, " "),
        12 => "SHA-1".to_owned(),
        _ => String::new(),
    };
    line(out, &RECORD, *tag, value.len(), &shown);
}

/// A short name takes two tabs, an empty value none.
fn line(out: &mut String, names: &[(u8, &str)], tag: u8, length: usize, value: &str) {
    let name = names.iter().find(|(t, _)| *t == tag).map_or("UNKNOWN", |(_, name)| name);
    let tabs = if name.len() < 8 { "\t\t" } else { "\t" };
    let value = if value.is_empty() { String::new() } else { format!("\t{value}") };
    let _ = writeln!(out, "{tag}\t{name}{tabs}{length}{value}");
}

fn pairs(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(between)
}

fn text(value: &[u8]) -> String {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}
