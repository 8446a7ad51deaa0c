//! Who may change or read a file: a replaced module would get every PIN that is typed, and the owner of a link can change its
//! target.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(unix)]
pub use unix::{Others, Rights, is_private, is_private_group};
#[cfg(windows)]
use windows as system;

pub(crate) use system::{
    FileIdentity, HOW_TO_FORBID_WRITING, how_to_make_private, identity, keep_owner, kind,
    make_private_folder, others_may_read, persist, private_file, readable_by_umask, sync_folder,
};
pub use system::{foreign_link, others_may_write, unshared_folder};
