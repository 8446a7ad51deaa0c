//! Direct calls to the module, where the wrapper has no function for them.
//!
//! Why they are needed: openCryptoki writes letters into its time, where digits are expected, and the wrapper then returns
//! nothing of CK_TOKEN_INFO: no label, no serial number and, worst, no flags about the PIN tries left. For a PIN that is typed
//! on the reader the argument is a null pointer; the wrapper offers that only for C_Login. And NSS softokn and YubiHSM take
//! their configuration as a C string in `pReserved` of CK_C_INITIALIZE_ARGS; the wrapper rightly calls a raw pointer unsafe.
#![allow(unsafe_code, reason = "calls of the C interface that the wrapper has not")]

use std::ffi::CString;
use std::path::Path;
use std::ptr::{NonNull, null_mut};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, Rv};
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki_sys as sys;

/// The used part of CK_TOKEN_INFO (PKCS#11 v3.0, section 3.2), texts with padding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct Info {
    pub label: String,
    pub serial: String,
    pub model: String,
    pub manufacturer: String,
    pub flags: sys::CK_FLAGS,
    pub pin_min: usize,
    pub pin_max: usize,
    pub hardware: String,
    pub firmware: String,
}

impl Info {
    /// Whether a CKF_ flag is set.
    pub(super) fn has(&self, flag: sys::CK_FLAGS) -> bool {
        self.flags & flag != 0
    }
}

impl From<&TokenInfo> for Info {
    fn from(info: &TokenInfo) -> Self {
        let flags = [
            (info.token_initialized(), sys::CKF_TOKEN_INITIALIZED),
            (info.login_required(), sys::CKF_LOGIN_REQUIRED),
            (info.protected_authentication_path(), sys::CKF_PROTECTED_AUTHENTICATION_PATH),
            (info.write_protected(), sys::CKF_WRITE_PROTECTED),
            (info.user_pin_initialized(), sys::CKF_USER_PIN_INITIALIZED),
            (info.user_pin_count_low(), sys::CKF_USER_PIN_COUNT_LOW),
            (info.user_pin_final_try(), sys::CKF_USER_PIN_FINAL_TRY),
            (info.user_pin_locked(), sys::CKF_USER_PIN_LOCKED),
            (info.so_pin_count_low(), sys::CKF_SO_PIN_COUNT_LOW),
            (info.so_pin_final_try(), sys::CKF_SO_PIN_FINAL_TRY),
            (info.so_pin_locked(), sys::CKF_SO_PIN_LOCKED),
        ];
        Info {
            label: info.label().to_owned(),
            serial: info.serial_number().to_owned(),
            model: info.model().to_owned(),
            manufacturer: info.manufacturer_id().to_owned(),
            flags: flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag),
            pin_min: info.min_pin_length(),
            pin_max: info.max_pin_length(),
            hardware: info.hardware_version().to_string(),
            firmware: info.firmware_version().to_string(),
        }
    }
}

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
pub(super) fn token_info(module: &Path, slot: Slot) -> Option<Info> {
    // SAFETY: C_GetTokenInfo fills in the structure, which lives until the end of this function.
    let info = with_functions(module, |functions| unsafe {
        let mut info = sys::CK_TOKEN_INFO::default();
        (functions.C_GetTokenInfo?(slot.into(), &mut info) == sys::CKR_OK).then_some(info)
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let version = |v: sys::CK_VERSION| format!("{}.{}", v.major, v.minor);
    let length = |n: sys::CK_ULONG| usize::try_from(n).unwrap_or(usize::MAX);
    Some(Info {
        label: text(&info.label),
        serial: text(&info.serialNumber),
        model: text(&info.model),
        manufacturer: text(&info.manufacturerID),
        flags: info.flags,
        pin_min: length(info.ulMinPinLen),
        pin_max: length(info.ulMaxPinLen),
        hardware: version(info.hardwareVersion),
        firmware: version(info.firmwareVersion),
    })
}

/// C_SetPIN where both PINs are typed on the reader (CKF_PROTECTED_AUTHENTICATION_PATH): null pointers say so.
pub(super) fn set_pin_on_pad(module: &Path, session: &Session) -> Result<(), Pkcs11Error> {
    // SAFETY: as PKCS#11 defines it for such a token, both PINs are null pointers with length 0.
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
