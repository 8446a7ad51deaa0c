//! What the shell's answers mean.

/// The security mode of a cluster, and of its CTL.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    clap::ValueEnum,
    thiserror::Error,
)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityMode {
    /// CCM+TFTP records carry certificates
    #[default]
    #[error("mixed")]
    Mixed,
    /// CCM+TFTP records are emptied
    #[error("non-secure")]
    NonSecure,
}

/// The query for it.
pub const SECURITY_MODE: &str =
    "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'";

/// Reads the answer to [`SECURITY_MODE`].
pub fn security_mode(lines: &[String]) -> Option<SecurityMode> {
    match parameter(lines, "ClusterSecurityMode")? {
        "0" => Some(SecurityMode::NonSecure),
        "1" => Some(SecurityMode::Mixed),
        _ => None,
    }
}

/// The value of a parameter: the last word of its row.
fn parameter<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    lines.iter().find(|l| l.trim_start().starts_with(name))?.split_whitespace().last()
}

/// The query for the enterprise parameter "Prepare Cluster for Rollback to pre 8.0".
pub const ROLLBACK: &str =
    "run sql select paramname,paramvalue from processconfig where paramname='RollBackToPreGrayback'";

/// Reads the answer to [`ROLLBACK`]. No document prints its values; those of other parameters are `T` and `F`, or numbers.
pub fn rollback(lines: &[String]) -> Option<bool> {
    match parameter(lines, "RollBackToPreGrayback")? {
        "T" | "True" | "1" => Some(true),
        "F" | "False" | "0" => Some(false),
        _ => None,
    }
}

/// What `show ctl` says.
#[allow(missing_docs, reason = "the field is described with its variant")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownCtl {
    /// There is none.
    None,
    /// One that CUCM does not accept, with CUCM's words.
    Bad { says: String },
    /// One that it accepts.
    Verified(Checksums),
    /// An answer that is incomplete or not understood.
    Unclear,
}

/// Of a file, hexadecimal in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksums {
    /// MD5.
    pub md5: String,
    /// SHA-1, where it is printed.
    pub sha1: Option<String>,
}

/// Reads the answer to `show ctl`.
pub fn shown_ctl(lines: &[String]) -> ShownCtl {
    // The result is a whole line, and the last one counts: a name in the list may contain the same words.
    let verdicts: Vec<String> =
        lines.iter().map(|l| l.trim().trim_end_matches(['.', '!']).to_lowercase()).collect();
    let last = verdicts.iter().rposition(|l| {
        l == "the ctl file was verified successfully"
            || l == "verification of the ctl file failed"
            || l == "error parsing the ctl file"
    });
    let Some(last) = last else { return ShownCtl::Unclear };
    let is = |at: usize, text: &str| verdicts.get(at).is_some_and(|l| l == text);
    if is(last, "the ctl file was verified successfully") {
        let sum = |kind: &str| {
            lines
                .iter()
                .find_map(|l| l.trim().strip_suffix(kind).map(str::to_lowercase))
                .filter(|s| is_hex(s))
        };
        return match sum("(MD5)") {
            Some(md5) => ShownCtl::Verified(Checksums { md5, sha1: sum("(SHA1)") }),
            None => ShownCtl::Unclear,
        };
    }
    if verdicts.iter().any(|l| l == "length of ctl file: 0" || l.starts_with("ctl file not found")) {
        return ShownCtl::None;
    }
    // The reason is in the line before it.
    let failed = last.saturating_sub(1);
    let at = if is(failed, "verification of the ctl file failed") { failed } else { last };
    ShownCtl::Bad { says: lines.get(at).map_or("", |l| l.trim()).to_owned() }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// A service's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum ServiceState {
    #[error("started")]
    Started,
    #[error("starting")]
    Starting,
    /// `[STOPPED]`, or anything else.
    #[error("stopped")]
    Stopped,
    #[error("not activated")]
    NotActivated,
    /// The node does not know it.
    #[error("not there")]
    Missing,
}

impl ServiceState {
    /// Whether the node has the task of the service, also while it is stopped.
    pub fn is_activated(self) -> bool {
        !matches!(self, ServiceState::NotActivated | ServiceState::Missing)
    }
}

/// Reads a service's state from the output of `utils service list` or of a restart; the last line about the service counts.
pub fn service_state(lines: &[String], service: &str) -> Option<ServiceState> {
    let rest = lines.iter().rev().find_map(|l| {
        l.trim_start().strip_prefix(service).map(str::trim_start).and_then(|rest| rest.strip_prefix('['))
    })?;
    let (state, why) = rest.split_once(']').unwrap_or((rest, ""));
    Some(match state.trim() {
        "STARTED" => ServiceState::Started,
        "STARTING" => ServiceState::Starting,
        _ if why.to_lowercase().contains("not activated") => ServiceState::NotActivated,
        _ => ServiceState::Stopped,
    })
}

