//! Invalid answers: the PKCS#11 wrapper allocates and indexes by the lengths that a module returns, and panics if they are
//! impossible. Here the panic becomes an error, so that the token is logged out.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use cryptoki::error::Error as Pkcs11Error;

thread_local! {
    /// Whether this thread is in a call: its panics become errors, and are not printed.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
}

/// Makes a call of the wrapper; one that panics has failed ([`Pkcs11Error::InvalidValue`]).
pub(super) fn catch_panic<T>(call: impl FnOnce() -> Result<T, Pkcs11Error>) -> Result<T, Pkcs11Error> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_CALL.get() {
                others(info);
            }
        }));
    });
    let before = IN_CALL.replace(true);
    // The wrapper holds only handles, which a panic does not change.
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IN_CALL.set(before);
    result.unwrap_or(Err(Pkcs11Error::InvalidValue))
}
