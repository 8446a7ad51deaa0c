//! The functions. Each counts its call, does what the script says, and hands the rest on to the wrapped module.
//!
//! SAFETY, for all of them: pointers come from the caller and go to the wrapped module as they are. Where one is read
//! or written here, it is after the wrapped module accepted it, and within what PKCS#11 says it points to.
#![allow(non_snake_case, reason = "the functions have the names of PKCS#11")]

use std::ffi::c_void;
use std::sync::OnceLock;

use cryptoki_sys as sys;
use sys::{CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CKR_OK};

use crate::enter::{About, enter};
use crate::inner::{functions, state};
use crate::pins::{C_InitPIN, C_InitToken, C_Login, C_Logout, C_SetPIN};
use crate::script::{Fault, Signature};
use crate::slots::{C_GetMechanismList, C_GetSlotInfo, C_GetSlotList, C_GetTokenInfo, C_OpenSession};

/// A function that is handed on as it is.
macro_rules! hand_on {
    ($($name:ident $about:ident ($($arg:ident: $type:ty),*);)*) => {$(
        unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
            let entered = match enter(stringify!($name), hand_on!(@about $about $($arg)*)) {
                Ok(entered) => entered,
                Err(code) => return code,
            };
            let Some(function) = functions().$name else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
            $(let $arg = hand_on!(@inner $about $arg entered);)*
            // SAFETY: see above.
            let code = unsafe { function($($arg),*) };
            entered.done(code)
        }
    )*};
    (@about module $($arg:ident)*) => { About::Module };
    (@about slot $slot:ident $($arg:ident)*) => { About::Slot($slot) };
    (@about session $session:ident $($arg:ident)*) => { About::Session($session) };
    (@inner slot slot $entered:ident) => { $entered.inner.as_ref().map_or(0, |t| t.slot) };
    (@inner $about:ident $arg:ident $entered:ident) => { $arg };
}

type Attributes = *mut sys::CK_ATTRIBUTE;
type Handles = *mut sys::CK_OBJECT_HANDLE;
type Bytes = *mut sys::CK_BYTE;
type Mechanism = *mut sys::CK_MECHANISM;

hand_on! {
    C_Finalize module (reserved: *mut c_void);
    C_GetInfo module (info: *mut sys::CK_INFO);
    C_GetMechanismInfo slot (slot: CK_SLOT_ID, kind: sys::CK_MECHANISM_TYPE, info: *mut sys::CK_MECHANISM_INFO);
    C_CloseAllSessions slot (slot: CK_SLOT_ID);
    C_GetSessionInfo session (session: CK_SESSION_HANDLE, info: *mut sys::CK_SESSION_INFO);
    C_CreateObject session (session: CK_SESSION_HANDLE, template: Attributes, count: CK_ULONG, object: Handles);
    C_DestroyObject session (session: CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE);
    C_SetAttributeValue session
        (session: CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE, template: Attributes, count: CK_ULONG);
    C_FindObjectsInit session (session: CK_SESSION_HANDLE, template: Attributes, count: CK_ULONG);
    C_FindObjectsFinal session (session: CK_SESSION_HANDLE);
    C_GenerateKeyPair session (session: CK_SESSION_HANDLE, mechanism: Mechanism, public: Attributes,
        public_count: CK_ULONG, private: Attributes, private_count: CK_ULONG, public_key: Handles,
        private_key: Handles);
    C_GenerateRandom session (session: CK_SESSION_HANDLE, data: Bytes, length: CK_ULONG);
}

unsafe extern "C" fn C_Initialize(arguments: *mut c_void) -> CK_RV {
    let entered = match enter("C_Initialize", About::Module) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_Initialize else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above.
    entered.done(unsafe { function(arguments) })
}

