//! Changes to the servers of a list, as `ctl update`, `ctl create` and `revert` take them.

use std::path::Path;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use crate::cluster::SecurityMode;
use crate::workflow::cluster_file::parse_function;
use crate::workflow::{Edit, NewServer, read_certificate};

/// Servers that join or leave, and the security mode.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Add a server, as FUNCTION:ADDRESS:CERTFILE (tftp:10.1.2.3:alt.pem; a firewall is ccm:…)
    #[arg(long, value_name = "FUNCTION:ADDRESS:CERTFILE")]
    add_server: Vec<String>,
    /// Remove the records of a server, by address, DNSNAME or name; capf:10.1.2.3 means the record of one function
    #[arg(long, value_name = "NAME|ADDRESS")]
    remove_server: Vec<String>,
    /// The cluster security mode of the list
    #[arg(long, value_name = "MODE")]
    set_mode: Option<SecurityMode>,
}

impl ServerArgs {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.add_server.is_empty() && self.remove_server.is_empty() && self.set_mode.is_none()
    }

    /// The changes: what leaves, what joins, then the mode.
    pub fn edits(&self) -> Result<Vec<Edit>, CommandError> {
        let mut edits: Vec<Edit> = self.remove_server.iter().cloned().map(Edit::RemoveServer).collect();
        for spec in &self.add_server {
            edits.push(add_server(spec)?);
        }
        edits.extend(self.set_mode.map(Edit::SetMode));
        Ok(edits)
    }
}

fn add_server(spec: &str) -> Result<Edit, CommandError> {
    let wrong = |what: String| {
        CommandError::new(ErrorKind::Usage, format!("--add-server {spec}: {what}"))
            .hint("write FUNCTION:ADDRESS:CERTFILE, for example tftp:10.48.47.160:alternate.pem")
    };
    let mut parts = spec.splitn(3, ':');
    let (Some(function), Some(address), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("it has three parts".to_owned()));
    };
    let function = parse_function(function).ok_or_else(|| wrong(format!("{function} is not a function")))?;
    let address = address.parse().map_err(|_| wrong(format!("{address} is not an IPv4 address")))?;
    let certificate = read_certificate(Path::new(path))?;
    Ok(Edit::AddServer(NewServer { function, address, certificate, host: None }))
}
