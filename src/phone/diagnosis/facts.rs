//! What is known about a phone and its node.

use serde::Serialize;

use super::super::acceptance::{Installed, InstalledItl, assess};
use super::super::list::NewList;
use super::super::page::MessageKind;
use super::super::tvs_status::{ListSigner, TvsStatus};
use super::super::verdict::{Decision, Verdict as Acceptance};
use crate::trustlist::{ListKind, VerifiedList, digest};

/// The answer to a question, or why it is not known.
pub type Asked<T> = Result<T, String>;

/// A renewed certificate has the same name as the old one, and another serial.
fn signer(list: &VerifiedList) -> String {
    format!("{} ({})", list.signer_name(), digest::colons(&list.list().header().signer.serial))
}

/// A list that the node has for phones.
#[derive(Debug, Clone, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum Served {
    #[error("none")]
    None,
    /// It cannot be read or does not verify, and why.
    #[error("{0}")]
    Bad(String),
    /// The node has another list than it serves: the words continue after its name.
    #[error("the node {0}")]
    NotServed(String),
    #[error("{} bytes, signed by {}", .0.list().bytes().len(), signer(.0))]
    List(Box<VerifiedList>),
}

/// A list that the phone has.
#[derive(Debug, Clone, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum Held {
    #[error("none")]
    None,
    #[error("emptied for a rollback")]
    Emptied,
    #[error("the one that the node serves")]
    Served,
    #[error("another one, signed by {}", signer(.0))]
    List(Box<VerifiedList>),
    /// Only its checksum is known.
    #[error("another one, with the checksum {0}")]
    Other(String),
}

/// What is known about one kind of list.
#[derive(Debug, Clone)]
pub struct ListFacts {
    /// What the phone has.
    pub held: Asked<Held>,
    /// What the node serves.
    pub served: Asked<Served>,
    /// What TVS says about its signer to a query, as phones ask about signers.
    pub query: TvsStatus,
    /// The same to a verify request, which old TVS servers know, too.
    pub verify: TvsStatus,
    /// Whether that signer is in Phone-SAST-trust.
    pub uploaded: Asked<bool>,
}

impl ListFacts {
    /// Before TVS and the trust store are asked.
    pub fn new(held: Asked<Held>, served: Asked<Served>) -> Self {
        let uploaded = Err("not asked".to_owned());
        ListFacts { held, served, query: TvsStatus::NotAsked, verify: TvsStatus::NotAsked, uploaded }
    }

    /// The list that is served, if it verifies.
    pub fn list(&self) -> Option<&VerifiedList> {
        if let Ok(Served::List(list)) = &self.served { Some(list) } else { None }
    }

    /// The list that the phone has, if its content is known.
    pub fn held_list(&self) -> Option<&VerifiedList> {
        match &self.held {
            Ok(Held::Served) => self.list(),
            Ok(Held::List(list)) => Some(list),
            _ => None,
        }
    }

    /// Whether the phone has what is served. If none is served, a list that nobody saw counts as none.
    pub(super) fn is_same(&self) -> Option<bool> {
        match (&self.held, &self.served) {
            (Ok(Held::Served), _) | (Err(_) | Ok(Held::None), Ok(Served::None)) => Some(true),
            (Err(_), _) | (_, Err(_)) => None,
            _ => Some(false),
        }
    }

    /// The answer that counts: old servers answer only verify requests.
    pub(super) fn tvs_status(&self) -> &TvsStatus {
        match (&self.query, &self.verify) {
            (TvsStatus::NoAnswer { .. }, TvsStatus::Valid { .. } | TvsStatus::Invalid { .. }) => &self.verify,
            (query, _) => query,
        }
    }
}

/// A configuration file: its signer's name, and whether the lists that are served verify it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("signed by {signer}, in {} of the node", if *.by_served { "a list" } else { "no list" })]
#[allow(missing_docs, reason = "described above")]
pub struct ConfigFile {
    pub signer: String,
    pub by_served: bool,
}

/// What is known about a phone and its node.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whether phones of this model ask TVS and load ITL files; `None`: no source names the model.
    pub asks_tvs: Option<bool>,
    /// Whether the cluster is in mixed mode.
    pub mixed: Asked<bool>,
    /// The CTL.
    pub ctl: ListFacts,
    /// The ITL.
    pub itl: ListFacts,
    /// The phone's newest message about its lists.
    pub message: Asked<MessageKind>,
    /// Whether Cisco Tftp runs on the node.
    pub tftp_runs: Asked<bool>,
    /// Whether TVS runs on the node.
    pub tvs_runs: Asked<bool>,
    /// Whether TVS shows a certificate of the phone's ITL.
    pub tvs_in_held: Asked<bool>,
    /// Whether TVS shows a certificate of the ITL that is served.
    pub tvs_in_served: Asked<bool>,
    /// "Prepare Cluster for Rollback to pre 8.0".
    pub rollback: Asked<bool>,
    /// The phone's signed configuration file; `None`: the node serves none.
    pub config: Asked<Option<ConfigFile>>,
}

