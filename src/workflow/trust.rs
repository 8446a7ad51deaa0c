//! Puts certificates into Phone-SAST-trust of a node, and proves that its TVS knows them.

use std::time::{Duration, Instant};

use super::error::WorkError;
use super::operator::{Operator, Question, View};
use super::plan::major_minor;
use crate::cluster::http::{TlsTrust, TrustStore};
use crate::cluster::{ClusterError, Connector, NodeAddress, PHONE_SAST_TRUST, Ports, fetch};
use crate::phone::tvs::{self, Answer, Ask, Tls, TvsAddress, TvsError};
use crate::phone::{Decision, ListSigner, TvsStatus, tvs_certificates};
use crate::trustlist::{Certificate, ListKind, Record, SignerId, TrustList, VerifiedList};

/// How certificates get into a trust store.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    /// The method; `None`: the release decides.
    pub method: Option<UploadMethod>,
    pub https_port: u16,
    pub tls: TlsTrust,
}

impl Default for UploadOptions {
    fn default() -> Self {
        UploadOptions { method: None, https_port: 443, tls: TlsTrust::System }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum UploadMethod {
    /// The REST interface
    Rest,
    /// `set cert import trust` on the admin shell
    Cli,
    /// By hand on the web page; prints what to do there, and waits for TVS
    Hand,
}

impl UploadMethod {
    /// REST came with release 14.
    pub fn of_release(version: &str) -> Self {
        let has_rest = major_minor(version).is_some_and(|(major, _)| major >= 14);
        if has_rest { UploadMethod::Rest } else { UploadMethod::Cli }
    }
}

/// How the TVS of a node is asked.
#[derive(Debug, Clone)]
pub struct TvsOptions {
    pub port: u16,
    /// Also allow TLS 1.0 and weak keys.
    pub legacy: bool,
    pub ask: Ask,
    /// The time limit for TVS to know a new certificate.
    pub wait: Duration,
}

/// A certificate that was uploaded.
pub struct Trusted {
    pub certificate: String,
    pub by: UploadMethod,
    /// The answer of TVS; `None` if it was not asked.
    pub proof: Option<String>,
}

/// Uploads certificates to a node, and waits until its TVS, if it is asked, knows each.
pub fn trust(
    node: &NodeAddress,
    certificates: &[Certificate],
    upload_options: &UploadOptions,
    (tvs, ports): (Option<&TvsOptions>, Ports),
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<Vec<Trusted>, WorkError> {
    let by = match upload_options.method {
        Some(by) => by,
        None => UploadMethod::of_release(&connector.open(node)?.version()?),
    };
    let names: Vec<String> = certificates.iter().map(Certificate::sast_name).collect();
    let question =
        Question::Consent(format!("Put {} into {PHONE_SAST_TRUST} on {node}?", names.join(" and ")));
    // By hand, the operator changes the node, not this program.
    if by != UploadMethod::Hand && !operator.agrees(&question)? {
        return Err(WorkError::Declined("nothing was changed on the node"));
    }
    let mut done = Vec::new();
    for (certificate, name) in certificates.iter().zip(names) {
        upload(node, certificate, upload_options, by, connector, operator)?;
        let proof = tvs.map(|tvs| wait_until_trusted(node, certificate, (tvs, ports), operator));
        let proof = proof.transpose()?.map(|answer| answer.to_string());
        operator.show(&View::Trusted { name: &name, proof: proof.as_deref() })?;
        done.push(Trusted { certificate: name, by, proof });
    }
    Ok(done)
}

/// Puts one certificate into Phone-SAST-trust, or shows how to.
pub fn upload(
    node: &NodeAddress,
    certificate: &Certificate,
    options: &UploadOptions,
    method: UploadMethod,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<(), WorkError> {
    let name = certificate.sast_name();
    match method {
        UploadMethod::Rest => {
            let host = node.host().ok_or(WorkError::NoRest)?;
            let user = connector.user(node);
            let password = connector.password(&format!("{user}@{host}"))?;
            let store = TrustStore::new(host, options.https_port, &user, password, options.tls.clone());
            operator.something_changes();
            return Ok(store.upload(PHONE_SAST_TRUST, certificate)?);
        }
        UploadMethod::Cli => {
            operator.something_changes();
            let mut shell = connector.open(node)?;
            if shell.trusts(&name)? {
                operator.note(&format!("{name} is in {PHONE_SAST_TRUST} already"));
                return Ok(());
            }
            match shell.import(certificate) {
                Err(ClusterError::Refused { says, .. }) => {
                    operator.warn(&format!("the shell of {node} does not accept {PHONE_SAST_TRUST}: {says}"))
                }
                done => return Ok(done?),
            }
        }
        UploadMethod::Hand => {}
    }
    Ok(operator.show(&View::UploadCertificate { name: &name })?)
}

impl TvsOptions {
    /// The TVS of a node.
    pub fn address(&self, node: &NodeAddress) -> Result<TvsAddress, WorkError> {
        let host = node.host().ok_or_else(|| WorkError::NoTvs { node: node.to_string() })?;
        Ok(TvsAddress { host: host.to_owned(), port: self.port })
    }

    /// The connection of phones that have an ITL with these records.
    pub fn tls<'a>(&self, known: Option<&'a [Record]>) -> Tls<'a> {
        Tls { known, legacy: self.legacy, timeout: Duration::from_secs(10) }
    }
}

/// One question to the TVS of a node, which phones must be able to authenticate by the ITL that the node serves.
pub struct TvsQuestion<'a> {
    address: TvsAddress,
    itl: VerifiedList,
    certificate: &'a Certificate,
    signer: SignerId,
    options: &'a TvsOptions,
}

impl<'a> TvsQuestion<'a> {
    pub fn new(
        node: &NodeAddress,
        certificate: &'a Certificate,
        (options, ports): (&'a TvsOptions, Ports),
    ) -> Result<Self, WorkError> {
        let address = options.address(node)?;
        let name = || node.to_string();
        let fetched = fetch(node.host().unwrap_or_default(), ports, "ITLFile.tlv");
        let bytes = fetched
            .map_err(WorkError::ItlNotFetched)?
            .ok_or_else(|| WorkError::NoItl { node: name() })?
            .bytes;
        let itl = TrustList::decode(bytes).map_err(|source| WorkError::NotAnItl { node: name(), source })?;
        let itl = itl.verify().map_err(|source| WorkError::ItlNotVerified { node: name(), source })?;
        // Written as in the list that this certificate will sign.
        let record = Record::token(certificate, certificate.sast_style()).map_err(WorkError::Record)?;
        Ok(TvsQuestion { address, itl, certificate, signer: record.signer_id(), options })
    }

    pub fn ask(&self) -> Result<Answer, TvsError> {
        let question = tvs::Question {
            certificate: self.certificate,
            signer: &self.signer,
            ask: self.options.ask,
            device_name: "CP-7965-SEP000000000000",
            tls: self.options.tls(Some(self.itl.list().records())),
        };
        tvs::ask(&self.address, &question)
    }
}

/// Asks the TVS of a node until phones would accept a CTL that the certificate signs, or the time is over. Returns its
/// answer.
pub fn wait_until_trusted(
    node: &NodeAddress,
    certificate: &Certificate,
    (tvs, ports): (&TvsOptions, Ports),
    operator: &dyn Operator,
) -> Result<Answer, WorkError> {
    let question = TvsQuestion::new(node, certificate, (tvs, ports))?;
    let name = certificate.sast_name();
    let signer = ListSigner { name: &name, is_token: true, signs: ListKind::Ctl };
    let end = Instant::now().checked_add(tvs.wait);
    let mut waiting = None;
    loop {
        let answer = question.ask();
        let status = TvsStatus::of(&question.address.to_string(), &answer);
        let known = tvs_certificates(question.itl.list().records()).len();
        let (decision, reason) = status.decides(signer, known);
        if let (Decision::Accepts(_), Ok(answer)) = (decision, &answer) {
            return Ok(answer.clone());
        }
        // TVS needs some time to know a certificate; its own certificate and the roles that it gives do not change.
        let waits = matches!(status, TvsStatus::Invalid { .. } | TvsStatus::NoAnswer { .. });
        if !waits || end.is_none_or(|end| Instant::now() >= end) {
            if matches!(status, TvsStatus::NoAnswer { .. }) {
                answer?;
            }
            let refuse = decision == Decision::Refuses;
            return Err(WorkError::SignerNotConfirmed { reason: reason.to_string(), refuse, signer: name });
        }
        waiting.get_or_insert_with(|| {
            operator.long_work(&format!("Waiting until TVS on {} knows {name}", question.address), None)
        });
        std::thread::sleep(Duration::from_secs(1));
    }
}
