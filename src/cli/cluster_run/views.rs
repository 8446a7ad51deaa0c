//! Values of a run on a cluster as people read them.

use super::super::ui::printable;
use crate::trustlist::{TrustList, digest};
use crate::workflow::{Need, Readiness};

/// The findings for people, a line each.
pub fn readiness_text(found: &[Readiness]) -> String {
    let line = |finding: &Readiness| {
        let word = match finding.need {
            Need::Stop => "stop",
            Need::Confirm => "check",
            Need::Note => "note",
        };
        format!("  {word:<6} {}\n", printable(&finding.says))
    };
    format!("Before anything changes\n{}", found.iter().map(line).collect::<String>())
}

/// The checksums of a list, as files and as phones' screens show them: which of the two depends on the model.
pub fn checksums_text(list: &TrustList) -> String {
    let line = |name: &str, sum: &[u8]| {
        let phone = digest::phone_lines(sum).join(" ");
        format!("  {name:<5} {}\n        on the phone: {phone}\n", digest::hex(sum, ""))
    };
    line("MD5", &list.md5()) + &line("SHA1", &list.sha1())
}
