//! A node's shell over SSH. One current-thread runtime per connection; nothing of it is seen outside.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{self, Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey};
use russh::{ChannelMsg, MethodKind, Preferred, cipher, kex, mac};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Console;
use crate::cluster::address::SshAddress;
use crate::cluster::error::ConsoleError;
use crate::files;

/// For connecting and logging in together.
const LOGIN_LIMIT: Duration = Duration::from_secs(60);
/// For handing bytes over.
const SEND_LIMIT: Duration = Duration::from_secs(20);

/// How to log in.
#[derive(Clone)]
pub struct SshOptions {
    /// Where.
    pub address: SshAddress,
    /// As whom.
    pub user: String,
    /// The password, for the methods password and keyboard-interactive.
    pub password: Option<SecretString>,
    /// A private key in a file of its own.
    pub identity: Option<PathBuf>,
    /// The known host keys, as OpenSSH keeps them.
    pub known_hosts: PathBuf,
    /// Also the algorithms of old releases: SHA-1 key exchange, ssh-rsa, CBC ciphers.
    pub legacy: bool,
    /// A host to go through.
    pub jump: Option<Box<SshOptions>>,
}

/// A host key that a server showed.
#[derive(Debug, Clone)]
pub struct HostKey(PublicKey);

impl HostKey {
    /// `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Writes it behind the known host keys: the operator said that it is right.
    pub fn learn(&self, known_hosts: &Path, address: &SshAddress) -> Result<(), ConsoleError> {
        keys::known_hosts::learn_known_hosts_path(&address.host, address.port, &self.0, known_hosts).map_err(
            |e| {
                let why = format!("{} cannot be written: {e}", known_hosts.display());
                ConsoleError::Connect { node: address.host.clone(), why }
            },
        )
    }
}

/// What became of the host key.
#[derive(Debug, Clone)]
enum Seen {
    Unknown(HostKey),
    Changed(HostKey, usize),
}

/// Why there is no console: an error, or a host key that the operator has to look at.
#[derive(Debug)]
pub enum NoConsole {
    /// An error.
    Error(ConsoleError),
    /// The host key is not known yet.
    Unknown {
        /// The server: the node, or the jump host.
        address: SshAddress,
        /// The key that it showed.
        key: Box<HostKey>,
    },
}

impl From<ConsoleError> for NoConsole {
    fn from(error: ConsoleError) -> Self {
        NoConsole::Error(error)
    }
}

struct Handler {
    address: SshAddress,
    known_hosts: PathBuf,
    seen: Arc<Mutex<Option<Seen>>>,
}

impl Handler {
    /// The keys that are known of this host, with their lines. No file is no key.
    fn known_keys(&self) -> Vec<(usize, PublicKey)> {
        let (host, port) = (&self.address.host, self.address.port);
        keys::known_hosts::known_host_keys_path(host, port, &self.known_hosts).unwrap_or_default()
    }
}

impl client::Handler for Handler {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &keys::PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key = match key {
            keys::PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            keys::PublicKeyOrCertificate::Certificate(_) => return Ok(false),
        };
        let (host, port) = (&self.address.host, self.address.port);
        let seen = match keys::known_hosts::check_known_hosts_path(host, port, &key, &self.known_hosts) {
            Ok(true) => return Ok(true),
            Err(keys::Error::KeyChanged { line }) => Seen::Changed(HostKey(key), line),
            // Another kind of key than the known one is another key.
            Ok(false) | Err(_) => match self.known_keys().first() {
                Some((line, _)) => Seen::Changed(HostKey(key), *line),
                None => Seen::Unknown(HostKey(key)),
            },
        };
        if let Ok(mut slot) = self.seen.lock() {
            *slot = Some(seen);
        }
        Ok(false)
    }
}

/// The shell of a node.
pub struct SshConsole {
    connected: Connected,
    channel: russh::Channel<client::Msg>,
    node: String,
    opened: Instant,
}

/// Connections that are logged in, and the runtime that they live in. The last one is to the host that was meant.
pub(in crate::cluster) struct Connected {
    pub(in crate::cluster) runtime: Runtime,
    handles: Vec<Handle<Handler>>,
}

