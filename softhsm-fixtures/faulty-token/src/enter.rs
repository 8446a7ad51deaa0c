//! What happens before a call is handed on: it is counted, and spoiled where the script says so.

use std::time::Duration;

use cryptoki_sys as sys;
use sys::{CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID};

use crate::inner::{state, tokens};
use crate::script::Fault;
use crate::state::{Inner, Seat};

/// What a call is about.
#[derive(Clone, Copy)]
pub(crate) enum About {
    Module,
    Slot(CK_SLOT_ID),
    Session(CK_SESSION_HANDLE),
}

/// What follows a call whose work is done.
pub(crate) struct Entered {
    name: &'static str,
    after: Option<CK_RV>,
    huge: bool,
    /// The inner slot, where the call is about one.
    pub(crate) inner: Option<Inner>,
}

impl Entered {
    /// Says a length that no memory has, where the script wants that.
    ///
    /// # Safety
    /// `length` points to one, which the wrapped module has written.
    pub(crate) unsafe fn size(&self, length: *mut sys::CK_ULONG) {
        if self.huge {
            // SAFETY: see above.
            unsafe { *length = sys::CK_ULONG::MAX };
        }
    }

    /// Logs the call; the code that it returns.
    pub(crate) fn done(self, code: CK_RV) -> CK_RV {
        let code = self.after.unwrap_or(code);
        state().end(self.name, code);
        code
    }
}

/// The slots as they are shown now.
pub(crate) fn seats() -> Vec<Seat> {
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

unsafe extern "C" {
    fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
}

/// Waits for what never comes: a call that hangs, and the module's own end, which waits for the call.
extern "C" fn never() {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Counts a call and does what the script says; what is left to hand on.
pub(crate) fn enter(name: &'static str, about: About) -> Result<Entered, CK_RV> {
    let faults = state().begin(name);
    let refuse = |code| {
        state().end(name, code);
        Err(code)
    };
    let mut after = None;
    let (mut grows, mut huge) = (false, false);
    for fault in faults {
        match fault {
            Fault::Fail(code) => return refuse(code),
            Fault::After(code) => after = Some(code),
            Fault::Delay(ms) => {
                state().waits(name);
                std::thread::sleep(Duration::from_millis(ms));
            }
            Fault::Wait(file) => {
                state().waits(name);
                while file.exists() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            Fault::Hang => {
                state().waits(name);
                // SAFETY: atexit (C11, 7.22.4.2) takes a function of this module, which stays loaded.
                unsafe { atexit(never) };
                never();
            }
            Fault::Grow => grows = true,
            Fault::Huge => huge = true,
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
        Ok(inner) => Ok(Entered { name, after, huge, inner }),
    }
}
