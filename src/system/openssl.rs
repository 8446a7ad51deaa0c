//! OpenSSL, loaded at the first call: only commands that start TLS wait for it. The functions have the names that the crate
//! `openssl` links to, so the linker finds them here and leaves the library out. If it needs one that is not in the list below,
//! it links the library as usual.

#![allow(unsafe_code, reason = "functions of a C library that is loaded at run time")]

use std::arch::naked_asm;
use std::ffi::CStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use libloading::{Error, Library};

/// A function of OpenSSL, and its address after the first call.
struct Function {
    name: &'static CStr,
    address: &'static AtomicUsize,
}

/// libssl, which brings libcrypto with it.
fn library() -> Result<&'static Library, &'static Error> {
    static LIBRARY: OnceLock<Result<Library, Error>> = OnceLock::new();
    // SAFETY: OpenSSL has no code that runs when it is loaded but its own preparations.
    LIBRARY.get_or_init(|| unsafe { Library::new("libssl.so.3") }).as_ref()
}

/// Loads OpenSSL; to be called before the first use. The error names the library that is missing.
pub fn load() -> std::io::Result<()> {
    library().map(drop).map_err(|e| std::io::Error::new(std::io::ErrorKind::NotFound, e))
}

/// The address of a function. Where it is missing the process ends: no answer fits every function.
extern "C" fn find(function: &Function) -> usize {
    // SAFETY: only the address is taken; the callers know the type.
    let found = library().ok().and_then(|library| unsafe {
        library.get::<unsafe extern "C" fn()>(function.name.to_bytes_with_nul()).ok()
    });
    let Some(found) = found else { std::process::abort() };
    let address = *found as usize;
    function.address.store(address, Ordering::Relaxed);
    address
}

/// Finds the function that `r11` points to, and goes on there with the arguments of the call.
#[unsafe(naked)]
unsafe extern "C" fn find_and_go_on() {
    // SAFETY: every register that can hold an argument is kept; no function below takes a floating-point number.
    // Seven words and the return address keep the stack aligned to 16 bytes.
    naked_asm!(
        "push rdi", "push rsi", "push rdx", "push rcx", "push r8", "push r9", "push rax",
        "mov rdi, r11",
        "call {find}",
        "mov r11, rax",
        "pop rax", "pop r9", "pop r8", "pop rcx", "pop rdx", "pop rsi", "pop rdi",
        "jmp r11",
        find = sym find,
    )
}

macro_rules! functions {
    ($($name:ident)*) => { $(
        #[allow(non_snake_case, reason = "the name in C")]
        mod $name {
            use super::{AtomicUsize, Function, find_and_go_on, naked_asm};

            static ADDRESS: AtomicUsize = AtomicUsize::new(0);
            static FUNCTION: Function = Function {
                name: match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"",
                },
                address: &ADDRESS,
            };

            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name() {
                // SAFETY: nothing but r11 changes, which no caller expects to be kept.
                naked_asm!(
                    "mov r11, [rip + {address}]",
                    "test r11, r11",
                    "je 2f",
                    "jmp r11",
                    "2:",
                    "lea r11, [rip + {function}]",
                    "jmp {find_and_go_on}",
                    address = sym ADDRESS,
                    function = sym FUNCTION,
                    find_and_go_on = sym find_and_go_on,
                )
            }
        }
    )* };
}

functions! {
    BIO_clear_flags BIO_free_all BIO_get_data BIO_meth_free BIO_meth_new BIO_meth_set_create
    BIO_meth_set_ctrl BIO_meth_set_destroy BIO_meth_set_puts BIO_meth_set_read BIO_meth_set_write BIO_new
    BIO_new_mem_buf BIO_set_data BIO_set_flags BIO_set_init CRYPTO_get_ex_new_index ERR_get_error_all
    ERR_lib_error_string ERR_reason_error_string EVP_DigestSign EVP_DigestSignInit EVP_MD_CTX_free
    EVP_MD_CTX_new EVP_PKEY_free EVP_PKEY_new_mac_key EVP_sha1 OPENSSL_init_ssl OpenSSL_version
    OpenSSL_version_num PEM_read_bio_PrivateKey PEM_read_bio_X509 RAND_bytes SSL_CTX_ctrl SSL_CTX_free
    SSL_CTX_get_cert_store SSL_CTX_load_verify_locations SSL_CTX_new SSL_CTX_set_cert_store
    SSL_CTX_set_cipher_list SSL_CTX_set_default_verify_paths SSL_CTX_set_options SSL_CTX_set_verify
    SSL_CTX_up_ref SSL_CTX_use_PrivateKey SSL_CTX_use_certificate SSL_connect SSL_ctrl SSL_free
    SSL_get0_param SSL_get1_peer_certificate SSL_get_error SSL_get_ex_data SSL_get_rbio
    SSL_get_verify_result SSL_get_version SSL_new SSL_read_ex SSL_set_bio SSL_set_ex_data SSL_set_verify
    SSL_write_ex TLS_client_method TLS_method X509_STORE_add_cert X509_STORE_new X509_VERIFY_PARAM_set1_host
    X509_VERIFY_PARAM_set1_ip X509_VERIFY_PARAM_set_hostflags X509_free X509_up_ref
    X509_verify_cert_error_string d2i_X509 i2d_X509
}