impl Connected {
    /// Connects, checks the host key, logs in.
    pub(in crate::cluster) fn open(options: &SshOptions) -> Result<Self, NoConsole> {
        let node = options.address.host.clone();
        let refuse = |why: String| ConsoleError::Connect { node: node.clone(), why };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| refuse(e.to_string()))?;
        let mut handles = Vec::new();
        runtime
            .block_on(async { timeout(LOGIN_LIMIT, log_in(options, &mut handles)).await })
            .map_err(|_| refuse(format!("no login within {} s", LOGIN_LIMIT.as_secs())))??;
        Ok(Connected { runtime, handles })
    }

    /// A channel on the host that was meant.
    pub(in crate::cluster) async fn channel(&self) -> Result<russh::Channel<client::Msg>, russh::Error> {
        match self.handles.last() {
            Some(handle) => handle.channel_open_session().await,
            None => Err(russh::Error::Disconnect),
        }
    }
}

impl SshConsole {
    /// Connects, checks the host key, logs in, and opens a shell.
    pub fn open(options: &SshOptions) -> Result<Self, NoConsole> {
        let node = options.address.host.clone();
        let connected = Connected::open(options)?;
        let shell = async {
            let channel = connected.channel().await?;
            // Wide, so that nothing is wrapped; the pagers are dealt with by the shell's reader.
            channel.request_pty(true, "vt100", 250, 100, 0, 0, &[]).await?;
            channel.request_shell(true).await?;
            Ok::<_, russh::Error>(channel)
        };
        let late = || ConsoleError::Connect { node: node.clone(), why: "it opens no shell".to_owned() };
        let channel = connected
            .runtime
            .block_on(async { timeout(LOGIN_LIMIT, shell).await })
            .map_err(|_| late())?
            .map_err(|e| ConsoleError::Broken { node: node.clone(), why: e.to_string() })?;
        Ok(SshConsole { connected, channel, node, opened: Instant::now() })
    }
}

/// Connects and logs in, over the jump host if there is one.
async fn log_in(options: &SshOptions, handles: &mut Vec<Handle<Handler>>) -> Result<(), NoConsole> {
    let (host, port) = (options.address.host.clone(), options.address.port);
    let seen = Arc::new(Mutex::new(None));
    let handler = Handler {
        address: options.address.clone(),
        known_hosts: options.known_hosts.clone(),
        seen: seen.clone(),
    };
    let mut config = config(options.legacy);
    // A server with several keys shows the kind that is known.
    let known: Vec<Algorithm> = handler.known_keys().iter().map(|(_, key)| key.algorithm()).collect();
    let is_known = |algorithm: &Algorithm| {
        known.iter().any(|k| k == algorithm || (k.clone().is_rsa() && algorithm.clone().is_rsa()))
    };
    let (first, rest): (Vec<_>, Vec<_>) = config.preferred.key.iter().cloned().partition(is_known);
    config.preferred.key = Cow::Owned(first.into_iter().chain(rest).collect());
    let config = Arc::new(config);
    let connected = match &options.jump {
        None => client::connect(config, (host.as_str(), port), handler).await,
        Some(jump) => {
            Box::pin(log_in(jump, handles)).await?;
            let through = handles.last().ok_or_else(|| ConsoleError::Closed { node: host.clone() })?;
            let stream = through
                .channel_open_direct_tcpip(host.clone(), u32::from(port), "127.0.0.1", 0)
                .await
                .map_err(|e| ConsoleError::Connect {
                    node: host.clone(),
                    why: format!("{} does not reach it: {e}", jump.address.host),
                })?
                .into_stream();
            client::connect_stream(config, stream, handler).await
        }
    };
    let seen = seen.lock().ok().and_then(|mut s| s.take());
    let mut handle = connected.map_err(|e| no_connection(options, seen, &e))?;
    authenticate(&mut handle, options).await?;
    handles.push(handle);
    Ok(())
}

fn no_connection(options: &SshOptions, seen: Option<Seen>, e: &russh::Error) -> NoConsole {
    let node = options.address.host.clone();
    match (seen, e) {
        (Some(Seen::Unknown(key)), _) => {
            NoConsole::Unknown { address: options.address.clone(), key: Box::new(key) }
        }
        (Some(Seen::Changed(key, line)), _) => {
            ConsoleError::ChangedHostKey { node, fingerprint: key.fingerprint(), line }.into()
        }
        (None, russh::Error::NoCommonAlgo { .. }) if !options.legacy => {
            ConsoleError::OldAlgorithms { node, why: e.to_string() }.into()
        }
        (None, e) => ConsoleError::Connect { node, why: e.to_string() }.into(),
    }
}

