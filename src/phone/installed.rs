//! The verified lists that phones hold.

use super::acceptance::{HeldItl, Installed};
use super::list::is_emptied_itl;
use crate::trustlist::{ListKind, Record, TrustList, VerifiedList, VerifyError};

/// The ITL that phones hold.
#[derive(Debug)]
pub enum Itl {
    /// "Prepare Cluster for Rollback to pre 8.0" emptied it; without its signer's record only the ITL before it verifies it.
    Emptied,
    /// It was verified.
    List(Box<VerifiedList>),
}

impl Itl {
    /// From a decoded ITL, which must verify unless it was emptied.
    pub fn of(list: &TrustList) -> Result<Self, VerifyError> {
        let is_itl = list.kind() == ListKind::Itl;
        if is_itl && list.records().iter().all(Record::is_emptied) {
            return Ok(Itl::Emptied);
        }
        let list = list.verify()?;
        Ok(if is_emptied_itl(list.list()) { Itl::Emptied } else { Itl::List(Box::new(list)) })
    }

    /// For [`assess`](super::assess).
    pub fn held(&self) -> HeldItl<'_> {
        match self {
            Itl::Emptied => HeldItl::Emptied,
            Itl::List(list) => HeldItl::List(list),
        }
    }
}

/// The lists that phones of a cluster hold, as far as they are known.
#[derive(Debug, Default)]
pub struct InstalledLists {
    /// The CTL; `None` where the cluster has none.
    pub ctl: Option<VerifiedList>,
    /// The ITL; `None` where it is not known.
    pub itl: Option<Itl>,
}

impl InstalledLists {
    /// For [`assess_classes`](super::assess_classes).
    pub fn installed(&self) -> Installed<'_> {
        Installed { ctl: self.ctl.as_ref(), itl: self.itl.as_ref().map_or(HeldItl::Unknown, Itl::held) }
    }

    /// A new list, verified with its own SAST record; an ITL that was emptied, and may have none, with what phones hold.
    pub fn verify(&self, new: &TrustList) -> Result<VerifiedList, VerifyError> {
        new.verify().or_else(|error| {
            let Installed { ctl, itl } = self.installed();
            let mut held = itl.list().into_iter().chain(ctl).filter(|_| is_emptied_itl(new));
            held.find_map(|held| new.verify_in(held).ok()).ok_or(error)
        })
    }
}
