//! `cluster trust`: certificates into Phone-SAST-trust, and the proof that TVS vouches for them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::ctl::read_certificate;
use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::settings::Settings;
use super::super::ui::{Ui, printable};
use super::connect::{ConnectArgs, Connector};
use crate::cluster::http::{TlsTrust, TrustStore};
use crate::cluster::{ClusterError, NodeAddress, PHONE_SAST_TRUST};
use crate::phone::tvs::{self, Question, TvsAddress};
use crate::trustlist::Certificate;

/// Put certificates into Phone-SAST-trust, and ask TVS until it vouches for them
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The certificates
    #[arg(required = true)]
    certificates: Vec<PathBuf>,
    /// The publisher: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long)]
    node: String,
    /// Do not ask before the node is changed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    tvs: TvsArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// How certificates get into a trust store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// How: rest (release 14 and later), cli, or by hand on the web page [default: the release tells]
    #[arg(long, value_enum)]
    by: Option<ByArg>,
    /// TCP port of OS Administration
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
    /// SHA-256 of the node's web certificate: it is compared instead of being trusted by an authority
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<String>,
}

impl StoreArgs {
    /// What was said, else what the release has.
    pub fn by(&self, version: &str) -> ByArg {
        self.by.unwrap_or_else(|| by_release(version))
    }
}