fn config(legacy: bool) -> client::Config {
    let mut preferred = Preferred::DEFAULT;
    if legacy {
        // Behind the good ones: a server that has those still gets them.
        let kex = [kex::DH_GEX_SHA1, kex::DH_G14_SHA1, kex::DH_G1_SHA1];
        preferred.kex = Cow::Owned(preferred.kex.iter().copied().chain(kex).collect());
        preferred.key =
            Cow::Owned(preferred.key.iter().cloned().chain([Algorithm::Rsa { hash: None }]).collect());
        let ciphers = [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC];
        preferred.cipher = Cow::Owned(preferred.cipher.iter().copied().chain(ciphers).collect());
        preferred.mac = Cow::Owned(preferred.mac.iter().copied().chain([mac::HMAC_SHA1]).collect());
    }
    client::Config {
        preferred,
        keepalive_interval: Some(Duration::from_secs(20)),
        keepalive_max: 3,
        inactivity_timeout: None,
        ..client::Config::default()
    }
}

async fn authenticate(handle: &mut Handle<Handler>, options: &SshOptions) -> Result<(), ConsoleError> {
    let node = options.address.host.clone();
    let broken = |e: russh::Error| ConsoleError::Broken { node: node.clone(), why: e.to_string() };
    let refused = || ConsoleError::LoginRefused { node: node.clone(), user: options.user.clone() };
    let mut offered = match handle.authenticate_none(&options.user).await.map_err(broken)? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure { remaining_methods, .. } => remaining_methods,
    };
    if let Some(path) = options.identity.as_ref().filter(|_| offered.contains(&MethodKind::PublicKey)) {
        let unfit = |e: &dyn std::fmt::Display| ConsoleError::Connect {
            node: node.clone(),
            why: format!("the key {} cannot be used: {e}", path.display()),
        };
        let bytes = Zeroizing::new(files::read_limited(path, files::MAX_TEXT).map_err(|e| unfit(&e))?);
        let text = std::str::from_utf8(&bytes).map_err(|e| unfit(&e))?;
        let key = keys::decode_secret_key(text, None).map_err(|e| unfit(&e))?;
        let hash = handle.best_supported_rsa_hash().await.map_err(broken)?.flatten();
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        match handle.authenticate_publickey(&options.user, key).await.map_err(broken)? {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, .. } => offered = remaining_methods,
        }
    }
    let Some(password) = &options.password else { return Err(refused()) };
    // One method, one try: a wrong password that is tried twice locks accounts.
    if offered.contains(&MethodKind::Password) {
        let answer = handle.authenticate_password(&options.user, password.expose_secret()).await;
        return if answer.map_err(broken)?.success() { Ok(()) } else { Err(refused()) };
    }
    if !offered.contains(&MethodKind::KeyboardInteractive) {
        return Err(refused());
    }
    let mut step =
        handle.authenticate_keyboard_interactive_start(&options.user, None).await.map_err(broken)?;
    // PAM asks once; whoever goes on asking gets no second answer.
    for _ in 0..4 {
        step = match step {
            KeyboardInteractiveAuthResponse::Success => return Ok(()),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Err(refused()),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = prompts
                    .iter()
                    .map(|p| if p.echo { String::new() } else { password.expose_secret().to_owned() })
                    .collect();
                handle.authenticate_keyboard_interactive_respond(answers).await.map_err(broken)?
            }
        };
    }
    Err(refused())
}

impl Console for SshConsole {
    fn node(&self) -> &str {
        &self.node
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        let node = || self.node.clone();
        // Within the runtime: its clock is needed to make the timeout.
        let sending = async { timeout(SEND_LIMIT, self.channel.data(bytes)).await };
        match self.connected.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ConsoleError::Closed { node: node() }),
            Err(_) => Err(ConsoleError::Broken { node: node(), why: "it takes no more bytes".to_owned() }),
        }
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        let end = Instant::now().checked_add(patience);
        loop {
            let left = end.map_or(patience, |end| end.saturating_duration_since(Instant::now()));
            let message = self.connected.runtime.block_on(async { timeout(left, self.channel.wait()).await });
            match message {
                Err(_) => return Ok(vec![]),
                Ok(Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. })) => {
                    return Ok(data.to_vec());
                }
                Ok(None | Some(ChannelMsg::Close | ChannelMsg::Eof)) => {
                    return Err(ConsoleError::Closed { node: self.node.clone() });
                }
                Ok(Some(_)) => {}
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.opened.elapsed()
    }
}
