//! One of the few places with unsafe code: C_Initialize with an argument of the module's own.
//!
//! Why it is needed: NSS softokn and YubiHSM take their configuration as a C string in `pReserved` of
//! CK_C_INITIALIZE_ARGS, and the wrapper rightly calls a raw pointer unsafe.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr::NonNull;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};

/// Calls C_Initialize, with the module's own argument if there is one.
pub(super) fn initialize(pkcs11: &Pkcs11, argument: Option<&str>) -> cryptoki::error::Result<()> {
    let flags = CInitializeFlags::OS_LOCKING_OK;
    let Some(argument) = argument else {
        return pkcs11.initialize(CInitializeArgs::new(flags));
    };
    let text = CString::new(argument).map_err(|_| cryptoki::error::Error::InvalidValue)?;
    let Some(pointer) = NonNull::new(text.as_ptr().cast_mut().cast()) else {
        return pkcs11.initialize(CInitializeArgs::new(flags));
    };
    // SAFETY: the pointer is to a NUL-terminated string that lives until the end of this function. The modules whose
    // profiles have an init argument read it within C_Initialize, take it as `char *`, and do not write to it.
    let args = unsafe { CInitializeArgs::new_with_reserved(flags, pointer) };
    pkcs11.initialize(args)
}
