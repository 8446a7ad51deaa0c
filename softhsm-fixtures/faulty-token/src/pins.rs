//! PINs: their counter, the reader's own keys, and the PIN that a key wants every time.
//!
//! SAFETY: as in `calls`.
#![allow(non_snake_case, reason = "the functions have the names of PKCS#11")]

use cryptoki_sys as sys;
use sys::{CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CKR_OK};

use crate::enter::{About, enter};
use crate::inner::{functions, state};
use crate::script::Tries;
use crate::state::State;

type Bytes = *mut sys::CK_BYTE;

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

pub(crate) unsafe extern "C" fn C_Login(
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
    let pad = if user == sys::CKU_SO { &script.pin_pad_so } else { &script.pin_pad };
    // SAFETY: pin points to length bytes (PKCS#11, C_Login).
    let Some(mut typed) = (unsafe { secret(script.pin_pad.is_some(), pad, pin, length) }) else {
        return entered.done(sys::CKR_ARGUMENTS_BAD);
    };
    if user == sys::CKU_CONTEXT_SPECIFIC && script.always_authenticate {
        mask(&mut typed);
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
    mask(&mut typed);
    if code == CKR_OK && user == sys::CKU_USER {
        state().pins.insert(inner.slot, typed);
    }
    entered.done(code)
}

pub(crate) unsafe extern "C" fn C_Logout(session: CK_SESSION_HANDLE) -> CK_RV {
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

pub(crate) unsafe extern "C" fn C_InitPIN(session: CK_SESSION_HANDLE, pin: Bytes, length: CK_ULONG) -> CK_RV {
    let entered = match enter("C_InitPIN", About::Session(session)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_InitPIN else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let script = state().script.clone();
    // SAFETY: pin points to length bytes.
    let Some(mut new) = (unsafe { secret(script.pin_pad.is_some(), &script.pin_pad_new, pin, length) })
    else {
        return entered.done(sys::CKR_ARGUMENTS_BAD);
    };
    // SAFETY: as many bytes as are said.
    let code = unsafe { function(session, new.as_mut_ptr(), new.len() as CK_ULONG) };
    if let (CKR_OK, Some(inner), Some(tries)) = (code, &entered.inner, &script.tries) {
        State::keep_left(tries, &inner.label, tries.limit);
    }
    entered.done(code)
}

pub(crate) unsafe extern "C" fn C_SetPIN(
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
    let script = state().script.clone();
    let pad = script.pin_pad.is_some();
    // SAFETY: each points to as many bytes as are said.
    let both = unsafe {
        (secret(pad, &script.pin_pad, old, old_length), secret(pad, &script.pin_pad_new, new, new_length))
    };
    let (Some(mut old), Some(mut new)) = both else { return entered.done(sys::CKR_ARGUMENTS_BAD) };
    let label = entered.inner.as_ref().map(|t| t.label.clone()).unwrap_or_default();
    let code = counted(script.tries.as_ref(), &label, || {
        let (old_length, new_length) = (old.len() as CK_ULONG, new.len() as CK_ULONG);
        // SAFETY: as many bytes as are said.
        unsafe { function(session, old.as_mut_ptr(), old_length, new.as_mut_ptr(), new_length) }
    });
    entered.done(code)
}

pub(crate) unsafe extern "C" fn C_InitToken(
    slot: CK_SLOT_ID,
    pin: Bytes,
    length: CK_ULONG,
    label: Bytes,
) -> CK_RV {
    let entered = match enter("C_InitToken", About::Slot(slot)) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let Some(function) = functions().C_InitToken else { return sys::CKR_FUNCTION_NOT_SUPPORTED };
    let script = state().script.clone();
    // SAFETY: pin points to length bytes.
    let Some(mut typed) = (unsafe { secret(script.pin_pad.is_some(), &script.pin_pad_so, pin, length) })
    else {
        return entered.done(sys::CKR_ARGUMENTS_BAD);
    };
    let inner = entered.inner.as_ref().map_or(slot, |t| t.slot);
    // SAFETY: as many bytes as are said; label is the caller's, 32 bytes.
    let code = unsafe { function(inner, typed.as_mut_ptr(), typed.len() as CK_ULONG, label) };
    entered.done(code)
}

/// What is kept of a PIN is not what a look at the memory finds.
fn mask(pin: &mut [u8]) {
    pin.iter_mut().for_each(|byte| *byte ^= 0x55);
}

/// A secret: what is typed on the pad, for which the caller gives none; else the caller's own. `None` where they do not fit
/// together.
///
/// # Safety
/// A `given` that is not null points to `length` bytes.
unsafe fn secret(on_pad: bool, typed: &Option<String>, given: Bytes, length: CK_ULONG) -> Option<Vec<u8>> {
    match (on_pad, given.is_null()) {
        (true, true) => typed.clone().map(String::into_bytes),
        (true, false) | (false, true) => None,
        // SAFETY: see above.
        (false, false) => Some(unsafe { std::slice::from_raw_parts(given, length as usize) }.to_vec()),
    }
}
