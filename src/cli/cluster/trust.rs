//! `cluster trust`: certificates into Phone-SAST-trust, and the proof that TVS vouches for them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::error::{CommandError, ErrorKind};
use super::super::interrupt;
use super::super::settings::Settings;
use super::super::ui::{Ui, printable};
use super::connect::ConnectArgs;
use super::fetch::PortArgs;
use crate::cluster::http::{TlsTrust, TrustStore};
use crate::cluster::{ClusterError, Connector, NodeAddress, PHONE_SAST_TRUST, fetch};
use crate::phone::tvs::{self, Answer, Ask, Question, Tls, TvsAddress, TvsError};
use crate::phone::{Decision, ListSigner, TvsStatus, tvs_certificates};
use crate::trustlist::{Certificate, ListKind, Record, SignerId, TrustList, VerifiedList};
use crate::workflow::read_certificate;

/// Upload certificates as Phone-SAST-trust, and wait until TVS knows them
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The certificates
    #[arg(required = true)]
    certificates: Vec<PathBuf>,
    /// The publisher: HOST, ssh://user@host or serial:/dev/ttyUSB0?baud=9600
    #[arg(long)]
    node: NodeAddress,
    /// Do not ask before the node is changed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    tvs: TvsArgs,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// How certificates get into a trust store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// How to upload: rest (release 14 and later), cli, or hand (on the web page) [default: depends on the release]
    #[arg(long, value_enum)]
    by: Option<ByArg>,
    /// TCP port of OS Administration
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    https_port: u16,
    /// SHA-256 of the node's web certificate; the certificate is compared with it, no authority is needed
    #[arg(long, value_name = "SHA256")]
    tls_fingerprint: Option<String>,
}

impl StoreArgs {
    /// What was said, else what the release has.
    pub fn by(&self, version: &str) -> ByArg {
        self.by.unwrap_or_else(|| by_release(version))
    }
}

/// Where TVS is, and whether it is asked.
#[derive(Debug, Clone, Args)]
pub struct TvsReach {
    /// TCP port of TVS
    #[arg(long, value_name = "PORT", default_value_t = 2445)]
    tvs_port: u16,
    /// Do not ask TVS; the result is then unproved
    #[arg(long)]
    pub no_tvs: bool,
    /// Use TLS 1.0 with TVS and accept weak keys, for nodes of the 7900 era
    #[arg(long)]
    legacy_tls: bool,
}

/// How TVS is asked whether an upload worked.
#[derive(Debug, Clone, Args)]
pub struct TvsArgs {
    #[command(flatten)]
    pub reach: TvsReach,
    /// How to ask TVS
    #[arg(long, value_enum, value_name = "AS", default_value_t = Ask::Query)]
    tvs_ask: Ask,
    /// How long to wait until TVS knows an uploaded certificate
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    tvs_wait: u64,
}

/// What is said of certificates about which TVS was not asked.
pub const UNPROVED: &str = "unproved: TVS was not asked (--no-tvs)";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ByArg {
    /// The REST interface
    Rest,
    /// `set cert import trust` on the admin shell
    Cli,
    /// By hand on the web page; prints what to do there, and waits for TVS
    Hand,
}

pub fn run(args: &TrustArgs, settings: &Settings, ui: &Ui) -> Result<(), CommandError> {
    let address = &args.node;
    let operator = args.connect.operator(args.yes, settings, ui)?;
    let certificates =
        args.certificates.iter().map(|p| read_certificate(p)).collect::<Result<Vec<_>, _>>()?;
    let mut connector = Connector::new(args.connect.options(), &operator);
    let how = match args.store.by {
        Some(by) => by,
        None => by_release(&connector.open(address)?.version()?),
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
        store(&mut connector, address, certificate, &args.store, how, ui)?;
        let says = prove(address, certificate, (&args.tvs, &args.ports), ui)?;
        if !ui.is_json() {
            ui.print(&format!("{}: {says}", printable(&name)))?;
        }
        documents.push(serde_json::json!({
            "certificate": name, "by": format!("{how:?}").to_lowercase(), "says": says,
            "proved": !args.tvs.reach.no_tvs,
        }));
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
            let user = connector.user(address);
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

impl TvsReach {
    /// The TVS of a node.
    pub fn address(&self, node: &NodeAddress) -> Result<TvsAddress, CommandError> {
        let host = node.host().ok_or_else(|| {
            CommandError::new(
                ErrorKind::No,
                format!("over the serial line {node} there is no way to its TVS"),
            )
            .hint(WITHOUT_PROOF)
        })?;
        let port = self.tvs_port;
        let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Ok(text.parse()?)
    }

    /// How it is spoken with by phones that hold this ITL.
    pub fn tls<'a>(&self, known: Option<&'a [Record]>) -> Tls<'a> {
        Tls { known, legacy: self.legacy_tls, timeout: Duration::from_secs(10) }
    }
}