/// How TVS is asked whether an upload worked.
#[derive(Debug, Clone, Args)]
pub struct TvsArgs {
    /// TCP port of TVS
    #[arg(long, value_name = "PORT", default_value_t = 2445)]
    tvs_port: u16,
    /// Do not ask TVS
    #[arg(long)]
    no_tvs: bool,
    /// Speak TLS 1.0 with TVS, and take weak keys, as nodes of the 7900 era need
    #[arg(long)]
    legacy_tls: bool,
    /// How long TVS may take to know a certificate that was uploaded
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    tvs_wait: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ByArg {
    /// The REST interface
    Rest,
    /// `set cert import trust` on the admin shell
    Cli,
    /// The web page; this says what to do there, and waits for TVS
    Hand,
}

pub fn run(args: &TrustArgs, _settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let address: NodeAddress = args.node.parse()?;
    let certificates =
        args.certificates.iter().map(|p| read_certificate(p)).collect::<Result<Vec<_>, _>>()?;
    let mut connector = Connector::new(&args.connect, ui);
    let how = match args.store.by {
        Some(by) => by,
        None => by_release(&connector.open(&address)?.version()?),
    };
    // By hand it is the operator who changes the node.
    let names: Vec<String> = certificates.iter().map(Certificate::sast_name).collect();
    let question = format!("Put {} into Phone-SAST-trust on {address}?", names.join(" and "));
    if how != ByArg::Hand && !ui.agrees(args.yes, &printable(&question))? {
        return Err(CommandError::new(ErrorKind::Interrupted, "nothing was changed on the node"));
    }
    let mut documents = Vec::new();
    for certificate in &certificates {
        let name = certificate.sast_name();
        store(&mut connector, &address, certificate, &args.store, how, ui)?;
        let says = prove(&address, certificate, &args.tvs, ui)?;
        if !ui.is_json() {
            ui.print(&format!("{}: {says}", printable(&name)))?;
        }
        documents.push(
            serde_json::json!({ "certificate": name, "by": format!("{how:?}").to_lowercase(), "says": says }),
        );
    }
    if ui.is_json() {
        ui.print_json(&serde_json::json!({ "trusted": documents }))?;
    }
    Ok(())
}

/// Puts one certificate into Phone-SAST-trust, or says how to.
pub fn store(
    connector: &mut Connector<'_>,
    address: &NodeAddress,
    certificate: &Certificate,
    args: &StoreArgs,
    how: ByArg,
    ui: &Ui,
) -> Result<(), CommandError> {
    match how {
        ByArg::Rest => {
            let host = address.host().ok_or_else(no_host)?;
            let password = connector.password(host)?;
            let user = match address {
                NodeAddress::Ssh(ssh) => connector.user(Some(ssh)),
                NodeAddress::Serial(_) => connector.user(None),
            };
            let trust = args.tls_fingerprint.clone().map_or(TlsTrust::System, TlsTrust::Fingerprint);
            let store = TrustStore::new(host, args.https_port, &user, password, trust);
            interrupt::something_changes();
            Ok(store.upload(PHONE_SAST_TRUST, certificate)?)
        }
        ByArg::Cli => {
            interrupt::something_changes();
            import(connector, address, certificate, ui)
        }
        ByArg::Hand => {
            by_hand(&certificate.sast_name(), ui);
            Ok(())
        }
    }
}

fn no_host() -> CommandError {
    CommandError::new(ErrorKind::Usage, "over a serial line there is no way to the REST interface")
        .hint("--by cli, or --by hand")
}

/// REST came with release 14.
fn by_release(version: &str) -> ByArg {
    let major: u32 = version.split('.').next().and_then(|m| m.parse().ok()).unwrap_or(0);
    if major >= 14 { ByArg::Rest } else { ByArg::Cli }
}

/// Over the admin shell, unless it is there already; a shell that does not take the unit leaves the web page.
fn import(
    connector: &mut Connector<'_>,
    address: &NodeAddress,
    certificate: &Certificate,
    ui: &Ui,
) -> Result<(), CommandError> {
    let name = certificate.sast_name();
    let mut node = connector.open(address)?;
    if node.trusts(&name)? {
        ui.note(&format!("{} is in {PHONE_SAST_TRUST} already", printable(&name)));
        return Ok(());
    }
    match node.import(certificate) {
        Ok(()) => Ok(()),
        Err(ClusterError::Refused { says, .. }) => {
            ui.warn(&format!("{address} does not take {PHONE_SAST_TRUST} on its shell: {says}"));
            by_hand(&name, ui);
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

fn by_hand(name: &str, ui: &Ui) {
    ui.show(&format!(
        "By hand, in OS Administration of the publisher: Security > Certificate Management > Upload Certificate/Certificate \
         chain;\nCertificate Purpose {PHONE_SAST_TRUST}; file {}.cer; Upload.",
        printable(name)
    ));
}

/// The TVS of a node, unless it is not to be asked.
fn tvs_of<'a>(
    address: &'a NodeAddress,
    args: &TvsArgs,
) -> Result<Option<(&'a str, TvsAddress)>, CommandError> {
    let (Some(host), false) = (address.host(), args.no_tvs) else { return Ok(None) };
    let port = args.tvs_port;
    let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Ok(Some((host, text.parse()?)))
}

/// What is asked about a certificate.
fn question<'a>(certificate: &'a Certificate, args: &TvsArgs) -> Question<'a> {
    Question {
        certificate,
        device_name: "CP-7965-SEP000000000000",
        known: None,
        legacy_tls: args.legacy_tls,
        timeout: Duration::from_secs(10),
    }
}

/// Whether a node's TVS answers at all, whatever it says.
pub fn reach_tvs(
    address: &NodeAddress,
    certificate: &Certificate,
    args: &TvsArgs,
) -> Result<(), CommandError> {
    if let Some((_, tvs)) = tvs_of(address, args)? {
        tvs::ask(&tvs, &question(certificate, args))?;
    }
    Ok(())
}

/// Asks TVS until it vouches for a certificate, or the time is over.
pub fn prove(
    address: &NodeAddress,
    certificate: &Certificate,
    args: &TvsArgs,
    ui: &Ui,
) -> Result<String, CommandError> {
    let Some((host, tvs)) = tvs_of(address, args)? else { return Ok("TVS was not asked".to_owned()) };
    let question = question(certificate, args);
    let end = std::time::Instant::now().checked_add(Duration::from_secs(args.tvs_wait));
    let mut told = false;
    loop {
        let answer = tvs::ask(&tvs, &question);
        if let Ok(answer) = &answer
            && answer.valid
        {
            return Ok(answer.to_string());
        }
        if end.is_none_or(|end| std::time::Instant::now() >= end) {
            let answer = answer?;
            let name = printable(&certificate.sast_name());
            let what = format!("{answer}: phones would refuse a list signed by {name}");
            return Err(CommandError::new(ErrorKind::No, what)
                .hint("is the certificate in Phone-SAST-trust of the publisher, and is TVS started?"));
        }
        if !told {
            let name = printable(&certificate.sast_name());
            ui.note(&format!("Waiting until TVS on {host} vouches for {name} …"));
            told = true;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
