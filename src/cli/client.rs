//! The arguments of `client`. Its windows are a front end of their own, in `src/client`.

use std::path::PathBuf;

use clap::Args;

use super::signing::SigningArgs;

/// Show the windows of the CTL Client in the terminal
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The CTL in force, or a cluster file (*.toml) to make a first CTL [default: the first window asks]
    pub file: Option<PathBuf>,
    /// Lines of text instead of full-screen windows: nothing moves the cursor, choices have numbers. For screen readers
    #[arg(long)]
    pub plain: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}
