//! A PKCS#11 module for tests: it stands before another module, counts the calls, and misbehaves by a script
//! (`README.md` has the instructions).
//!
//! Unsafe code is what such a module is made of: every function is called from C with C's pointers. Each of them is
//! either handed on to the wrapped module as it is, or used as PKCS#11 says it may be used; `calls` says which.

mod calls;
mod codes;
mod enter;
mod inner;
mod memory;
mod pins;
mod script;
mod slots;
mod state;

pub use calls::C_GetFunctionList;
