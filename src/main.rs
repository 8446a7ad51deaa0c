//! `sastctl`: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sastctl::main()
}
