//! Lists that phones hold, as they were read: verified, and kept to be looked things up in.

use super::acceptance::{HeldItl, Installed};
use super::list::{ListView, NewList};
use crate::trustlist::{Digest, ListKind, Record, TrustList, VerifiedList, VerifyError};

/// The ITL that phones hold.
#[derive(Debug)]
pub enum Itl {
    /// "Prepare Cluster for Rollback to pre 8.0" emptied it. Where that took the signer's record, too, it was verified with
    /// the ITL that was held before, and cannot be by itself.
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
        let is_itl = list.kind() == ListKind::Itl;
        if is_itl && list.records().iter().all(Record::is_emptied) {
            return Ok(Itl::Emptied);
        }
        let list = list.verify()?;
        Ok(if ListView::of(&list).is_emptied_itl() { Itl::Emptied } else { Itl::List(Box::new(list)) })
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
pub struct InstalledLists {
    /// The CTL; `None` where the cluster has none.
    pub ctl: Option<VerifiedList>,
    /// The ITL; `None` where it is not known.
    pub itl: Option<Itl>,
}

impl InstalledLists {
    /// As phones look things up in them.
    pub fn installed(&self) -> Installed<'_> {
        Installed {
            ctl: self.ctl.as_ref().map(ListView::of),
            itl: self.itl.as_ref().map_or(HeldItl::Unknown, Itl::held),
        }
    }

    /// A new list, verified by its own SAST record. An ITL that was emptied may have none: phones verify it with what they
    /// hold. With the digest that was signed.
    ///
    /// # Errors
    /// As [`TrustList::verify`].
    pub fn verify<'a>(&self, new: &'a TrustList) -> Result<(NewList<'a>, Digest), VerifyError> {
        let error = match new.verify() {
            Ok(verified) => return Ok((NewList::signed_by(new, verified.signer()), verified.digest())),
            Err(error) => error,
        };
        let held = match &self.itl {
            Some(Itl::List(itl)) => Some(&**itl),
            _ => None,
        };
        let is_emptied = ListView::read(new).is_emptied_itl();
        let held = held.into_iter().chain(&self.ctl).filter(|_| is_emptied);
        let found = held.into_iter().find_map(|held| new.verify_in(held).ok());
        found.map(|(record, digest)| (NewList::signed_by(new, Some(record)), digest)).ok_or(error)
    }
}
