//! What the shell's answers mean.

use std::fmt;

/// The cluster's security mode, as the database has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityMode {
    /// 0
    NonSecure,
    /// 1
    Mixed,
}

impl fmt::Display for SecurityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecurityMode::NonSecure => "non-secure",
            SecurityMode::Mixed => "mixed",
        })
    }
}

/// The query for it.
pub const SECURITY_MODE: &str =
    "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'";

/// Reads the answer to [`SECURITY_MODE`].
pub fn security_mode(lines: &[String]) -> Option<SecurityMode> {
    let row = lines.iter().find(|l| l.trim_start().starts_with("ClusterSecurityMode"))?;
    match row.split_whitespace().last()? {
        "0" => Some(SecurityMode::NonSecure),
        "1" => Some(SecurityMode::Mixed),
        _ => None,
    }
}

/// What `show ctl` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownCtl {
    /// There is none.
    None,
    /// One that CUCM does not accept.
    Bad {
        /// Its words.
        says: String,
    },
    /// One that it accepts.
    Verified(Checksums),
    /// One whose end was not seen, or in words that are not known.
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
    // A verdict is a whole line, and the last one counts: a name in the list may say anything.
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
    // The reason stands before it.
    let failed = last.saturating_sub(1);
    let at = if is(failed, "verification of the ctl file failed") { failed } else { last };
    ShownCtl::Bad { says: lines.get(at).map_or("", |l| l.trim()).to_owned() }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// A service's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// `[STARTED]`
    Started,
    /// `[STARTING]`
    Starting,
    /// `[STOPPED]`, or anything else.
    Stopped,
    /// The node does not run it.
    NotActivated,
}

/// Reads a service's state out of `utils service list`, or of a restart; the last word about it counts.
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

/// A node as `show network cluster` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its address.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Whether it is the publisher.
    pub publisher: bool,
}

/// Reads `show network cluster`: address, full name, name, role; a long row goes on in the next line. Why not, where a node
/// would be lost: the table of processnodes below has as many rows.
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
        // The last one: a host may be called so, too.
        let role = row.iter().rposition(|word| is(Some(word), "publisher") || is(Some(word), "subscriber"));
        let Some((role, address)) = role.zip(row.first()) else {
            return Err(format!("neither publisher nor subscriber: {}", row.join(" ")));
        };
        // Presence nodes stand in the list too, and hold no CTL.
        if !is(row.get(role.saturating_add(1)), "cups") {
            let name = row.get(..role).and_then(<[_]>::last).unwrap_or(address);
            let (address, name) = ((*address).to_owned(), (*name).to_owned());
            nodes.push(ClusterNode { address, name, publisher: is(row.get(role), "publisher") });
        }
    }
    Ok(nodes)
}

/// How many files `file delete` took away: `files: found = 1, deleted = 1`.
pub fn deleted(lines: &[String]) -> Option<u32> {
    let line = lines.iter().find(|l| l.contains("deleted ="))?;
    line.rsplit('=').next()?.trim().parse().ok()
}

/// Whether `show cert list trust` names a certificate in a unit: `unit/name.pem: description`. The file has `_` for blanks
/// and the like. `SAST-ADN1` is not in `SAST-ADN12.pem`; a serial behind the name (`SAST-ADN1_0A.pem`) is nothing else.
pub fn trusts(lines: &[String], unit: &str, name: &str) -> bool {
    let in_file = |name: &str| -> String {
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        name.trim().trim_end_matches('\0').chars().map(plain).collect()
    };
    let name = in_file(name);
    let is_it = |line: &String| {
        let Some((of, file)) = line.trim().split_once('/') else { return false };
        let Some((file, _)) = file.split_once(".pem").filter(|_| of.eq_ignore_ascii_case(unit)) else {
            return false;
        };
        let file = in_file(file);
        let behind = file.strip_prefix(&name).map(|behind| behind.trim_end_matches('_'));
        let is_serial = |text: &str| is_hex(text) && text.len().is_multiple_of(2);
        behind.is_some_and(|behind| behind.is_empty() || behind.strip_prefix('_').is_some_and(is_serial))
    };
    !name.is_empty() && lines.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_certificate_is_in_a_unit_by_its_whole_name() {
        let shown = lines(
            "phone-sast-trust/SAST-ADN12.pem: Certificate of SAST-ADN12\n\
             Phone-SAST-trust/SAST-ADN3_0A.pem: old-SAST-ADN4\nCallManager-trust/SAST-ADN5.pem: SAST-ADN5",
        );
        let there = |name| trusts(&shown, "Phone-SAST-trust", name);
        assert!(there("SAST-ADN12") && there("SAST-ADN3"));
        assert!(!["SAST-ADN1", "ADN12", "SAST-ADN4", "SAST-ADN5", ""].into_iter().any(there));
    }

    #[test]
    fn answers_are_read() {
        let mode = "paramname           paramvalue\n=================== ==========\nClusterSecurityMode 1";
        assert_eq!(security_mode(&lines(mode)), Some(SecurityMode::Mixed));
        assert_eq!(security_mode(&lines("Something else")), None);
        let shown = "The checksum value of the CTL file:\n2e7a6113eadbdae67ffa918d81376902(MD5)\n\
                     d0f3511f10eef775cc91cce3fa6840c2640f11b8(SHA1)\n\nLength of CTL file: 5728\n\
                     The CTL file was verified successfully.";
        assert!(matches!(shown_ctl(&lines(shown)), ShownCtl::Verified(sums) if sums.md5.starts_with("2e7a")));
        let cut = shown.rsplit_once('\n').unwrap().0;
        assert_eq!(shown_ctl(&lines(cut)), ShownCtl::Unclear, "without its last line it proves nothing");
        let none = "Length of CTL file: 0\nCTL File not found. Please run CTLClient plugin or run the CLI - utils \
                    ctl.. to generate the CTL file.\nError parsing the CTL File.";
        assert_eq!(shown_ctl(&lines(none)), ShownCtl::None);
        let bad =
            "Length of CTL file: 5728\nVerification of the CTL file failed.\nError parsing the CTL file!!";
        assert!(matches!(shown_ctl(&lines(bad)), ShownCtl::Bad { .. }));
    }

    #[test]
    fn services_nodes_and_versions_are_read() {
        let list = "Requesting service status, please wait...\nCisco Tftp[STOPPED]  Service Not Activated\n\
                    Cisco CallManager[STARTED]\nCisco Tftp Extra[STARTED]";
        assert_eq!(service_state(&lines(list), "Cisco Tftp"), Some(ServiceState::NotActivated));
        assert_eq!(service_state(&lines(list), "Cisco CallManager"), Some(ServiceState::Started));
        assert_eq!(service_state(&lines(list), "Cisco CAPF"), None);
        let restart = "Cisco Tftp[STOPPING]\nCisco Tftp[STARTING]\nCisco Tftp[STARTED]";
        assert_eq!(service_state(&lines(restart), "Cisco Tftp"), Some(ServiceState::Started));
        let network = "10.48.47.155 cucm-1051-a-pub.example.com cucm-1051-a-pub Publisher callmanager DBPub authenticated\n\
                       10.48.47.156 cucm-1051-a-sub1.example.com cucm-1051-a-sub1 Subscriber callmanager DBSub authenticated";
        let found = nodes(&lines(network)).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].publisher && !found[1].publisher && found[1].name == "cucm-1051-a-sub1");
        assert_eq!(version(&lines("Active Master Version: 10.5.1.10000-7")), Some("10.5.1.10000-7".into()));
        assert_eq!(deleted(&lines("files: found = 1, deleted = 1")), Some(1));
    }
}
