//! What the operator can do next with this program, as values; the front end writes them as commands.
#![allow(missing_docs, reason = "the name of each variant says what it does")]

use std::path::Path;

use super::exchange::WaitingRun;
use crate::cluster::SecurityMode;
use crate::trustlist::Digest;

/// The function with which a front end writes them as text.
pub type Spell = fn(&Next) -> String;

/// A command or an option that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    MakeList { command: ListCommand, file: String, options: Vec<ListOption> },
    CheckList { new: String, installed: String },
    CheckPhones { expect: String, node: String },
    Migrate { from: String, to: String, way: &'static str },
    TrustCertificates { files: Vec<String>, node: String },
    ExportCertificates,
    FetchAlone,
    FindProblems,
    ListProcedures { file: String },
    MakeCertificate,
    VerifyList { file: String },
    FetchCtl { folder: String },
    ShowClusterStatus,
    ShowProcedure(&'static str),
    ReadTopic(&'static str),
    Renew { node: String, signer: String },
    LeaveOutTvs,
    AskAgain { run: WaitingRun, tokens: Vec<String> },
    UseAnswer { run: WaitingRun, answer: String },
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

impl Next {
    /// The run goes on with this answer.
    pub fn use_answer(run: &WaitingRun, answer: &Path) -> Self {
        Next::UseAnswer { run: run.clone(), answer: answer.display().to_string() }
    }
}

/// A command that makes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListCommand {
    Revert,
    Create,
    Update,
    Resign,
}

/// An option of a command that makes a list. Tokens and servers are named as the operator names them.
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
    /// What the nodes of this publisher's cluster need.
    FromCluster(String),
    Mode(SecurityMode),
    Release(String),
    Out(String),
    Force,
}