impl Facts {
    /// The lists that concern the phone and of which something is known, in the order in which it loads them.
    pub(super) fn lists(&self) -> impl Iterator<Item = (ListKind, &ListFacts)> {
        let itl = (self.asks_tvs != Some(false)).then_some((ListKind::Itl, &self.itl));
        let lists = std::iter::once((ListKind::Ctl, &self.ctl)).chain(itl);
        lists.filter(|(_, list)| list.held.is_ok() || list.served.is_ok())
    }

    /// The lists of the phone; `None` if its CTL is not known, but that of the node is.
    pub(super) fn installed(&self) -> Option<Installed<&VerifiedList>> {
        let ctl = match (&self.ctl.held, &self.ctl.served) {
            (Ok(Held::None), _) | (Err(_), Ok(Served::None) | Err(_)) => None,
            _ => Some(self.ctl.held_list()?),
        };
        let itl = match &self.itl.held {
            _ if self.asks_tvs == Some(false) => InstalledItl::None,
            Ok(Held::None) => InstalledItl::None,
            Ok(Held::Emptied) => InstalledItl::Emptied,
            _ => self.itl.held_list().map_or(InstalledItl::Unknown, InstalledItl::List),
        };
        Some(Installed { ctl, itl })
    }

    /// What the phone does with a list. If no source names its model, and nobody saw its ITL, both classes must agree.
    pub(super) fn assess(
        &self,
        held: &Installed<&VerifiedList>,
        new: &VerifiedList,
        tvs: &TvsStatus,
    ) -> Acceptance {
        let new = NewList::of(new);
        let acceptance = assess(held, self.asks_tvs.unwrap_or(true), &new, tvs);
        let without = || assess(&Installed { itl: InstalledItl::None, ..*held }, false, &new, tvs).decision;
        let is_sure = self.asks_tvs.is_some() || self.itl.held.is_ok() || without() == acceptance.decision;
        let decision = if is_sure { acceptance.decision } else { Decision::NotKnown };
        Acceptance { decision, ..acceptance }
    }

    /// The questions and their answers, for people and programs.
    pub fn answers(&self) -> Vec<Answer> {
        fn of<T: ToString>(question: &'static str, answer: &Asked<T>) -> Answer {
            let says = answer.as_ref().map_or_else(Clone::clone, ToString::to_string);
            Answer { question, known: answer.is_ok(), says }
        }
        let is = |question, answer: &Asked<bool>, [no, yes]: [&str; 2]| {
            of(question, &answer.clone().map(|is| if is { yes } else { no }))
        };
        let (runs, in_it) =
            (["does not run", "runs"], ["its certificate is not there", "its certificate is there"]);
        let tvs = |question, kind, list: &ListFacts| {
            let name = list.list().map(VerifiedList::signer_name).unwrap_or_default();
            let signer = ListSigner { name: &name, is_token: false, signs: kind };
            let [query, verify] = [&list.query, &list.verify].map(|status| status.decides(signer, 0).1);
            let says = format!("query: {query}; verify: {verify}");
            let says = match list.tvs_status() {
                TvsStatus::NotAsked => Err("not asked".to_owned()),
                TvsStatus::NoAnswer { .. } => Err(says),
                _ => Ok(says),
            };
            of(question, &says)
        };
        let none = || "none that is signed".to_owned();
        let config = self.config.clone().map(|file| file.map_or_else(none, |file| file.to_string()));
        vec![
            of("CTL of the phone", &self.ctl.held),
            of("ITL of the phone", &self.itl.held),
            of("its newest message", &self.message),
            of("CTL of the node", &self.ctl.served),
            of("ITL of the node", &self.itl.served),
            of("configuration file", &config),
            is("Cisco Tftp", &self.tftp_runs, runs),
            is("TVS", &self.tvs_runs, runs),
            is("TVS in the phone's ITL", &self.tvs_in_held, in_it),
            is("TVS in the node's ITL", &self.tvs_in_served, in_it),
            tvs("TVS about the CTL", ListKind::Ctl, &self.ctl),
            tvs("TVS about the ITL", ListKind::Itl, &self.itl),
            is("mixed mode", &self.mixed, ["no", "yes"]),
            is("rollback to pre 8.0", &self.rollback, ["False", "True"]),
        ]
    }
}

/// A question about a phone, and its answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "described above")]
pub struct Answer {
    pub question: &'static str,
    pub known: bool,
    pub says: String,
}
