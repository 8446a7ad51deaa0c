//! What differs between operating systems: a module for each concern, with a file for Unix and one for Windows.

pub mod access;
pub mod descriptor;
pub(crate) mod folders;
pub mod interruption;
#[cfg(late_openssl)]
pub mod openssl;
/// OpenSSL, which is built in, or was loaded at the start.
#[cfg(not(late_openssl))]
pub mod openssl {
    /// There is nothing to do.
    ///
    /// # Errors
    /// None.
    pub fn load() -> std::io::Result<()> {
        Ok(())
    }
}
pub(crate) mod process;
pub(crate) mod terminal;
