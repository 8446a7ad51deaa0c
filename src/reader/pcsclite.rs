//! libpcsclite, loaded at the first call: the program starts without it, and where it is not installed there is no smart
//! card service. The functions have the names that the crate `pcsc` links to, and replace them.

#![allow(unsafe_code, reason = "functions of a C library that is loaded at run time")]
#![allow(non_upper_case_globals, non_snake_case, reason = "the names of the C interface")]

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use libloading::Library;
use pcsc_sys::{
    DWORD, LONG, SCARD_E_NO_SERVICE, SCARD_IO_REQUEST, SCARD_READERSTATE, SCARDCONTEXT, SCARDHANDLE,
};

macro_rules! protocol {
    ($name:ident = $number:expr) => {
        #[unsafe(no_mangle)]
        static $name: SCARD_IO_REQUEST =
            SCARD_IO_REQUEST { dwProtocol: $number, cbPciLength: size_of::<SCARD_IO_REQUEST>() as DWORD };
    };
}

protocol!(g_rgSCardT0Pci = 1);
protocol!(g_rgSCardT1Pci = 2);
protocol!(g_rgSCardRawPci = 4);

fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    // SAFETY: libpcsclite has no code that runs when it is loaded but its own preparations.
    LIBRARY.get_or_init(|| unsafe { Library::new("libpcsclite.so.1") }.ok()).as_ref()
}

macro_rules! forward {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => { $(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> LONG {
            let symbol = concat!(stringify!($name), "\0").as_bytes();
            // SAFETY: the type is that of winscard.h.
            let call = library().and_then(|l| unsafe { l.get::<unsafe extern "C" fn($($kind),*) -> LONG>(symbol) }.ok());
            // SAFETY: the caller keeps the rules of winscard.h, and the arguments are passed on as they are.
            call.map_or(SCARD_E_NO_SERVICE, |call| unsafe { call($($argument),*) })
        }
    )* };
}

forward! {
    SCardEstablishContext(scope: DWORD, reserved: *const c_void, reserved2: *const c_void, context: *mut SCARDCONTEXT);
    SCardReleaseContext(context: SCARDCONTEXT);
    SCardIsValidContext(context: SCARDCONTEXT);
    SCardCancel(context: SCARDCONTEXT);
    SCardGetStatusChange(context: SCARDCONTEXT, timeout: DWORD, states: *mut SCARD_READERSTATE, count: DWORD);
    SCardListReaders(context: SCARDCONTEXT, groups: *const c_char, readers: *mut c_char, length: *mut DWORD);
    SCardConnect(context: SCARDCONTEXT, reader: *const c_char, share: DWORD, protocols: DWORD, card: *mut SCARDHANDLE, active: *mut DWORD);
    SCardReconnect(card: SCARDHANDLE, share: DWORD, protocols: DWORD, initialization: DWORD, active: *mut DWORD);
    SCardDisconnect(card: SCARDHANDLE, disposition: DWORD);
    SCardBeginTransaction(card: SCARDHANDLE);
    SCardEndTransaction(card: SCARDHANDLE, disposition: DWORD);
    SCardStatus(card: SCARDHANDLE, reader: *mut c_char, length: *mut DWORD, state: *mut DWORD, protocol: *mut DWORD, atr: *mut u8, atr_length: *mut DWORD);
    SCardGetAttrib(card: SCARDHANDLE, attribute: DWORD, value: *mut u8, length: *mut DWORD);
    SCardSetAttrib(card: SCARDHANDLE, attribute: DWORD, value: *const u8, length: DWORD);
    SCardTransmit(card: SCARDHANDLE, send: *const SCARD_IO_REQUEST, sent: *const u8, sent_length: DWORD, receive: *mut SCARD_IO_REQUEST, received: *mut u8, received_length: *mut DWORD);
    SCardControl(card: SCARDHANDLE, code: DWORD, sent: *const u8, sent_length: DWORD, received: *mut u8, received_length: DWORD, returned: *mut DWORD);
}