unsafe extern "C" fn C_CloseSession(session: CK_SESSION_HANDLE) -> CK_RV {
    let entered = match enter("C_CloseSession", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_CloseSession else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above.
    let code = unsafe { function(session) };
    if code == CKR_OK {
        state().sessions.remove(&session);
    }
    entered.done(code)
}

unsafe extern "C" fn C_FindObjects(
    session: CK_SESSION_HANDLE,
    objects: Handles,
    room: CK_ULONG,
    count: *mut CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_FindObjects", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_FindObjects else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above.
    unsafe {
        let code = function(session, objects, room, count);
        let hidden = {
            let state = state();
            let is_open = entered.inner.as_ref().is_some_and(|inner| state.pins.contains_key(&inner.slot));
            state.script.private_objects && !is_open
        };
        if hidden && code == CKR_OK {
            *count = 0;
        }
        entered.size(count);
        entered.done(code)
    }
}

unsafe extern "C" fn C_GetAttributeValue(
    session: CK_SESSION_HANDLE,
    object: sys::CK_OBJECT_HANDLE,
    template: Attributes,
    count: CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_GetAttributeValue", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_GetAttributeValue else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above; template points to count attributes, and each value to as many bytes as its length says.
    unsafe {
        let code = function(session, object, template, count);
        let certificate = is_certificate(function, session, object);
        let script = state().script.clone();
        for attribute in std::slice::from_raw_parts_mut(template, count as usize) {
            let length = attribute.ulValueLen;
            if attribute.pValue.is_null() || length == sys::CK_UNAVAILABLE_INFORMATION {
                continue;
            }
            let value = std::slice::from_raw_parts_mut(attribute.pValue.cast::<u8>(), length as usize);
            match attribute.type_ {
                sys::CKA_ID if script.id_mismatch && certificate => value.fill(0),
                sys::CKA_EXTRACTABLE if script.extractable => value.fill(1),
                sys::CKA_ALWAYS_AUTHENTICATE if script.always_authenticate => value.fill(1),
                sys::CKA_CERTIFICATE_TYPE | sys::CKA_KEY_TYPE if script.vendor_types => value.fill(0x80),
                _ => {}
            }
        }
        entered.done(code)
    }
}

type GetAttributeValue =
    unsafe extern "C" fn(CK_SESSION_HANDLE, sys::CK_OBJECT_HANDLE, Attributes, CK_ULONG) -> CK_RV;

unsafe fn is_certificate(
    ask: GetAttributeValue,
    session: CK_SESSION_HANDLE,
    object: sys::CK_OBJECT_HANDLE,
) -> bool {
    let mut class: CK_ULONG = 0;
    let mut attribute = sys::CK_ATTRIBUTE {
        type_: sys::CKA_CLASS,
        pValue: (&raw mut class).cast(),
        ulValueLen: size_of::<CK_ULONG>() as CK_ULONG,
    };
    // SAFETY: one attribute, whose value has the room that is said.
    unsafe { ask(session, object, &mut attribute, 1) == CKR_OK && class == sys::CKO_CERTIFICATE }
}

unsafe extern "C" fn C_SignInit(
    session: CK_SESSION_HANDLE,
    mechanism: Mechanism,
    key: sys::CK_OBJECT_HANDLE,
) -> CK_RV {
    let entered = match enter("C_SignInit", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_SignInit else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above.
    let code = unsafe { function(session, mechanism, key) };
    if code == CKR_OK && state().script.always_authenticate {
        state().wants_pin.insert(session);
    }
    entered.done(code)
}

/// Whether the operation still waits for its PIN.
fn waits_for_pin(session: CK_SESSION_HANDLE) -> bool {
    state().wants_pin.contains(&session)
}

fn look() {
    let look_for = state().script.look_for.clone();
    if let Some((file, backwards)) = look_for {
        crate::memory::look(&file, backwards.as_bytes());
    }
}

unsafe extern "C" fn C_Sign(
    session: CK_SESSION_HANDLE,
    data: Bytes,
    length: CK_ULONG,
    signature: Bytes,
    signature_length: *mut CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_Sign", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    if waits_for_pin(session) {
        return entered.done(sys::CKR_USER_NOT_LOGGED_IN);
    }
    let Some(function) = functions().C_Sign else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    look();
    // SAFETY: see above.
    unsafe {
        let code = function(session, data, length, signature, signature_length);
        spoil(code, signature, signature_length);
        entered.size(signature_length);
        entered.done(code)
    }
}

unsafe extern "C" fn C_SignUpdate(session: CK_SESSION_HANDLE, data: Bytes, length: CK_ULONG) -> CK_RV {
    let entered = match enter("C_SignUpdate", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    if waits_for_pin(session) {
        return entered.done(sys::CKR_USER_NOT_LOGGED_IN);
    }
    let Some(function) = functions().C_SignUpdate else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above.
    entered.done(unsafe { function(session, data, length) })
}

unsafe extern "C" fn C_SignFinal(
    session: CK_SESSION_HANDLE,
    signature: Bytes,
    length: *mut CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_SignFinal", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_SignFinal else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    look();
    // SAFETY: see above.
    unsafe {
        let code = function(session, signature, length);
        spoil(code, signature, length);
        entered.done(code)
    }
}

/// Spoils a signature. One that is to be longer only says so where the length was asked for: there is room then.
unsafe fn spoil(code: CK_RV, signature: Bytes, length: *mut CK_ULONG) {
    if code != CKR_OK || length.is_null() {
        return;
    }
    // SAFETY: the wrapped module wrote *length bytes, or none if the length alone was asked for.
    unsafe {
        match state().script.signature {
            Signature::Right => {}
            Signature::Wrong | Signature::Short if signature.is_null() => {}
            Signature::Wrong => *signature.add(*length as usize / 2) ^= 1,
            Signature::Short => *length = length.read().saturating_sub(1),
            Signature::Long => *length += 1,
        }
    }
}

/// The functions as the caller gets them: the wrapped module's, with ours before them.
///
/// # Safety
/// `list` is null or points to room for one pointer (PKCS#11, C_GetFunctionList).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut sys::CK_FUNCTION_LIST) -> CK_RV {
    static OURS: OnceLock<usize> = OnceLock::new();
    if list.is_null() {
        return sys::CKR_ARGUMENTS_BAD;
    }
    let mut faults = state().begin("C_GetFunctionList").into_iter();
    if let Some(Fault::Fail(code)) = faults.next() {
        state().end("C_GetFunctionList", code);
        return code;
    }
    let address = OURS.get_or_init(|| {
        let mut ours = *functions();
        macro_rules! ours {
            ($($name:ident)*) => { $(ours.$name = Some($name);)* };
        }
        ours! {
            C_Initialize C_Finalize C_GetInfo C_GetSlotList C_GetSlotInfo C_GetTokenInfo C_GetMechanismList
            C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession C_CloseAllSessions
            C_GetSessionInfo C_Login C_Logout C_CreateObject C_DestroyObject C_GetAttributeValue C_SetAttributeValue
            C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_SignInit C_Sign C_SignUpdate C_SignFinal
            C_GenerateKeyPair C_GenerateRandom
        }
        Box::into_raw(Box::new(ours)) as usize
    });
    // SAFETY: list was checked; the functions are never freed.
    unsafe { *list = *address as *mut sys::CK_FUNCTION_LIST };
    state().end("C_GetFunctionList", CKR_OK);
    CKR_OK
}
