//! The functions. Each counts its call, does what the script says, and hands the rest on to the wrapped module.
//!
//! SAFETY, for all of them: pointers come from the caller and go to the wrapped module as they are. Where one is read
//! or written here, it is after the wrapped module accepted it, and within what PKCS#11 says it points to.
#![allow(non_snake_case)]

use std::ffi::c_void;
use std::sync::OnceLock;
use std::time::Duration;

use cryptoki_sys as sys;
use sys::{CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CKR_OK};

use crate::inner::{functions, state, tokens};
use crate::script::{Fault, Signature, Tries};
use crate::state::{Inner, Seat, State};

/// What a call is about.
#[derive(Clone, Copy)]
enum About {
    Module,
    Slot(CK_SLOT_ID),
    Session(CK_SESSION_HANDLE),
}

/// What follows a call whose work is done.
struct Entered {
    name: &'static str,
    after: Option<CK_RV>,
    /// The inner slot, where the call is about one.
    inner: Option<Inner>,
}

impl Entered {
    fn done(self, code: CK_RV) -> CK_RV {
        let code = self.after.unwrap_or(code);
        state().end(self.name, code);
        code
    }
}

fn seats() -> Vec<Seat> {
    let tokens = tokens();
    state().seats(tokens)
}

fn token_at(about: About) -> Result<Option<Inner>, CK_RV> {
    let renumbers = state().script.renumbers();
    match about {
        About::Module => Ok(None),
        About::Slot(id) if renumbers => {
            let seat = seats().into_iter().find(|seat| seat.shown == id).ok_or(sys::CKR_SLOT_ID_INVALID)?;
            Ok(seat.inner)
        }
        About::Slot(id) => {
            let label = tokens().into_iter().find(|t| t.slot == id).map(|t| t.label).unwrap_or_default();
            Ok((!state().is_pulled(id)).then_some(Inner { slot: id, label }))
        }
        About::Session(handle) => {
            let Some(opened) = state().sessions.get(&handle).cloned() else { return Ok(None) };
            let pulled = |inner: &Inner| state().is_pulled(inner.slot);
            let moved = renumbers && !seats().contains(&opened);
            if moved || opened.inner.as_ref().is_some_and(pulled) {
                // The first call learns that the token is gone; from then on its session is.
                return Err(if state().dead.insert(handle) {
                    sys::CKR_DEVICE_REMOVED
                } else {
                    sys::CKR_SESSION_HANDLE_INVALID
                });
            }
            Ok(opened.inner)
        }
    }
}

fn enter(name: &'static str, about: About) -> Result<Entered, CK_RV> {
    let faults = state().begin(name);
    let refuse = |code| {
        state().end(name, code);
        Err(code)
    };
    let mut after = None;
    let mut grows = false;
    for fault in faults {
        match fault {
            Fault::Fail(code) => return refuse(code as CK_RV),
            Fault::After(code) => after = Some(code as CK_RV),
            Fault::Delay(ms) => std::thread::sleep(Duration::from_millis(ms)),
            Fault::Hang => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            Fault::Grow => grows = true,
            Fault::Remove => {
                if let Ok(Some(inner)) = token_at(about) {
                    state().pull(inner.slot);
                }
                if let About::Session(handle) = about {
                    state().dead.insert(handle);
                }
                return refuse(sys::CKR_DEVICE_REMOVED);
            }
        }
    }
    if grows {
        return refuse(sys::CKR_BUFFER_TOO_SMALL);
    }
    match token_at(about) {
        Err(code) => refuse(code),
        Ok(None) if matches!(about, About::Slot(_)) => refuse(sys::CKR_TOKEN_NOT_PRESENT),
        Ok(inner) => Ok(Entered { name, after, inner }),
    }
}

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
    C_InitToken slot (slot: CK_SLOT_ID, pin: Bytes, length: CK_ULONG, label: Bytes);
    C_CloseAllSessions slot (slot: CK_SLOT_ID);
    C_GetSessionInfo session (session: CK_SESSION_HANDLE, info: *mut sys::CK_SESSION_INFO);
    C_CreateObject session (session: CK_SESSION_HANDLE, template: Attributes, count: CK_ULONG, object: Handles);
    C_DestroyObject session (session: CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE);
    C_SetAttributeValue session
        (session: CK_SESSION_HANDLE, object: sys::CK_OBJECT_HANDLE, template: Attributes, count: CK_ULONG);
    C_FindObjectsInit session (session: CK_SESSION_HANDLE, template: Attributes, count: CK_ULONG);
    C_FindObjects session (session: CK_SESSION_HANDLE, objects: Handles, room: CK_ULONG, count: *mut CK_ULONG);
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

