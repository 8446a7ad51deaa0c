//! A node's shell over SSH. Each connection has its own current-thread runtime, which is private to this file.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{self, Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey};
use russh::{AlgorithmKind, ChannelMsg, MethodKind, Preferred, cipher, kex, mac};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::{TcpStream, lookup_host};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Console;
use super::known_hosts::KnownHosts;
use crate::cluster::address::SshAddress;
use crate::cluster::error::ConsoleError;
use crate::cluster::shell::screen::last_words;
use crate::cluster::shell::words::asks_for_the_password;
use crate::files;

/// The time limit for the TCP connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// The time limit for connecting and login together.
const LOGIN_LIMIT: Duration = Duration::from_secs(60);
/// The time limit for sending.
const SEND_LIMIT: Duration = Duration::from_secs(20);

/// The options of a login.
#[derive(Clone)]
pub struct SshOptions {
    /// Where.
    pub address: SshAddress,
    /// As whom.
    pub user: String,
    /// The password, for the methods password and keyboard-interactive.
    pub password: Password,
    /// The file of a private key.
    pub identity: Option<PathBuf>,
    /// The known host keys, in OpenSSH's format.
    pub known_hosts: PathBuf,
    /// Also the algorithms of old releases: SHA-1 key exchange, ssh-rsa, CBC ciphers.
    pub legacy: bool,
    /// A jump host.
    pub jump: Option<Box<SshOptions>>,
}

/// The password of a login.
#[derive(Clone)]
pub enum Password {
    /// The host gets none.
    None,
    /// It is asked for when the host is reached and wants it.
    NotAskedFor,
    /// It is known.
    Known(SecretString),
}

struct Handler {
    known: KnownHosts,
    /// Why a host key was not accepted.
    seen: Arc<Mutex<Option<ConsoleError>>>,
}

impl client::Handler for Handler {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &keys::PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let judged = self.known.judge(key);
        let is_known = judged.is_ok();
        if let Ok(mut seen) = self.seen.lock() {
            *seen = judged.err();
        }
        Ok(is_known)
    }
}

/// The shell of a node.
pub struct SshConsole {
    connected: Connected,
    channel: russh::Channel<client::Msg>,
    node: String,
    opened: Instant,
}

/// Logged-in connections, and their runtime. The last one is to the target host.
pub(in crate::cluster) struct Connected {
    pub(in crate::cluster) runtime: Runtime,
    handles: Vec<Handle<Handler>>,
}

