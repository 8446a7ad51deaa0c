//! Slots and tokens as they are shown: empty slots, moved slots, padded names, flags of the PIN's counter.
//!
//! SAFETY: as in `calls`.
#![allow(non_snake_case, reason = "the functions have the names of PKCS#11")]

use std::ffi::c_void;

use cryptoki_sys as sys;
use sys::{CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CKR_OK};

use crate::enter::{About, enter, seats};
use crate::inner::{functions, state};
use crate::script::Tries;
use crate::state::{Seat, State};

pub(crate) unsafe extern "C" fn C_GetSlotList(
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
        return unsafe {
            let code = function(with_token, list, count);
            entered.size(count);
            entered.done(code)
        };
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

pub(crate) unsafe extern "C" fn C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut sys::CK_SLOT_INFO) -> CK_RV {
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

pub(crate) unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut sys::CK_TOKEN_INFO) -> CK_RV {
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
    if script.same_serial && info.flags & sys::CKF_TOKEN_INITIALIZED != 0 {
        info.serialNumber = *b"0123456789abcdef";
    }
    if script.pin_pad.is_some() {
        info.flags |= sys::CKF_PROTECTED_AUTHENTICATION_PATH;
    }
    let mut count =
        |tries: &Option<Tries>, low: sys::CK_FLAGS, last: sys::CK_FLAGS, locked: sys::CK_FLAGS| {
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

pub(crate) unsafe extern "C" fn C_GetMechanismList(
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
        entered.size(count);
        if !list.is_null() && code == CKR_OK {
            for i in 0..vendor {
                *list.add(i as usize) = (sys::CKM_VENDOR_DEFINED | 0x4711) + i;
            }
        }
        entered.done(code)
    }
}

pub(crate) unsafe extern "C" fn C_OpenSession(
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
            let pin = {
                let mut state = state();
                state.dead.remove(&*session);
                state.sessions.insert(*session, Seat { shown: slot, inner });
                state.script.visible_keys.clone()
            };
            // For the token it is a login, for the caller there was none.
            if let (Some(mut pin), Some(login)) = (pin.map(String::into_bytes), functions().C_Login) {
                login(*session, sys::CKU_USER, pin.as_mut_ptr(), pin.len() as CK_ULONG);
            }
        }
        entered.done(code)
    }
}