const WITHOUT_PROOF: &str = "--no-tvs goes on without the proof; the journal and the output say so";

/// The ITL that phones of a node hold, as far as the node shows: by it they know its TVS.
fn itl_of(node: &NodeAddress, ports: &PortArgs) -> Result<VerifiedList, CommandError> {
    let no = |why: String| {
        let what = format!("by which certificate phones know the TVS of {node} is not known: {why}");
        CommandError::new(ErrorKind::No, what).hint(WITHOUT_PROOF)
    };
    let fetched = fetch(node.host().unwrap_or_default(), ports.ports(), "ITLFile.tlv")
        .map_err(|e| CommandError::from(e).hint(WITHOUT_PROOF))?;
    let bytes = fetched.ok_or_else(|| no("it serves no ITLFile.tlv".to_owned()))?.bytes;
    let itl = TrustList::decode(bytes).map_err(|e| no(format!("its ITLFile.tlv is none: {e}")))?;
    itl.verify().map_err(|e| no(format!("its ITLFile.tlv does not verify: {e}")))
}

/// One question to the TVS of a node, which phones must be able to authenticate by the ITL that the node serves.
struct Asked<'a> {
    address: TvsAddress,
    itl: VerifiedList,
    certificate: &'a Certificate,
    signer: SignerId,
    args: &'a TvsArgs,
}

impl<'a> Asked<'a> {
    fn new(
        node: &NodeAddress,
        certificate: &'a Certificate,
        (args, ports): (&'a TvsArgs, &PortArgs),
    ) -> Result<Self, CommandError> {
        let address = args.reach.address(node)?;
        let itl = itl_of(node, ports)?;
        // As the list will spell it that this certificate signs.
        let record = Record::token(certificate, certificate.sast_style())
            .map_err(|e| CommandError::new(ErrorKind::File, e.to_string()))?;
        Ok(Asked { address, itl, certificate, signer: record.signer_id(), args })
    }

    fn ask(&self) -> Result<Answer, TvsError> {
        tvs::ask(
            &self.address,
            &Question {
                certificate: self.certificate,
                signer: &self.signer,
                ask: self.args.tvs_ask,
                device_name: "CP-7965-SEP000000000000",
                tls: self.args.reach.tls(Some(self.itl.list().records())),
            },
        )
    }
}

/// Whether a node's TVS is one that phones can ask, whatever it says.
pub fn reach_tvs(
    address: &NodeAddress,
    certificate: &Certificate,
    (args, ports): (&TvsArgs, &PortArgs),
) -> Result<(), CommandError> {
    if !args.reach.no_tvs {
        Asked::new(address, certificate, (args, ports))?.ask()?;
    }
    Ok(())
}

/// Asks TVS until phones would take its word for a certificate that signs a CTL, or the time is over.
pub fn prove(
    address: &NodeAddress,
    certificate: &Certificate,
    (args, ports): (&TvsArgs, &PortArgs),
    ui: &Ui,
) -> Result<String, CommandError> {
    if args.reach.no_tvs {
        return Ok(UNPROVED.to_owned());
    }
    let asked = Asked::new(address, certificate, (args, ports))?;
    let name = printable(&certificate.sast_name());
    let signer = ListSigner { name: &name, is_token: true, signs: ListKind::Ctl };
    let end = std::time::Instant::now().checked_add(Duration::from_secs(args.tvs_wait));
    let mut told = false;
    loop {
        let answer = asked.ask();
        let status = TvsStatus::of(&asked.address.to_string(), &answer);
        let (decision, reason) = status.decides(signer, tvs_certificates(asked.itl.list().records()).len());
        if let (Decision::Accepts(_), Ok(answer)) = (decision, &answer) {
            return Ok(answer.to_string());
        }
        // What it shows and which roles it gives stays as it is; a certificate takes its time.
        let waits = matches!(status, TvsStatus::Invalid { .. } | TvsStatus::NoAnswer { .. });
        if !waits || end.is_none_or(|end| std::time::Instant::now() >= end) {
            if matches!(status, TvsStatus::NoAnswer { .. }) {
                answer?;
            }
            let what = match decision {
                Decision::Refuses => format!("{reason}: phones would refuse a list signed by {name}"),
                _ => format!("{reason}: phones may refuse a list signed by {name}"),
            };
            return Err(CommandError::new(ErrorKind::No, what)
                .hint(
                    "a token's certificate must be in Phone-SAST-trust of the publisher; and is TVS started?",
                )
                .hint(WITHOUT_PROOF));
        }
        if !told {
            ui.note(&format!("Waiting until TVS on {} vouches for {name} …", asked.address));
            told = true;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
