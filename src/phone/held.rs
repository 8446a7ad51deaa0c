//! Lists that phones hold, as they were read: verified, and kept to be looked things up in.

use super::acceptance::{HeldItl, Installed};
use super::list::ListView;
use crate::trustlist::{ListKind, Record, TrustList, VerifiedList, VerifyError};

/// The ITL that phones hold.
#[derive(Debug)]
pub enum Itl {
    /// "Prepare Cluster for Rollback to pre 8.0" emptied it: it has no signer's record, and so does not verify.
    Emptied,
    /// It was verified.
    List(Box<VerifiedList>),
}

impl Itl {
    /// Of an ITL that was decoded.
    ///
    /// # Errors
    /// As [`TrustList::verify`].
    pub fn of(list: &TrustList) -> Result<Self, VerifyError> {
        if list.kind() == ListKind::Itl && list.records().iter().all(Record::is_emptied) {
            return Ok(Itl::Emptied);
        }
        Ok(Itl::List(Box::new(list.verify()?)))
    }

    /// As a phone looks things up in it.
    pub fn held(&self) -> HeldItl<'_> {
        match self {
            Itl::Emptied => HeldItl::Emptied,
            Itl::List(list) => HeldItl::List(ListView::of(list)),
        }
    }
}

/// What phones of a cluster hold, as far as it is known.
#[derive(Debug, Default)]
pub struct HeldLists {
    /// The CTL; `None` where the cluster has none.
    pub ctl: Option<VerifiedList>,
    /// The ITL; `None` where it is not known.
    pub itl: Option<Itl>,
}

impl HeldLists {
    /// As phones look things up in them.
    pub fn installed(&self) -> Installed<'_> {
        Installed {
            ctl: self.ctl.as_ref().map(ListView::of),
            itl: self.itl.as_ref().map_or(HeldItl::Unknown, Itl::held),
        }
    }
}