/// Reads `show version active`: `14.0.1.10000-20`.
pub fn version(lines: &[String]) -> Option<String> {
    let line = lines.iter().find(|l| l.to_lowercase().contains("version:"))?;
    let (_, version) = line.split_once(':')?;
    let version = version.trim();
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

/// A node in the output of `show network cluster`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ClusterNode {
    /// Its address.
    #[serde(rename = "node")]
    pub address: String,
    /// Its name.
    pub name: String,
    /// Whether it is the publisher.
    pub publisher: bool,
}

/// Reads `show network cluster`: address, full name, name, role; a long row continues on the next line. An error if a node
/// would be lost: the table of processnodes below it must have the same number of rows.
pub fn nodes(lines: &[String]) -> Result<Vec<ClusterNode>, String> {
    let table = lines.iter().position(|l| l.to_lowercase().contains("(processnode)")).unwrap_or(lines.len());
    let (shown, table) = lines.split_at(table);
    let is_address = |word: &str| word.parse::<std::net::IpAddr>().is_ok();
    let mut rows: Vec<Vec<&str>> = Vec::new();
    let mut goes_on = false;
    for line in shown {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.first(), rows.last_mut()) {
            (None, _) => goes_on = false,
            (Some(first), _) if is_address(first) => {
                rows.push(words);
                goes_on = true;
            }
            (_, Some(row)) if goes_on => row.extend(words),
            _ => {}
        }
    }
    let listed = table.iter().skip(1).map(|l| l.trim()).skip_while(|l| l.is_empty() || l.starts_with('-'));
    let listed = listed.take_while(|l| !l.is_empty()).filter(|l| *l != "EnterpriseWideData").count();
    if rows.len() < listed.max(1) {
        return Err(format!(
            "{} nodes with an address, and {listed} in the table of processnodes",
            rows.len()
        ));
    }
    let mut nodes = Vec::new();
    for row in rows {
        let is = |word: Option<&&str>, role: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(role));
        // The last one: a host name may be the same word.
        let role = row.iter().rposition(|word| is(Some(word), "publisher") || is(Some(word), "subscriber"));
        let Some((role, address)) = role.zip(row.first()) else {
            return Err(format!("neither publisher nor subscriber: {}", row.join(" ")));
        };
        // The list also contains presence nodes, which have no CTL.
        if !is(row.get(role.saturating_add(1)), "cups") {
            let name = row.get(..role).and_then(<[_]>::last).unwrap_or(address);
            let (address, name) = ((*address).to_owned(), (*name).to_owned());
            nodes.push(ClusterNode { address, name, publisher: is(row.get(role), "publisher") });
        }
    }
    Ok(nodes)
}

/// How many files `file delete` deleted: `files: found = 1, deleted = 1`.
pub fn deleted(lines: &[String]) -> Option<u32> {
    let line = lines.iter().find(|l| l.contains("deleted ="))?;
    line.rsplit('=').next()?.trim().parse().ok()
}

/// Whether `show cert list trust` names a certificate in a unit: `unit/name.pem: description`. File names have `_` in place of
/// blanks and similar characters. `SAST-ADN12.pem` is not a match for `SAST-ADN1`; `SAST-ADN1_0A.pem`, with a serial after the
/// name, is.
pub fn trusts(lines: &[String], unit: &str, name: &str) -> bool {
    !trust_files(lines, unit, name).is_empty()
}

/// The files of these certificates: `NAME.pem`.
pub fn trust_files(lines: &[String], unit: &str, name: &str) -> Vec<String> {
    let in_file = |name: &str| -> String {
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        name.trim().trim_end_matches('\0').chars().map(plain).collect()
    };
    let name = in_file(name);
    let its_file = |line: &String| {
        let (of, file) = line.trim().split_once('/')?;
        let (shown, _) = file.split_once(".pem").filter(|_| of.eq_ignore_ascii_case(unit))?;
        let file = in_file(shown);
        let behind = file.strip_prefix(&name)?.trim_end_matches('_');
        let is_serial = |text: &str| is_hex(text) && text.len().is_multiple_of(2);
        let is_it = behind.is_empty() || behind.strip_prefix('_').is_some_and(is_serial);
        is_it.then(|| format!("{shown}.pem"))
    };
    lines.iter().filter(|_| !name.is_empty()).filter_map(its_file).collect()
}

/// The bytes of a hexadecimal dump, as far as its lines can be read. The layout is not published: offsets, colons and a text
/// column are accepted. The caller must verify the bytes.
pub fn dump(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| of_line(line)).collect()
}

fn of_line(line: &str) -> Vec<u8> {
    // The text column comes after a bar, or after several blanks.
    let line = line.split('|').next().unwrap_or_default().trim_start();
    let (first, behind) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let second = behind.split_whitespace().next().unwrap_or_default();
    let is_longer = first.len() >= 6 && (second.len() < first.len() || behind.starts_with(' '));
    // The offset ends with a colon, or is the first word, longer than those of the dump.
    let bytes = match line.split_once(':') {
        Some((offset, bytes)) if is_hex(offset.trim()) => bytes,
        _ if is_hex(first) && is_longer => behind,
        _ => line,
    };
    let words = bytes.trim_start().split("   ").next().unwrap_or_default().split_whitespace();
    let hex: String = words.take_while(|word| is_hex(word) && word.len().is_multiple_of(2)).collect();
    data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap_or_default()
}
