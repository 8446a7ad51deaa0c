//! Copies a file into a folder of another host by SFTP: written next to the target, synced, renamed; the old file is kept.

use std::time::Duration;

use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpFault;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode, Version};
use tokio::time::timeout;

use super::address::SshAddress;
use super::console::ssh::{Connected, SshOptions};
use super::error::ConsoleError;
use crate::trustlist::is_tftp_name;

/// The time limit for the whole transfer.
const LIMIT: Duration = Duration::from_secs(120);
/// The bytes in one packet: every server accepts this size.
const CHUNK: usize = 16 * 1024;
/// The extension that renames over an existing file, as POSIX does. Without it the file would be missing for a moment.
const POSIX_RENAME: &str = "posix-rename@openssh.com";
/// The extension that makes a hard link: it keeps the old file without a moment in which the file is missing.
const HARD_LINK: &str = "hardlink@openssh.com";
/// At most this number of old files is kept.
const MOST_BACKUPS: u32 = 1000;

/// A folder on another host: `sftp://user@host:port/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpFolder {
    /// The host.
    pub address: SshAddress,
    /// The folder.
    pub path: String,
}

impl SftpFolder {
    /// Reads `sftp://user@host:port/path`.
    pub fn parse(text: &str) -> Option<Self> {
        let (authority, path) = text.strip_prefix("sftp://")?.split_once('/')?;
        Some(SftpFolder { address: format!("ssh://{authority}").parse().ok()?, path: format!("/{path}") })
    }
}

/// Copies a file there; the old file is kept.
pub fn put(options: &SshOptions, folder: &str, name: &str, bytes: &[u8]) -> Result<(), ConsoleError> {
    let node = options.address.host.clone();
    if !is_tftp_name(name) {
        let why = format!("{name:?} is not the name of a file in {folder}");
        return Err(ConsoleError::Broken { node, why });
    }
    let failed = format!("{folder}/{name} was not written");
    in_session(options, &failed, async |session, _| {
        write(session, folder.trim_end_matches('/'), name, bytes).await
    })
}

/// Checks that `put` can work: the folder exists, and if the file exists, the server can keep it and replace it in one step.
/// Changes nothing.
pub fn look(options: &SshOptions, folder: &str, name: &str) -> Result<(), ConsoleError> {
    let failed = format!("nothing can be put into {folder}");
    in_session(options, &failed, async |session, version| {
        let folder = folder.trim_end_matches('/');
        let found = session.stat(if folder.is_empty() { "/" } else { folder }).await;
        if !found.map_err(|e| format!("looking for it: {e}"))?.attrs.is_dir() {
            return Err("it is no folder".to_owned());
        }
        let is_there = session.lstat(format!("{folder}/{name}")).await.is_ok();
        let missing =
            [HARD_LINK, POSIX_RENAME].into_iter().find(|name| !version.extensions.contains_key(*name));
        match missing {
            Some(missing) if is_there => Err(format!(
                "the server has no {missing}: the old {name} would be lost, or missing for a while"
            )),
            _ => Ok(()),
        }
    })
}

/// Runs a function over SFTP; an error names what `failed`.
fn in_session<T>(
    options: &SshOptions,
    failed: &str,
    work: impl AsyncFnOnce(&RawSftpSession, Version) -> Result<T, String>,
) -> Result<T, ConsoleError> {
    let connected = Connected::open(options)?;
    let transfer = async {
        let channel = connected.channel().await.map_err(|e| e.to_string())?;
        channel.request_subsystem(true, "sftp").await.map_err(|e| e.to_string())?;
        let session = RawSftpSession::new(channel.into_stream());
        let version = session.init().await.map_err(|e| format!("no SFTP: {e}"))?;
        work(&session, version).await
    };
    let result = connected.runtime.block_on(async { timeout(LIMIT, transfer).await });
    let why = match result {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(why)) => why,
        Err(_) => format!("not done within {} s", LIMIT.as_secs()),
    };
    let node = options.address.host.clone();
    Err(ConsoleError::Broken { node, why: format!("{failed}: {why}") })
}

async fn write(session: &RawSftpSession, folder: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
    let said = |what: &'static str| move |e: SftpFault| format!("{what}: {e}");
    let target = format!("{folder}/{name}");
    let beside = format!("{folder}/.sastctl-{}.tmp", std::process::id());
    let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let opened = session.open(&beside, flags, FileAttributes::empty()).await;
    let handle = opened.map_err(said("making a file beside it"))?.handle;
    let filled = fill(session, &handle, bytes).await;
    session.close(&handle).await.map_err(said("closing"))?;
    let kept = match filled {
        Ok(()) => keep(session, &target).await,
        Err(why) => Err(why),
    };
    if kept.is_err() {
        let _ = session.remove(&beside).await;
    }
    rename(session, &beside, &target, kept?).await
}

async fn fill(session: &RawSftpSession, handle: &str, bytes: &[u8]) -> Result<(), String> {
    let mut offset = 0_u64;
    for chunk in bytes.chunks(CHUNK) {
        session.write(handle, offset, chunk.to_vec()).await.map_err(|e| format!("writing beside it: {e}"))?;
        offset = offset.saturating_add(chunk.len() as u64);
    }
    match session.fsync(handle).await {
        Ok(_) => Ok(()),
        // Servers without the extension sync by themselves, or not at all.
        Err(SftpFault::Status(status)) if status.status_code == StatusCode::OpUnsupported => Ok(()),
        Err(e) => Err(format!("syncing: {e}")),
    }
}

/// Keeps the existing file under another name; returns whether there is one.
async fn keep(session: &RawSftpSession, target: &str) -> Result<bool, String> {
    if !is_there(session.stat(target).await).map_err(|e| format!("looking for the old file: {e}"))? {
        return Ok(false);
    }
    let failed = |e: SftpFault| format!("keeping the old file: {e}");
    for number in 1..MOST_BACKUPS {
        let name = if number == 1 { format!("{target}.bak") } else { format!("{target}.bak.{number}") };
        if !is_there(session.lstat(&name).await).map_err(failed)? {
            return session.hardlink(target, &name).await.map(|_| true).map_err(failed);
        }
    }
    Err("keeping the old file: there are too many already".to_owned())
}

fn is_there<T>(found: Result<T, SftpFault>) -> Result<bool, SftpFault> {
    match found {
        Ok(_) => Ok(true),
        Err(SftpFault::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(false),
        Err(e) => Err(e),
    }
}

async fn rename(session: &RawSftpSession, from: &str, to: &str, replaces: bool) -> Result<(), String> {
    if !replaces {
        return session.rename(from, to).await.map(drop).map_err(|e| format!("renaming: {e}"));
    }
    let mut data = Vec::new();
    for path in [from, to] {
        let length = u32::try_from(path.len()).map_err(|_| "renaming: the path is too long".to_owned())?;
        data.extend(length.to_be_bytes());
        data.extend(path.as_bytes());
    }
    match session.extended(POSIX_RENAME, data).await {
        Ok(Packet::Status(status)) if status.status_code == StatusCode::Ok => Ok(()),
        Ok(Packet::Status(status)) => {
            Err(format!("renaming: {}: {}", status.status_code, status.error_message))
        }
        Ok(_) => Err("renaming: an invalid answer".to_owned()),
        Err(e) => Err(format!("renaming: {e}")),
    }
}
