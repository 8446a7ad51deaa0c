//! Renewed certificates: which records they go to.

use std::net::Ipv4Addr;

use super::super::error::PlanError;
use super::Update;
use crate::trustlist::{Certificate, Function, Record, Style, digest};

impl Update {
    /// A certificate goes to the records with its subject: all of them, or those at an address.
    pub(super) fn refresh(
        &mut self,
        address: Option<Ipv4Addr>,
        certificate: &Certificate,
    ) -> Result<(), PlanError> {
        let name = address.map_or_else(|| certificate.subject.spelled(Style::Cucm), |ip| ip.to_string());
        let of_subject = |record: &Record| {
            address.is_none_or(|ip| record.ip_address() == Some(ip)) && record.is_about(certificate)
        };
        // An address has a CAPF record, too: the emptied records are meant where none has the certificate's subject.
        let named = self.records.iter().any(|entry| of_subject(&entry.record));
        if let (Some(ip), false) = (address, named) {
            self.check_subject(ip, certificate)?;
        }
        let hits = self.find("record", &name, |record| {
            let emptied = !named && record.subject_name().is_none();
            of_subject(record) || (emptied && address.is_some() && record.ip_address() == address)
        })?;
        // Of emptied records one is filled: a server with two certificates has two.
        let one = hits.get(..1).filter(|_| !named).unwrap_or(&hits);
        self.take(one, certificate)
    }

    /// A certificate at the wrong address would be a slip; one of another subject at the right one is not rare.
    fn check_subject(&self, address: Ipv4Addr, certificate: &Certificate) -> Result<(), PlanError> {
        let there: Vec<&Record> =
            self.records.iter().map(|e| &e.record).filter(|r| r.ip_address() == Some(address)).collect();
        if there.is_empty() || there.iter().any(|record| record.subject_name().is_none()) {
            return Ok(());
        }
        Err(PlanError::OtherSubject {
            address: address.to_string(),
            certificate: certificate.subject.spelled(Style::Cucm),
            there_are: there.iter().map(|r| (r.function().to_string(), r.long_name())).collect(),
        })
    }

    /// The record of one function at an address, whatever its subject.
    pub(super) fn refresh_at(
        &mut self,
        function: Function,
        address: Ipv4Addr,
        certificate: &Certificate,
    ) -> Result<(), PlanError> {
        let name = format!("{function}:{address}");
        let hits = self.find("record", &name, |record| {
            record.function() == function && record.ip_address() == Some(address)
        })?;
        let meant = self.renewed_by(certificate, &hits);
        self.take(&meant.ok_or_else(|| self.ambiguous("record", &name, &hits))?, certificate)
    }

    /// Of the records of one function at an address those that a certificate renews, or none where that is not clear: a
    /// server with an RSA and an EC certificate has a record for each. The subject tells, else the kind of key; of records
    /// that are emptied and alike, one is filled.
    fn renewed_by(&self, certificate: &Certificate, hits: &[usize]) -> Option<Vec<usize>> {
        let there: Vec<(usize, &Record)> =
            hits.iter().filter_map(|i| Some((*i, &self.records.get(*i)?.record))).collect();
        let emptied = there.iter().find(|(_, record)| record.is_emptied()).map(|(i, _)| vec![*i]);
        let is_rsa = |certificate: &Certificate| certificate.public_key.rsa().is_some();
        let any = |_: &Record| emptied.is_none();
        let same_subject = |record: &Record| record.is_about(certificate);
        let same_kind = |record: &Record| {
            record.certificate().and_then(Result::ok).is_some_and(|c| is_rsa(&c) == is_rsa(certificate))
        };
        let rules: [&dyn Fn(&Record) -> bool; 3] = [&any, &same_subject, &same_kind];
        // A rule decides where all that it leaves are alike.
        let decides = |rule: &&dyn Fn(&Record) -> bool| {
            let meant: Vec<_> = there.iter().filter(|(_, record)| rule(record)).collect();
            let (_, first) = meant.first()?;
            let alike = meant.iter().all(|(_, record)| record.bytes() == first.bytes());
            alike.then(|| meant.iter().map(|(i, _)| *i).collect())
        };
        rules.iter().find_map(decides).or_else(|| emptied.clone())
    }

    fn take(&mut self, hits: &[usize], certificate: &Certificate) -> Result<(), PlanError> {
        for index in hits {
            let Some(entry) = self.records.get_mut(*index) else { continue };
            let record = entry.record.refreshed(certificate)?;
            if record != entry.record {
                let serial = digest::colons(&certificate.serial);
                entry.change(record, format!("takes the new certificate, serial {serial}"));
            }
        }
        Ok(())
    }
}
