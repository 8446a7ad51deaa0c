//! A first list, from certificates and addresses.

use bytes::Bytes;

use crate::cluster::SecurityMode;
use crate::trustlist::{Certificate, Function, ListKind, Record, ServerRecord, Style};

use super::cluster_file::{ClusterFile, Server};
use super::error::PlanError;
use super::revert::first_tokens;
use super::update::{Edit, Entry, Update, mode_of};
use super::value::{Mark, Plan, Request, signs_this_file, token_record};

/// Plans a first list: spare tokens, the servers in their order, with these changes, and the signing token last.
///
/// `certificates` are those of `cluster.servers`, in the same order.
pub fn create(
    cluster: &ClusterFile,
    certificates: &[Option<Certificate>],
    request: &Request<'_>,
    spares: &[Certificate],
    single_token: bool,
    edits: &[Edit],
) -> Result<Plan, PlanError> {
    cluster.check()?;
    let warnings = match (cluster.kind, first_tokens(request, spares, single_token)) {
        // A server signs it, and there is one of each.
        (ListKind::Itl, Ok(_) | Err(PlanError::OneToken { .. })) => vec![],
        (_, tokens) => tokens?,
    };
    let seen: Vec<_> = std::iter::once(request.signer).chain(spares).map(Certificate::der).collect();
    let default_style = if cluster.kind == ListKind::Ctl { Style::CtlClient } else { Style::Cucm };
    let style = cluster.style.unwrap_or(default_style);
    let mut records = Vec::new();
    let mut add = |record: Record, why: String| {
        let line = Some(records.len());
        records.push(Entry { line, ..Entry::new(Mark::Add, record, why) });
    };
    for spare in spares {
        add(token_record(spare, request.name_style)?, "spare".to_owned());
    }
    // What the records hold is decided before they are made: an emptied one has lost its certificate.
    let mode = mode_of(edits).unwrap_or(cluster.mode);
    check_servers(cluster, certificates, mode, &seen)?;
    for (server, certificate) in cluster.servers.iter().zip(certificates) {
        let record = server_record(server, certificate.as_ref(), style, mode)?;
        let why = server.address.map(|ip| ip.to_string()).or_else(|| server.host.clone()).unwrap_or_default();
        add(record, why);
    }
    add(token_record(request.signer, request.name_style)?, signs_this_file(request));
    let mut list = Update { records, warnings, ..Update::default() };
    list.edit(edits, request)?;
    list.plan(cluster.list_name().to_owned(), None, request)
}

/// The spare tokens of a first list: those that were named, and those of the cluster file that were not.
pub fn spare_tokens(
    signer: &Certificate,
    mut named: Vec<Certificate>,
    of_file: Vec<Certificate>,
) -> Vec<Certificate> {
    let is_new = |token: &Certificate| token != signer && !named.contains(token);
    let new: Vec<_> = of_file.into_iter().filter(is_new).collect();
    named.extend(new);
    named
}

/// No server twice, and no token among them: `tokens` have their records already.
fn check_servers(
    cluster: &ClusterFile,
    certificates: &[Option<Certificate>],
    mode: SecurityMode,
    tokens: &[&Bytes],
) -> Result<(), PlanError> {
    let servers: Vec<_> = cluster.servers.iter().zip(certificates).collect();
    for (at, (server, certificate)) in servers.iter().enumerate() {
        if let Some(token) = certificate.as_ref().filter(|c| tokens.contains(&c.der()))
            && server.function == Function::SAST
        {
            return Err(PlanError::TokenAsServer { name: token.sast_name() });
        }
        let emptied = is_emptied(server, mode);
        let is_it = |(other, its): &&(&Server, &Option<Certificate>)| {
            let certificates = match (certificate, its) {
                (Some(a), Some(b)) => emptied || a == b,
                _ => true,
            };
            other.function == server.function && other.place() == server.place() && certificates
        };
        if servers.iter().take(at).any(|other| is_it(&other)) {
            let name = || certificate.as_ref().map(Certificate::sast_name).unwrap_or_default();
            let address = server.place().unwrap_or_else(name);
            return Err(PlanError::ServerTwice { function: server.function.to_string(), address });
        }
    }
    Ok(())
}

/// In non-secure mode a record has only the address.
fn is_emptied(server: &Server, mode: SecurityMode) -> bool {
    mode == SecurityMode::NonSecure && server.function == Function::CCM_TFTP
}

fn server_record(
    server: &Server,
    certificate: Option<&Certificate>,
    style: Style,
    mode: SecurityMode,
) -> Result<Record, PlanError> {
    let address = server.address.map(|ip| ip.to_string());
    let name = match style {
        Style::Cucm => server.host.clone().or(address),
        Style::CtlClient => address.or_else(|| server.host.clone()),
    }
    .unwrap_or_default();
    let emptied = is_emptied(server, mode);
    let Some(certificate) = certificate else {
        if emptied {
            return Ok(Record::emptied_server(server.function, &name, server.address)?);
        }
        return Err(PlanError::ServerWithoutCertificate {
            function: server.function.to_string(),
            address: name,
        });
    };
    let record = Record::server(&ServerRecord {
        function: server.function,
        certificate,
        dns_name: &name,
        ip_address: server.address,
        style,
        hash_only: server.hash_only,
    })?;
    Ok(if emptied { record.as_non_secure()? } else { record })
}
