//! Reading a file from a node's HTTP server on port 6970, and certificates into its trust store by REST.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use ureq::tls::{Certificate as TlsCertificate, RootCerts, TlsConfig, TlsProvider};

use crate::trustlist::Certificate;

/// Where a node serves its TFTP files by HTTP.
pub const FILES_PORT: u16 = 6970;
/// For one request in all.
const LIMIT: Duration = Duration::from_secs(30);
/// Answers of the REST interface are short; in bytes.
const LONGEST_ANSWER: u64 = 256 * 1024;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No answer.
    #[error("{url} cannot be reached: {why}")]
    Reach {
        /// What was asked for.
        url: String,
        /// Why not.
        why: String,
    },
    /// The server refused.
    #[error("{url} answered {status}: {says}")]
    Refused {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        says: String,
    },
    /// Larger than what is read.
    #[error("{url} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The certificate of the server is not the pinned one, or not one that is trusted.
    #[error("the TLS certificate of {host} is not trusted: {why}")]
    NotTrusted {
        /// The host.
        host: String,
        /// Why not.
        why: String,
    },
}

impl HttpError {
    /// Whether the server is there and simply has no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, HttpError::Refused { status: 404, .. })
    }
}

fn agent(tls: TlsConfig) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .tls_config(tls)
        .build()
        .into()
}

/// Reads `http://HOST:PORT/FILE`, at most `limit` bytes.
pub fn get(host: &str, port: u16, file: &str, limit: usize) -> Result<Vec<u8>, HttpError> {
    let url = format!("http://{}:{port}/{file}", bracketed(host));
    let reach = |e: ureq::Error| HttpError::Reach { url: url.clone(), why: e.to_string() };
    let mut answer = agent(TlsConfig::default()).get(&url).call().map_err(reach)?;
    let status = answer.status().as_u16();
    if status != 200 {
        let says = answer.status().canonical_reason().unwrap_or_default().to_owned();
        return Err(HttpError::Refused { url, status, says });
    }
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    match answer.body_mut().with_config().limit(most).read_to_vec() {
        Ok(bytes) => Ok(bytes),
        Err(ureq::Error::BodyExceedsLimit(_)) => Err(HttpError::TooLarge { url, limit }),
        Err(e) => Err(reach(e)),
    }
}

/// How a node's web server is known.
#[derive(Debug, Clone)]
pub enum TlsTrust {
    /// By the system's authorities.
    System,
    /// By the SHA-256 of its certificate, hexadecimal: the operator compared it.
    Fingerprint(String),
}

/// A node's certificate interface (release 14 and later).
pub struct TrustStore {
    base: String,
    host: String,
    user: String,
    password: SecretString,
    trust: TlsTrust,
}

impl TrustStore {
    /// `https://HOST:PORT`, with the OS administrator's account.
    pub fn new(host: &str, port: u16, user: &str, password: SecretString, trust: TlsTrust) -> Self {
        let base = format!("https://{}:{port}/platformcom/api/v1/certmgr/config", bracketed(host));
        TrustStore { base, host: host.to_owned(), user: user.to_owned(), password, trust }
    }

    /// Stores a certificate in a trust unit (`Phone-SAST-trust`).
    pub fn upload(&self, unit: &str, certificate: &Certificate) -> Result<(), HttpError> {
        let url = format!("{}/trust/certificates", self.base);
        let body = serde_json::json!({
            "service": [unit],
            "certificates": [certificate.to_pem()],
            "description": certificate.sast_name(),
        });
        let reach = |e: ureq::Error| HttpError::Reach { url: url.clone(), why: e.to_string() };
        let login = format!("{}:{}", self.user, self.password.expose_secret());
        let login = zeroize::Zeroizing::new(data_encoding::BASE64.encode(login.as_bytes()));
        let request = agent(self.tls()?)
            .post(&url)
            .header("Authorization", format!("Basic {}", login.as_str()))
            .header("Accept", "application/json");
        let mut answer = request.send_json(&body).map_err(reach)?;
        let status = answer.status().as_u16();
        if matches!(status, 200 | 201) {
            return Ok(());
        }
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string().unwrap_or_default();
        Err(HttpError::Refused { url, status, says: says(&text) })
    }

    fn tls(&self) -> Result<TlsConfig, HttpError> {
        let builder = TlsConfig::builder().provider(TlsProvider::NativeTls);
        match &self.trust {
            TlsTrust::System => Ok(builder.build()),
            TlsTrust::Fingerprint(wanted) => {
                let (der, port_shown) = self.shown_certificate()?;
                let shown = crate::trustlist::digest::hex(&crate::trustlist::digest::sha256(&der), "");
                let plain: String = wanted.chars().filter(char::is_ascii_hexdigit).collect();
                if plain.to_lowercase() != shown {
                    let why = format!("{port_shown} shows SHA-256 {shown}, --tls-fingerprint says {plain}");
                    return Err(HttpError::NotTrusted { host: self.host.clone(), why });
                }
                // That very certificate is the only authority, so what answers next is who answered now.
                let root = TlsCertificate::from_der(&der).to_owned();
                Ok(builder.root_certs(RootCerts::Specific(vec![root].into())).build())
            }
        }
    }

    /// The certificate that the server shows now.
    fn shown_certificate(&self) -> Result<(Vec<u8>, String), HttpError> {
        use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
        let authority =
            self.base.trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
        let reach = |why: String| HttpError::Reach { url: self.base.clone(), why };
        let tcp = std::net::TcpStream::connect(&authority).map_err(|e| reach(e.to_string()))?;
        tcp.set_read_timeout(Some(LIMIT)).map_err(|e| reach(e.to_string()))?;
        let mut connector =
            SslConnector::builder(SslMethod::tls_client()).map_err(|e| reach(e.to_string()))?;
        connector.set_verify(SslVerifyMode::NONE);
        let tls = connector
            .build()
            .configure()
            .map_err(|e| reach(e.to_string()))?
            .verify_hostname(false)
            .connect(&self.host, tcp)
            .map_err(|e| reach(e.to_string()))?;
        let certificate =
            tls.ssl().peer_certificate().ok_or_else(|| reach("it shows no certificate".to_owned()))?;
        Ok((certificate.to_der().map_err(|e| reach(e.to_string()))?, authority))
    }
}

/// What an answer says for people: its `message` or `messages`, else its beginning; without control characters.
pub fn says(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let words = match (value.get("message"), value.get("messages")) {
        (Some(serde_json::Value::String(message)), _) => message.clone(),
        (_, Some(serde_json::Value::Array(messages))) => {
            let text = |m: &serde_json::Value| m.as_str().map_or_else(|| m.to_string(), str::to_owned);
            messages.iter().map(text).collect::<Vec<_>>().join("; ")
        }
        _ => text.chars().take(200).collect(),
    };
    words.chars().filter(|c| !c.is_control()).collect()
}

/// IPv6 addresses stand in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