impl Connected {
    /// Connects, checks the host key, logs in.
    pub(in crate::cluster) fn open(options: &SshOptions) -> Result<Self, ConsoleError> {
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

    /// A channel on the target host.
    pub(in crate::cluster) async fn channel(&self) -> Result<russh::Channel<client::Msg>, russh::Error> {
        match self.handles.last() {
            Some(handle) => handle.channel_open_session().await,
            None => Err(russh::Error::Disconnect),
        }
    }
}

impl SshConsole {
    /// Connects, checks the host key, logs in, and opens a shell.
    pub fn open(options: &SshOptions) -> Result<Self, ConsoleError> {
        let node = options.address.host.clone();
        let connected = Connected::open(options)?;
        let shell = async {
            let channel = connected.channel().await?;
            // Wide, so that no line is wrapped; the shell's reader answers the pagers.
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
async fn log_in(options: &SshOptions, handles: &mut Vec<Handle<Handler>>) -> Result<(), ConsoleError> {
    let host = options.address.host.clone();
    let seen = Arc::new(Mutex::new(None));
    let known = KnownHosts::of(&options.address, &options.known_hosts);
    let mut config = config(options.legacy);
    // A server with several keys is asked for the key type that is known, or for a certificate if an authority is known.
    let algorithms: Vec<Algorithm> = known.keys().map(PublicKey::algorithm).collect();
    let is_known = |algorithm: &Algorithm| {
        algorithms.iter().any(|k| k == algorithm || (k.clone().is_rsa() && algorithm.clone().is_rsa()))
    };
    let (first, rest): (Vec<_>, Vec<_>) = config.preferred.key.iter().cloned().partition(is_known);
    config.preferred.key = Cow::Owned(first.into_iter().chain(rest).collect());
    if known.has_authority() {
        config.preferred.host_key_certificates = config.preferred.key.clone();
    }
    let handler = Handler { known, seen: seen.clone() };
    let config = Arc::new(config);
    let connected = match &options.jump {
        None => client::connect_stream(config, reach(&options.address).await?, handler).await,
        Some(jump) => {
            Box::pin(log_in(jump, handles)).await?;
            let through = handles.last().ok_or_else(|| ConsoleError::Closed { node: host.clone() })?;
            let stream = through
                .channel_open_direct_tcpip(host.clone(), u32::from(options.address.port), "127.0.0.1", 0)
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
    let mut handle = connected.map_err(|e| seen.unwrap_or_else(|| no_connection(options, &e)))?;
    authenticate(&mut handle, options).await?;
    handles.push(handle);
    Ok(())
}

/// The TCP connection.
async fn reach(address: &SshAddress) -> Result<TcpStream, ConsoleError> {
    let (node, port) = (address.host.clone(), address.port);
    let found = match lookup_host((address.host.as_str(), port)).await {
        Ok(found) => found.collect::<Vec<_>>(),
        Err(source) => return Err(ConsoleError::NoSuchHost { node, source }),
    };
    let no_answer = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let stream =
        timeout(CONNECT_LIMIT, TcpStream::connect(&found[..])).await.unwrap_or_else(|_| Err(no_answer()));
    stream.map_err(|source| match source.kind() {
        std::io::ErrorKind::ConnectionRefused => ConsoleError::PortClosed { node, port },
        std::io::ErrorKind::TimedOut => ConsoleError::NoAnswer { node, port },
        _ => ConsoleError::Connect { node, why: source.to_string() },
    })
}

fn no_connection(options: &SshOptions, e: &russh::Error) -> ConsoleError {
    let node = options.address.host.clone();
    match e {
        russh::Error::NoCommonAlgo { kind, ours, theirs } => {
            let (kind, all) = match kind {
                AlgorithmKind::Kex => ("key exchange", names_of(kex::ALL_KEX_ALGORITHMS)),
                AlgorithmKind::Key => ("host key algorithm", vec!["ssh-rsa".to_owned()]),
                AlgorithmKind::Cipher => ("cipher", names_of(cipher::ALL_CIPHERS)),
                AlgorithmKind::Mac => ("MAC", names_of(mac::ALL_MAC_ALGORITHMS)),
                AlgorithmKind::Compression => ("compression", vec![]),
            };
            let old_would_do =
                !options.legacy && theirs.iter().any(|name| is_old(name) && all.contains(name));
            // The list of key exchanges also contains names of extensions, which are not key exchanges.
            let list = |names: &[String]| {
                let is_one = |name: &&str| !name.starts_with("kex-strict-") && !name.starts_with("ext-info-");
                names.iter().map(String::as_str).filter(is_one).collect::<Vec<_>>().join(", ")
            };
            let offers = format!("it offers {}; sastctl offers {}", list(theirs), list(ours));
            ConsoleError::NoCommonAlgorithm { node, kind, offers, old_would_do }
        }
        e => ConsoleError::Connect { node, why: e.to_string() },
    }
}

/// SHA-1 and CBC.
fn is_old(name: &str) -> bool {
    name == "ssh-rsa" || name.contains("sha1") || name.ends_with("-cbc")
}

fn names_of<N: AsRef<str>>(names: &[&N]) -> Vec<String> {
    names.iter().map(|name| AsRef::<str>::as_ref(*name).to_owned()).collect()
}

/// All algorithms of the library, the preferred ones first; old ones only on request, and last.
fn offered<N: AsRef<str> + Copy + PartialEq>(
    preferred: &[N],
    every: &[&N],
    legacy: bool,
) -> Cow<'static, [N]> {
    let others = every.iter().map(|name| **name).filter(|name| !preferred.contains(name));
    let all = preferred.iter().copied().chain(others).filter(|n| !matches!(n.as_ref(), "none" | "clear"));
    let (old, new): (Vec<N>, Vec<N>) = all.partition(|name| is_old(name.as_ref()));
    Cow::Owned(new.into_iter().chain(old.into_iter().filter(|_| legacy)).collect())
}

fn config(legacy: bool) -> client::Config {
    let default = Preferred::DEFAULT;
    let keys = default.key.iter().filter(|key| legacy || !is_old(key.as_str()));
    client::Config {
        preferred: Preferred {
            kex: offered(&default.kex, kex::ALL_KEX_ALGORITHMS, legacy),
            key: keys.cloned().collect(),
            cipher: offered(&default.cipher, cipher::ALL_CIPHERS, legacy),
            mac: offered(&default.mac, mac::ALL_MAC_ALGORITHMS, legacy),
            ..default.clone()
        },
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
        // If a server does not list its signature algorithms, SHA-1 is used only on request.
        let hash = handle.best_supported_rsa_hash().await.map_err(broken)?.flatten();
        let hash = hash.or((!options.legacy).then_some(HashAlg::Sha256));
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        match handle.authenticate_publickey(&options.user, key).await.map_err(broken)? {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, .. } => offered = remaining_methods,
        }
    }
    let by_password = [MethodKind::Password, MethodKind::KeyboardInteractive];
    let password = match &options.password {
        Password::Known(password) => password,
        Password::NotAskedFor if by_password.iter().any(|method| offered.contains(method)) => {
            return Err(ConsoleError::PasswordNeeded { address: options.address.clone() });
        }
        Password::NotAskedFor | Password::None => return Err(refused()),
    };
    // One method, one try: a wrong password that is tried twice can lock an account.
    if offered.contains(&MethodKind::Password) {
        let answer = handle.authenticate_password(&options.user, password.expose_secret()).await;
        return if answer.map_err(broken)?.success() { Ok(()) } else { Err(refused()) };
    }
    if !offered.contains(&MethodKind::KeyboardInteractive) {
        return Err(refused());
    }
    let mut step =
        handle.authenticate_keyboard_interactive_start(&options.user, None).await.map_err(broken)?;
    let mut password = Some(password);
    // The question for the password is answered once; a message without a question is skipped.
    for _ in 0..4 {
        step = match step {
            KeyboardInteractiveAuthResponse::Success => return Ok(()),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Err(refused()),
            KeyboardInteractiveAuthResponse::InfoRequest { name, instructions, prompts } => {
                let asked = match &prompts[..] {
                    [one] if !one.echo && asks_for_the_password(&one.prompt) => password.take(),
                    _ => None,
                };
                if asked.is_none() && !prompts.is_empty() {
                    let words = prompts.iter().map(|p| p.prompt.as_str());
                    let says: Vec<&str> = [&name[..], &instructions].into_iter().chain(words).collect();
                    return Err(ConsoleError::Asked { node, says: last_words(&says) });
                }
                let answers = asked.iter().map(|p| p.expose_secret().to_owned()).collect();
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
        // Inside the runtime, because the timeout needs its clock.
        let sending = async { timeout(SEND_LIMIT, self.channel.data(bytes)).await };
        match self.connected.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ConsoleError::Closed { node: node() }),
            Err(_) => Err(ConsoleError::Broken { node: node(), why: "it accepts no more data".to_owned() }),
        }
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        let begin = Instant::now();
        loop {
            let left = patience.saturating_sub(begin.elapsed());
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
