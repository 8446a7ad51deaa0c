//! Owners, groups and modes. The path is followed link by link, as the system does. If only root and this user may change
//! any part of it, nobody else can replace the file between the check and its use.
#![allow(unsafe_code, reason = "the list of the system's users, which has one place for every caller")]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use uzers::os::unix::GroupExt as _;

/// Which part of a path (file, folders, links) users other than root and this one may change, in words, if there is such a file.
pub fn others_may_write(path: &Path) -> Option<String> {
    let me = rustix::process::geteuid().as_raw();
    path_steps(path).find_map(|step| match step {
        Ok((path, meta)) => problem_of(&path, &meta, me),
        Err((_, e)) if e.kind() == io::ErrorKind::NotFound => None,
        Err((path, e)) => Some(format!("{} cannot be checked ({e})", path.display())),
    })
}

/// The first link of a user other than root and this one in a path, with its owner's user id.
pub fn foreign_link(path: &Path) -> Option<(PathBuf, u32)> {
    let me = rustix::process::geteuid().as_raw();
    path_steps(path).filter_map(Result::ok).find_map(|(link, meta)| {
        let foreign = meta.is_symlink() && ![0, me].contains(&meta.uid());
        foreign.then(|| (link, meta.uid()))
    })
}

/// Whether users other than this one and root may read a plain file.
pub(crate) fn others_may_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.mode() & 0o077 != 0)
}

/// How to remove write permission for others.
pub(crate) const HOW_TO_FORBID_WRITING: &str = "chmod go-w";

/// Rights that only this user has.
pub(crate) fn how_to_make_private(path: &Path) -> String {
    format!("chmod 600 {}", path.display())
}

/// Gives a temporary file its name.
pub(crate) fn persist(file: tempfile::NamedTempFile, target: &Path) -> Result<File, tempfile::PersistError> {
    file.persist(target)
}

/// Keeps owner and group, so that a TFTP server can still read its file. If that fails, keeps only the group; if that fails
/// too, neither.
pub(crate) fn keep_owner(file: &File, old: &Metadata) {
    let (uid, gid) = (rustix::fs::Uid::from_raw(old.uid()), rustix::fs::Gid::from_raw(old.gid()));
    if file.metadata().is_ok_and(|new| (new.uid(), new.gid()) != (old.uid(), old.gid()))
        && rustix::fs::fchown(file, Some(uid), Some(gid)).is_err()
    {
        let _ = rustix::fs::fchown(file, None, Some(gid));
    }
}

/// What distinguishes a file from another of the same name.
pub(crate) type FileIdentity = (u64, u64);

pub(crate) fn identity(there: &Metadata) -> FileIdentity {
    (there.dev(), there.ino())
}

/// The type of a file that is neither a plain file nor a folder, in words.
pub(crate) fn kind(there: &Metadata) -> &'static str {
    let kind = there.file_type();
    match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

/// Syncs a folder, so that a rename in it survives a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A temporary file gets the rights of any new file: the umask is applied to these.
pub(crate) fn readable_by_umask(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(fs::Permissions::from_mode(0o666));
}

/// Only this user can access a file that is made with these options.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Makes a folder that only this user can access, and those above it.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder. Returns whether it belongs to this user and nobody else may write in it.
pub fn unshared_folder(folder: &Path) -> bool {
    let _ = fs::DirBuilder::new().mode(0o700).create(folder);
    fs::symlink_metadata(folder)
        .is_ok_and(|m| m.is_dir() && m.uid() == rustix::process::getuid().as_raw() && m.mode() & 0o022 == 0)
}

