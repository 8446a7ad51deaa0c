//! What the operator can do next with this program, as values: the front end spells them.
#![allow(missing_docs, reason = "each variant is called by what it does or says")]

use crate::cluster::SecurityMode;
use crate::trustlist::Digest;

/// How a front end spells them.
pub type Spell = fn(&Next) -> String;

/// A command or an option that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    MakeList { command: ListCommand, file: String, options: Vec<ListOption> },
    CheckList { new: String, installed: String },
    ExportCertificates,
    FetchAlone,
    FindProblems,
    ListProcedures { file: String },
    MakeCertificate,
    VerifyList { file: String },
    FetchCtl { folder: String },
    ShowClusterStatus,
    ShowProcedure(&'static str),
    KeepDigest(Digest),
    KeepSignerVersion(u8, u8),
    NameModule,
    ListProfiles,
    ShowProfile,
    WatchTokens,
    EnrollCertificate,
    TestPin,
    UnlockToken,
}

/// What makes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListCommand {
    Revert,
    Create,
    Update,
    Resign,
}

/// What is told to a command that makes a list. Tokens and servers as the operator would name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOption {
    Profile(String),
    Signer(String),
    Spare(String),
    AddToken(String),
    RemoveToken(String),
    RemoveServer(String),
    AddServer(String),
    Refresh(String),
    Mode(SecurityMode),
    Release(String),
    Out(String),
    Force,
}
