//! Calls past the wrapper, where it leaves no other way. With `cli::descriptor` and `files::trust` the only unsafe code.
//!
//! Why they are needed: openCryptoki writes its time with letters where digits belong, and the wrapper then hides all of
//! CK_TOKEN_INFO: label, serial number and, worst, the flags that say how many PIN tries are left. A PIN that is typed
//! on the reader is a null pointer, which the wrapper has for C_Login alone. And NSS softokn and YubiHSM take their
//! configuration as a C string in `pReserved` of CK_C_INITIALIZE_ARGS; the wrapper rightly calls a raw pointer unsafe.
#![allow(unsafe_code, reason = "calls of the C interface that the wrapper has not")]

use std::ffi::CString;
use std::path::Path;
use std::ptr::{NonNull, null_mut};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, Rv};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki_sys as sys;

/// C_Initialize, with the module's own argument if there is one.
pub(super) fn initialize(pkcs11: &Pkcs11, argument: Option<&str>) -> Result<(), Pkcs11Error> {
    let flags = CInitializeFlags::OS_LOCKING_OK;
    let text = argument.map(CString::new).transpose().map_err(|_| Pkcs11Error::InvalidValue)?;
    let pointer = text.as_ref().and_then(|text| NonNull::new(text.as_ptr().cast_mut().cast()));
    pkcs11.initialize(match pointer {
        None => CInitializeArgs::new(flags),
        // SAFETY: the pointer is to a NUL-terminated string that lives until the end of this function. The modules whose
        // profiles have an init argument read it within C_Initialize, take it as `char *`, and do not write to it.
        Some(pointer) => unsafe { CInitializeArgs::new_with_reserved(flags, pointer) },
    })
}

/// C_GetTokenInfo of the module itself, which is loaded and initialised already.
pub(super) fn token_info(module: &Path, slot: Slot) -> Result<sys::CK_TOKEN_INFO, Pkcs11Error> {
    let mut info = sys::CK_TOKEN_INFO::default();
    // SAFETY: C_GetTokenInfo fills in the structure, which lives until the end of this function.
    let code = with_functions(module, |functions| unsafe {
        Some(functions.C_GetTokenInfo?(slot.into(), &mut info))
    });
    answer(code, Function::GetTokenInfo)?;
    Ok(info)
}

/// C_SetPIN where both PINs are typed on the reader (CKF_PROTECTED_AUTHENTICATION_PATH): null pointers say so.
pub(super) fn set_pin_on_pad(module: &Path, session: &Session) -> Result<(), Pkcs11Error> {
    // SAFETY: as PKCS#11 has it for such a token, both PINs are null and of no length.
    let code = with_functions(module, |functions| unsafe {
        Some(functions.C_SetPIN?(session.handle(), null_mut(), 0, null_mut(), 0))
    });
    answer(code, Function::SetPIN)
}

/// C_InitPIN where the new PIN is typed on the reader.
pub(super) fn init_pin_on_pad(module: &Path, session: &Session) -> Result<(), Pkcs11Error> {
    // SAFETY: as above.
    let code = with_functions(module, |functions| unsafe {
        Some(functions.C_InitPIN?(session.handle(), null_mut(), 0))
    });
    answer(code, Function::InitPIN)
}

/// C_InitToken where the SO PIN is typed on the reader.
pub(super) fn init_token_on_pad(module: &Path, slot: Slot, label: &str) -> Result<(), Pkcs11Error> {
    // 32 bytes, padded with blanks; no character is cut in two.
    let end = (0..=label.len().min(32)).rev().find(|end| label.is_char_boundary(*end)).unwrap_or(0);
    let mut padded = label.get(..end).unwrap_or_default().as_bytes().to_vec();
    padded.resize(32, b' ');
    // SAFETY: the SO PIN as above; the label has the 32 bytes that C_InitToken reads.
    let code = with_functions(module, |functions| unsafe {
        Some(functions.C_InitToken?(slot.into(), null_mut(), 0, padded.as_mut_ptr()))
    });
    answer(code, Function::InitToken)
}

fn answer(code: Option<sys::CK_RV>, function: Function) -> Result<(), Pkcs11Error> {
    Rv::from(code.ok_or(Pkcs11Error::NullFunctionPointer)?).into_result(function)
}

/// Calls the module's own functions.
fn with_functions<T>(module: &Path, work: impl FnOnce(&sys::CK_FUNCTION_LIST) -> Option<T>) -> Option<T> {
    let path = std::path::absolute(module).ok()?;
    let mut list: *mut sys::CK_FUNCTION_LIST = null_mut();
    // SAFETY: the library is loaded already, so loading it again runs nothing and gives the same one; it is not
    // unloaded before `library` is dropped at the end. C_GetFunctionList writes one pointer, to a list that lives as
    // long as the library.
    unsafe {
        let library = sys::Pkcs11::new(path).ok()?;
        if library.C_GetFunctionList.is_err() || library.C_GetFunctionList(&mut list) != sys::CKR_OK {
            return None;
        }
        work(list.as_ref()?)
    }
}
