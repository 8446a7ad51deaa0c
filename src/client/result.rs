//! The last window: what was written, and what comes next.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::operator::ClientOperator;
use crate::cli::cert::UPLOAD;
use crate::cli::ctl::check::{not_accepted, text};
use crate::cli::journal::write_page;
use crate::files::OnExisting;
use crate::phone::tvs::Ask;
use crate::trustlist::{Certificate, Function, Record};
use crate::ui::next::shell;
use crate::ui::{CommandError, printable, table};
use crate::workflow::check::{CheckRequest, check};
use crate::workflow::export::{Format, export};
use crate::workflow::{
    ListCommand, Published, SignedList, Start, WindowOperator as _, WindowView, WorkError, display_name,
};

const NEXT: [&str; 5] = ["Export certificates", "Check", "Publish", "Page", "Done"];

/// Offers what comes next until the operator is done.
pub fn show(
    list: &SignedList,
    operator: &ClientOperator<'_>,
    what: &str,
    publish: &mut dyn FnMut() -> Result<Option<Published>, WorkError>,
) -> Result<(), CommandError> {
    let options = NEXT.map(str::to_owned);
    operator.show_window(WindowView::Title("Result"));
    operator.show_window(WindowView::Text(what));
    loop {
        let done = match operator.choose("What comes next?", &options, 4)? {
            Some(0) => export_beside(list, operator),
            Some(1) => check_it(list, operator),
            Some(2) => match publish() {
                Ok(Some(published)) => Ok(window(list, Some(&published))),
                Ok(None) => Ok(how_to_publish(list)),
                Err(e) if e.is_interrupted() => return Err(e.into()),
                Err(e) => Err(e.into()),
            },
            Some(3) => page(list),
            _ => return Ok(()),
        };
        operator.show_window(WindowView::Title("Result"));
        match done {
            Ok(text) => operator.keep(&text),
            Err(e) => operator.keep(&e.to_string()),
        }
    }
}

/// The certificates of the tokens that were added, beside the list.
fn export_beside(list: &SignedList, operator: &ClientOperator<'_>) -> Result<String, CommandError> {
    let folder = list.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let tokens: &[Certificate] = &list.choices.tokens;
    export(tokens, folder.unwrap_or(Path::new(".")), Format::Der, OnExisting::Refuse, operator)?;
    Ok(UPLOAD.to_owned())
}

fn check_it(list: &SignedList, operator: &ClientOperator<'_>) -> Result<String, CommandError> {
    if !matches!(list.choices.start, Start::InForce(_)) {
        return Ok("There is no list in force. Phones that have no list accept any.".to_owned());
    }
    let request = CheckRequest {
        list: None,
        new: &list.out,
        installed_ctl: Some(&list.source),
        installed_itl: None,
        trusted: &[],
        tvs: &[],
        ask: Ask::Query,
        device_name: "",
        legacy_tls: false,
        timeout: Duration::ZERO,
        phones: &[],
    };
    let check = check(&request, operator)?;
    let file = display_name(&list.out);
    let text = text(&file, &check);
    Ok(if check.is_accepted() { text } else { format!("{text}{}", not_accepted(&file, &check)) })
}

/// Without a cluster nothing is published from the windows.
fn how_to_publish(list: &SignedList) -> String {
    let file = list.out.display().to_string();
    let command = shell(&["sastctl", "cluster", "publish", &file, "--node", "PUBLISHER"]);
    let mut text = format!("To publish the file:\n  {command}");
    if list.choices.command(&list.plan) == ListCommand::Revert {
        let signer = list.plan.signer().sast_name();
        let spares = list.choices.tokens.iter().map(Certificate::sast_name).filter(|name| *name != signer);
        let spares: Vec<String> = spares.flat_map(|name| ["--spare".to_owned(), name]).collect();
        let whole = ["sastctl", "revert", "--node", "PUBLISHER", "--token", &signer];
        let whole = shell(&[&whole.map(str::to_owned)[..], &spares].concat());
        text.push_str(&format!("\nThe whole run on a cluster, which signs again:\n  {whole}"));
    }
    text
}

/// The page of the journal, beside the list.
fn page(list: &SignedList) -> Result<String, CommandError> {
    let page: PathBuf = list.out.with_extension("html");
    write_page(&list.signed.journal, &page)?;
    Ok(printable(&format!("{}   the page of {}", page.display(), list.signed.journal.display())))
}

/// Where a node keeps its list.
const NODE_PATH: &str = "/usr/local/cm/tftp/";

/// Server, File Location, Status of this machine and each server; once it is published of the nodes that serve it. Then what
/// to restart.
pub fn window(list: &SignedList, published: Option<&Published>) -> String {
    let (plan, out) = (&list.plan, list.out.display().to_string());
    let there = format!("{NODE_PATH}{}", plan.draft().file_name);
    let mut rows = vec![vec!["this machine".to_owned(), out, "Passed".to_owned()]];
    let nodes = published.iter().flat_map(|published| &published.served_by);
    rows.extend(nodes.map(|node| vec![node.clone(), there.clone(), "Passed".to_owned()]));
    let serves = |r: &&Record| matches!(r.function(), Function::CCM_TFTP | Function::TFTP);
    let mut seen = Vec::new();
    let unpublished = plan.draft().records.iter().filter(|_| published.is_none());
    for record in unpublished.filter(serves) {
        let server = record.place();
        if !seen.contains(&server) {
            rows.push(vec![server.clone(), there.clone(), "to be copied".to_owned()]);
            seen.push(server);
        }
    }
    format!(
        "{}You must restart all the Cisco Unified Communications Manager and TFTP nodes in the Cluster.",
        table(&["Server", "File Location", "Status"], &rows)
    )
}