unsafe extern "C" fn C_GetSlotList(
    with_token: sys::CK_BBOOL,
    list: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_GetSlotList", About::Module) {
        Ok(entered) => entered,
        Err(code) => {
            if code == sys::CKR_BUFFER_TOO_SMALL && !list.is_null() && !count.is_null() {
                // SAFETY: see above.
                unsafe { *count += 1 };
            }
            return code;
        }
    };
    if !state().script.renumbers() {
        let Some(function) = functions().C_GetSlotList else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
        // SAFETY: see above.
        return entered.done(unsafe { function(with_token, list, count) });
    }
    let shown = seats().into_iter().filter(|seat| with_token == sys::CK_FALSE || seat.inner.is_some());
    let ids: Vec<CK_SLOT_ID> = shown.map(|seat| seat.shown).collect();
    // SAFETY: count points to the room there is, list to that many slots (PKCS#11, C_GetSlotList).
    let code = unsafe {
        let room = *count;
        *count = ids.len() as CK_ULONG;
        if list.is_null() {
            CKR_OK
        } else if room < *count {
            sys::CKR_BUFFER_TOO_SMALL
        } else {
            std::ptr::copy_nonoverlapping(ids.as_ptr(), list, ids.len());
            CKR_OK
        }
    };
    entered.done(code)
}

unsafe extern "C" fn C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut sys::CK_SLOT_INFO) -> CK_RV {
    let renumbers = state().script.renumbers();
    let entered = match enter("C_GetSlotInfo", if renumbers { About::Module } else { About::Slot(slot) }) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    if !renumbers {
        let Some(function) = functions().C_GetSlotInfo else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
        // SAFETY: see above.
        return entered.done(unsafe { function(slot, info) });
    }
    let Some(seat) = seats().into_iter().find(|seat| seat.shown == slot) else {
        return entered.done(sys::CKR_SLOT_ID_INVALID);
    };
    // SAFETY: info points to one CK_SLOT_INFO, which is numbers and bytes.
    unsafe {
        *info = std::mem::zeroed();
        (*info).slotDescription = [b' '; 64];
        (*info).manufacturerID = [b' '; 32];
        (*info).flags = sys::CKF_REMOVABLE_DEVICE | sys::CKF_HW_SLOT;
        if seat.inner.is_some() {
            (*info).flags |= sys::CKF_TOKEN_PRESENT;
            let description = format!("AKS ifdh {slot:02} 00");
            (&mut (*info).slotDescription)[..description.len()].copy_from_slice(description.as_bytes());
        }
    }
    entered.done(CKR_OK)
}

unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut sys::CK_TOKEN_INFO) -> CK_RV {
    let entered = match enter("C_GetTokenInfo", About::Slot(slot)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_GetTokenInfo else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let inner = entered.inner.clone();
    // SAFETY: see above; what is changed is what the wrapped module filled in.
    unsafe {
        let code = function(inner.as_ref().map_or(slot, |t| t.slot), info);
        if code == CKR_OK {
            dress(&mut *info, inner.as_ref().map_or("", |t| &t.label));
        }
        entered.done(code)
    }
}

/// A token's info, as the script wants it.
fn dress(info: &mut sys::CK_TOKEN_INFO, label: &str) {
    let script = state().script.clone();
    if script.pad_nul {
        for field in [&mut info.label[..], &mut info.serialNumber[..], &mut info.model[..]] {
            field.iter_mut().rev().take_while(|b| **b == b' ').for_each(|b| *b = 0);
        }
    }
    if script.pin_pad.is_some() {
        info.flags |= sys::CKF_PROTECTED_AUTHENTICATION_PATH;
    }
    let mut count = |tries: &Option<Tries>, low: u64, last: u64, locked: u64| {
        let Some(tries) = tries else { return };
        info.flags &= !(low | last | locked);
        let left = State::left(tries, label);
        info.flags |= match left {
            // A SafeNet token that is locked has both set.
            0 => low | locked,
            1 => low | last,
            n if n < tries.limit => low,
            _ => 0,
        };
    };
    count(&script.tries, sys::CKF_USER_PIN_COUNT_LOW, sys::CKF_USER_PIN_FINAL_TRY, sys::CKF_USER_PIN_LOCKED);
    count(&script.so_tries, sys::CKF_SO_PIN_COUNT_LOW, sys::CKF_SO_PIN_FINAL_TRY, sys::CKF_SO_PIN_LOCKED);
}

unsafe extern "C" fn C_GetMechanismList(
    slot: CK_SLOT_ID,
    list: *mut sys::CK_MECHANISM_TYPE,
    count: *mut CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_GetMechanismList", About::Slot(slot)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_GetMechanismList else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let slot = entered.inner.as_ref().map_or(slot, |t| t.slot);
    let vendor = if state().script.vendor_mechanisms { 3 } else { 0 };
    // SAFETY: see above; where the list is made longer, room is asked for first, as C_GetMechanismList says.
    unsafe {
        let room = *count;
        if vendor > 0 && !list.is_null() {
            *count = room.saturating_sub(vendor);
        }
        let first = if list.is_null() { list } else { list.add(vendor as usize) };
        let code = function(slot, first, count);
        *count += vendor;
        if !list.is_null() && code == CKR_OK {
            for i in 0..vendor {
                *list.add(i as usize) = (sys::CKM_VENDOR_DEFINED | 0x4711) + i;
            }
        }
        entered.done(code)
    }
}

unsafe extern "C" fn C_OpenSession(
    slot: CK_SLOT_ID,
    flags: sys::CK_FLAGS,
    application: *mut c_void,
    notify: sys::CK_NOTIFY,
    session: *mut CK_SESSION_HANDLE,
) -> CK_RV {
    let entered = match enter("C_OpenSession", About::Slot(slot)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_OpenSession else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let inner = entered.inner.clone();
    // SAFETY: see above.
    unsafe {
        let code = function(inner.as_ref().map_or(slot, |t| t.slot), flags, application, notify, session);
        if code == CKR_OK {
            let mut state = state();
            state.dead.remove(&*session);
            state.sessions.insert(*session, Seat { shown: slot, inner });
        }
        entered.done(code)
    }
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

/// Whether a try may be made, and what came of it.
fn counted(tries: Option<&Tries>, label: &str, ask: impl FnOnce() -> CK_RV) -> CK_RV {
    let Some(tries) = tries else { return ask() };
    let left = State::left(tries, label);
    if left == 0 {
        return sys::CKR_PIN_LOCKED;
    }
    let code = ask();
    match code {
        CKR_OK => State::keep_left(tries, label, tries.limit),
        sys::CKR_PIN_INCORRECT => State::keep_left(tries, label, left - 1),
        _ => {}
    }
    code
}

unsafe extern "C" fn C_Login(
    session: CK_SESSION_HANDLE,
    user: sys::CK_USER_TYPE,
    pin: Bytes,
    length: CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_Login", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_Login else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let Some(inner) = entered.inner.clone() else { return entered.done(sys::CKR_SESSION_HANDLE_INVALID) };
    let script = state().script.clone();
    let mut typed: Vec<u8> = match (&script.pin_pad, pin.is_null()) {
        (Some(pin), true) => pin.clone().into_bytes(),
        (Some(_), false) | (None, true) => return entered.done(sys::CKR_ARGUMENTS_BAD),
        // SAFETY: pin points to length bytes (PKCS#11, C_Login).
        (None, false) => unsafe { std::slice::from_raw_parts(pin, length as usize) }.to_vec(),
    };
    if user == sys::CKU_CONTEXT_SPECIFIC && script.always_authenticate {
        if !state().wants_pin.remove(&session) {
            // The habit of such tokens: a PIN without an operation ends the login.
            state().pins.remove(&inner.slot);
            return entered.done(sys::CKR_OPERATION_NOT_INITIALIZED);
        }
        let right = state().pins.get(&inner.slot) == Some(&typed);
        let code =
            counted(
                script.tries.as_ref(),
                &inner.label,
                || {
                    if right { CKR_OK } else { sys::CKR_PIN_INCORRECT }
                },
            );
        return entered.done(code);
    }
    let tries = if user == sys::CKU_SO { &script.so_tries } else { &script.tries };
    let code = counted(tries.as_ref(), &inner.label, || {
        // SAFETY: as many bytes as are said.
        unsafe { function(session, user, typed.as_mut_ptr(), typed.len() as CK_ULONG) }
    });
    if code == CKR_OK && user == sys::CKU_USER {
        state().pins.insert(inner.slot, typed);
    }
    entered.done(code)
}

unsafe extern "C" fn C_Logout(session: CK_SESSION_HANDLE) -> CK_RV {
    let entered = match enter("C_Logout", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_Logout else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    if let Some(inner) = &entered.inner {
        state().pins.remove(&inner.slot);
    }
    // SAFETY: see above.
    entered.done(unsafe { function(session) })
}

unsafe extern "C" fn C_InitPIN(session: CK_SESSION_HANDLE, pin: Bytes, length: CK_ULONG) -> CK_RV {
    let entered = match enter("C_InitPIN", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_InitPIN else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    // SAFETY: see above.
    let code = unsafe { function(session, pin, length) };
    if let (CKR_OK, Some(inner), Some(tries)) = (code, &entered.inner, &state().script.tries) {
        State::keep_left(tries, &inner.label, tries.limit);
    }
    entered.done(code)
}

unsafe extern "C" fn C_SetPIN(
    session: CK_SESSION_HANDLE,
    old: Bytes,
    old_length: CK_ULONG,
    new: Bytes,
    new_length: CK_ULONG,
) -> CK_RV {
    let entered = match enter("C_SetPIN", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_SetPIN else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let tries = state().script.tries.clone();
    let label = entered.inner.as_ref().map(|t| t.label.clone()).unwrap_or_default();
    // SAFETY: see above.
    let ask = || unsafe { function(session, old, old_length, new, new_length) };
    let code = counted(tries.as_ref(), &label, ask);
    entered.done(code)
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
    // SAFETY: see above.
    unsafe {
        let code = function(session, data, length, signature, signature_length);
        spoil(code, signature, signature_length);
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
        state().end("C_GetFunctionList", code as CK_RV);
        return code as CK_RV;
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
