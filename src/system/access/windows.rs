//! Access control lists. Writers may be this user, SYSTEM, Administrators and TrustedInstaller.
#![allow(unsafe_code, reason = "calls of the system's C interface")]

use std::ffi::c_void;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::time::{Duration, SystemTime};

use windows_sys::Win32::Foundation::{CloseHandle, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, GetNamedSecurityInfoW, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation, INHERIT_ONLY_ACE,
    LookupAccountSidW, OWNER_SECURITY_INFORMATION, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// SYSTEM, Administrators, TrustedInstaller, and the two for the creator and the owner of the file.
const TRUSTED: [&str; 5] = [
    "S-1-5-18",
    "S-1-5-32-544",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
    "S-1-3-0",
    "S-1-3-4",
];

/// Rights to change a file, or to get such rights: FILE_WRITE_DATA, FILE_APPEND_DATA, DELETE, WRITE_DAC, WRITE_OWNER,
/// GENERIC_WRITE, GENERIC_ALL.
const WRITES_FILE: u32 = 0x2 | 0x4 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x4000_0000 | 0x1000_0000;
/// The same for a folder: FILE_ADD_FILE (a library next to the module), FILE_DELETE_CHILD, and no new folders.
const WRITES_FOLDER: u32 = 0x2 | 0x40 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x4000_0000 | 0x1000_0000;
/// FILE_READ_DATA, GENERIC_READ, GENERIC_ALL.
const READS: u32 = 0x1 | 0x8000_0000 | 0x1000_0000;

/// Which part of a path others than this user and the system may change, in words, if there is such a file.
pub fn others_may_write(path: &Path) -> Option<String> {
    let real = match dunce::canonicalize(path) {
        Ok(real) => real,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
        Err(e) => return Some(format!("{} cannot be checked ({e})", path.display())),
    };
    real.ancestors().find_map(|part| {
        let rights = if part.is_dir() { WRITES_FOLDER } else { WRITES_FILE };
        match somebody_else(part, rights) {
            Ok(who) => who.map(|who| format!("{who} may write {}", part.display())),
            Err(e) => Some(format!("{} cannot be checked ({e})", part.display())),
        }
    })
}

/// Only administrators can make links.
pub fn foreign_link(_: &Path) -> Option<(PathBuf, u32)> {
    None
}

/// Whether others than this user and the system may read a plain file.
pub(crate) fn others_may_read(path: &Path) -> bool {
    path.is_file() && somebody_else(path, READS).is_ok_and(|who| who.is_some())
}

/// A new file has the rights of its folder.
pub(crate) fn keep_owner(_: &File, _: &Metadata) {}

/// What distinguishes a file from another of the same name.
pub(crate) type FileIdentity = (u64, Option<SystemTime>);

pub(crate) fn identity(there: &Metadata) -> FileIdentity {
    (there.len(), there.modified().ok())
}

/// The type of a file that is neither a plain file nor a folder, in words.
pub(crate) fn kind(_: &Metadata) -> &'static str {
    "a device"
}

/// Folders cannot be opened here; NTFS keeps renames in its own journal.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A temporary file has the rights of its folder, as any new file.
pub(crate) fn readable_by_umask(_: &mut tempfile::Builder<'_, '_>) {}

/// The user's own folders are private, and files in them inherit that.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Makes a folder, and those above it.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Makes a folder. Returns whether nobody else may write in it.
pub fn unshared_folder(folder: &Path) -> bool {
    fs::create_dir_all(folder).is_ok() && others_may_write(folder).is_none()
}

/// How to remove write permission for others.
pub(crate) const HOW_TO_FORBID_WRITING: &str = "in the properties of the file, Security";

/// Rights that only this user has.
pub(crate) fn how_to_make_private(path: &Path) -> String {
    format!("icacls \"{}\" /inheritance:r /grant:r \"%USERNAME%:F\"", path.display())
}

