//! The wrapped module.

use std::sync::{Mutex, MutexGuard, OnceLock};

use cryptoki_sys as sys;

use crate::state::{Inner, State};

static LIST: OnceLock<usize> = OnceLock::new();
static STATE: OnceLock<Mutex<State>> = OnceLock::new();

/// The state of the process.
pub fn state() -> MutexGuard<'static, State> {
    let state = STATE.get_or_init(|| Mutex::new(State::from_environment()));
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The wrapped module's functions. Without one there is nothing to test: the process ends.
pub fn functions() -> &'static sys::CK_FUNCTION_LIST {
    let address = *LIST.get_or_init(|| {
        load().unwrap_or_else(|why| {
            eprintln!("faulty-token: FAULTY_MODULE: {why}");
            std::process::abort();
        })
    });
    // SAFETY: the address is the module's function list, which lives as long as the module; that is never unloaded.
    unsafe { &*(address as *const sys::CK_FUNCTION_LIST) }
}

fn load() -> Result<usize, String> {
    let path = std::env::var_os("FAULTY_MODULE").ok_or("is not set")?;
    let mut list: *mut sys::CK_FUNCTION_LIST = std::ptr::null_mut();
    // SAFETY: loading a library runs its constructors, which is what loading a PKCS#11 module means;
    // C_GetFunctionList writes one pointer to where it is told.
    let code = unsafe {
        let module = sys::Pkcs11::new(path).map_err(|e| e.to_string())?;
        let code = module.C_GetFunctionList(&mut list);
        std::mem::forget(module);
        code
    };
    if code != sys::CKR_OK || list.is_null() {
        return Err(format!("C_GetFunctionList: {code:#x}"));
    }
    Ok(list as usize)
}

/// The initialised tokens of the wrapped module.
pub fn tokens() -> Vec<Inner> {
    let list = functions();
    let (Some(slots), Some(info)) = (list.C_GetSlotList, list.C_GetTokenInfo) else { return vec![] };
    let mut count = 0;
    // SAFETY: as PKCS#11, C_GetSlotList: a null list asks for the length, the second call has room for that many;
    // CK_TOKEN_INFO is numbers and bytes, for which zero is a value.
    unsafe {
        if slots(sys::CK_TRUE, std::ptr::null_mut(), &mut count) != sys::CKR_OK {
            return vec![];
        }
        let mut ids = vec![0; count as usize];
        if slots(sys::CK_TRUE, ids.as_mut_ptr(), &mut count) != sys::CKR_OK {
            return vec![];
        }
        let read = |slot| {
            let mut token: sys::CK_TOKEN_INFO = std::mem::zeroed();
            let there =
                info(slot, &mut token) == sys::CKR_OK && token.flags & sys::CKF_TOKEN_INITIALIZED != 0;
            let label = String::from_utf8_lossy(&token.label).trim_end().to_owned();
            there.then_some(Inner { slot, label })
        };
        ids.into_iter().filter_map(read).collect()
    }
}