/// The folders, links and file of a path, as the system follows them. Ends at the first that cannot be read.
fn path_steps(path: &Path) -> impl Iterator<Item = Result<(PathBuf, Metadata), (PathBuf, io::Error)>> {
    /// The system follows no more links than this.
    const MOST_LINKS: usize = 40;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parts =
        |path: &Path| path.components().rev().map(|c| PathBuf::from(c.as_os_str())).collect::<Vec<_>>();
    let (mut rest, mut at, mut links) = (parts(&path), PathBuf::new(), 0_usize);
    std::iter::from_fn(move || {
        loop {
            let part = rest.pop()?;
            if part.as_os_str() == "." {
                continue;
            }
            if part.as_os_str() == ".." {
                at.pop();
                continue;
            }
            let here = at.join(part);
            let looked = fs::symlink_metadata(&here).and_then(|meta| {
                if !meta.is_symlink() {
                    at.clone_from(&here);
                    return Ok(meta);
                }
                links = links.saturating_add(1);
                if links > MOST_LINKS {
                    return Err(io::Error::from(rustix::io::Errno::LOOP));
                }
                rest.extend(parts(&fs::read_link(&here)?));
                Ok(meta)
            });
            return Some(match looked {
                Ok(meta) => Ok((here, meta)),
                Err(e) => {
                    rest.clear();
                    Err((here, e))
                }
            });
        }
    })
}

fn problem_of(path: &Path, meta: &Metadata, me: u32) -> Option<String> {
    let rights = Rights {
        owner: meta.uid(),
        group: meta.gid(),
        mode: meta.mode(),
        is_folder: meta.is_dir(),
        is_link: meta.is_symlink(),
    };
    let shown = path.display();
    rights.others(me, |group| is_private_group(group, me)).map(|others| match others {
        Others::Owner(owner) => format!("{shown} belongs to another user ({owner})"),
        Others::Everybody => format!("everybody may write {shown}"),
        Others::Group(group) => format!("the group {group} may write {shown}"),
    })
}

/// The owner, group and mode of a file (inode(7)).
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct Rights {
    pub owner: u32,
    pub group: u32,
    pub mode: u32,
    pub is_folder: bool,
    pub is_link: bool,
}

/// Who may write it, other than root and this user.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each is")]
pub enum Others {
    Owner(u32),
    Everybody,
    Group(u32),
}

impl Rights {
    /// Whether others than root and the user `me` may write it; `is_private` says whether a group has no other member.
    pub fn others(self, me: u32, is_private: impl Fn(u32) -> bool) -> Option<Others> {
        const GROUP_WRITES: u32 = 0o020;
        const OTHERS_WRITE: u32 = 0o002;
        const STICKY: u32 = 0o1000;
        let may = |bit: u32| self.mode & bit != 0;
        if ![0, me].contains(&self.owner) {
            return Some(Others::Owner(self.owner));
        }
        // In a sticky folder such as /tmp nobody can replace another user's file. The mode of a link is ignored.
        if self.is_link || self.is_folder && may(STICKY) {
            return None;
        }
        if may(OTHERS_WRITE) {
            return Some(Others::Everybody);
        }
        let group_writes = may(GROUP_WRITES) && self.group != 0 && !is_private(self.group);
        group_writes.then_some(Others::Group(self.group))
    }
}

/// Whether a group has no other member, as far as the system lists its users: the user's own group, or Debian's staff, which
/// may write /usr/local and is empty by default.
pub fn is_private_group(gid: u32, uid: u32) -> bool {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    let (Some(user), Some(group)) = (uzers::get_user_by_uid(uid), uzers::get_group_by_gid(gid)) else {
        return false;
    };
    // SAFETY: getpwent keeps one global position; only this function uses it, and never in two threads at once.
    let mut users = unsafe { uzers::all_users() };
    let elsewhere = users.any(|other| other.primary_group_id() == gid && other.uid() != uid);
    !elsewhere && is_private(user.name(), group.name(), group.members())
}

/// Whether a group is private, by the names of the user, the group and its members.
pub fn is_private(user: &OsStr, group: &OsStr, members: &[OsString]) -> bool {
    (group == user || group == "staff") && members.iter().all(|member| member == user)
}