/// Gives a temporary file its name. Another program (a virus scanner) may have the old file open for a moment.
pub(crate) fn persist(
    mut file: tempfile::NamedTempFile,
    target: &Path,
) -> Result<File, tempfile::PersistError> {
    // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION
    const IN_USE: [i32; 2] = [5, 32];
    for _ in 0..20 {
        match file.persist(target) {
            Err(e) if e.error.raw_os_error().is_some_and(|code| IN_USE.contains(&code)) => file = e.file,
            done => return done,
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    file.persist(target)
}

/// Memory of the system, freed with LocalFree.
struct Local(*mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: the call that returned it requires LocalFree.
        unsafe { LocalFree(self.0) };
    }
}

/// The first account that has one of these rights on a file, or owns it, and is not trusted.
fn somebody_else(path: &Path, rights: u32) -> io::Result<Option<String>> {
    let wide: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    let (mut owner, mut list, mut descriptor) =
        (null_mut::<c_void>(), null_mut::<ACL>(), null_mut::<c_void>());
    // SAFETY: the name ends in a zero, and each pointer is written once; the first two point into the descriptor.
    let code = unsafe {
        GetNamedSecurityInfoW(
            wide.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            &raw mut list,
            null_mut(),
            &raw mut descriptor,
        )
    };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(i32::try_from(code).unwrap_or(i32::MAX)));
    }
    let _descriptor = Local(descriptor);
    let me = this_user()?;
    if !is_trusted(owner, &me) {
        return Ok(Some(account(owner)));
    }
    if list.is_null() {
        return Ok(Some("everybody".to_owned()));
    }
    // SAFETY: the list is that of the descriptor, which is still there.
    let count = unsafe { (*list).AceCount };
    for index in 0..u32::from(count) {
        let mut entry = null_mut::<c_void>();
        // SAFETY: the index is below the count.
        if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: every entry begins with its header.
        let header = unsafe { (*entry).Header };
        // ACCESS_ALLOWED_ACE_TYPE, and the same with a condition; other types deny rights, or do not concern files.
        let allows = [0, 9].contains(&header.AceType);
        if !allows || u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            continue;
        }
        // SAFETY: entries of both types have a mask, and then the SID.
        let (mask, sid) = unsafe { ((*entry).Mask, (&raw mut (*entry).SidStart).cast::<c_void>()) };
        if mask & rights != 0 && !is_trusted(sid, &me) {
            return Ok(Some(account(sid)));
        }
    }
    Ok(None)
}

fn is_trusted(sid: PSID, me: &str) -> bool {
    text(sid).is_some_and(|sid| sid == me || TRUSTED.contains(&sid.as_str()))
}

/// A SID as it is written: `S-1-5-18`.
fn text(sid: PSID) -> Option<String> {
    let mut wide = null_mut::<u16>();
    // SAFETY: the SID is one of the system's, and the text is freed by the guard.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut wide) } == 0 {
        return None;
    }
    let _text = Local(wide.cast());
    // SAFETY: the text ends in a zero.
    let length = (0..).take_while(|at| unsafe { *wide.add(*at) } != 0).count();
    // SAFETY: as many characters come before the zero.
    Some(String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(wide, length) }))
}

/// The name of an account, else its SID.
fn account(sid: PSID) -> String {
    const MOST: u32 = 256;
    let (mut name, mut domain) = ([0_u16; MOST as usize], [0_u16; MOST as usize]);
    let (mut length, mut domain_length, mut kind) = (MOST, MOST, 0);
    // SAFETY: the lengths are those of the buffers.
    let found = unsafe {
        LookupAccountSidW(
            null(),
            sid,
            name.as_mut_ptr(),
            &raw mut length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    let name = name.get(..length as usize).filter(|_| found != 0).map(String::from_utf16_lossy);
    name.or_else(|| text(sid)).unwrap_or_else(|| "another account".to_owned())
}

/// The SID of this user, as text.
fn this_user() -> io::Result<String> {
    let mut token = null_mut();
    // SAFETY: the handle of this process is always good; the token is closed below.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // Aligned for the pointer in TOKEN_USER, and longer than any SID (68 bytes).
    let mut buffer = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the length is that of the buffer, in bytes.
    let done =
        unsafe { GetTokenInformation(token, TokenUser, buffer.as_mut_ptr().cast(), 256, &raw mut length) };
    let error = io::Error::last_os_error();
    // SAFETY: it was opened above.
    unsafe { CloseHandle(token) };
    if done == 0 {
        return Err(error);
    }
    // SAFETY: the call filled the buffer with a TOKEN_USER, whose SID lies in the buffer.
    let sid = unsafe { (*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid };
    text(sid).ok_or_else(io::Error::last_os_error)
}
