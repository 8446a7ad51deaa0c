//! Phones of a cluster, simulated: what they hold, what they take when they are reset, and whether they reach their node. Each
//! decision is that of `naive_phone`, which shares no code with the program.

use super::lists::{self, CAPF, CCM_TFTP};
use super::node_tvs;
use super::site::Site;
use crate::naive_phone::decide::{Class, Itl, Outcome, Says, Server, Tvs, decide};
use crate::naive_phone::reader::List;

pub struct Phone {
    class: Class,
    node: usize,
    ctl: Option<Vec<u8>>,
    itl: Option<Vec<u8>>,
}

/// A phone of each class at each of these nodes.
pub fn population(nodes: &[usize]) -> Vec<Phone> {
    let of = |node: &usize| {
        [Class::SecurityByDefault, Class::WithoutTvs].map(|class| Phone {
            class,
            node: *node,
            ctl: None,
            itl: None,
        })
    };
    nodes.iter().flat_map(of).collect()
}

/// Resets all phones; a new one without lists joins at each reset, and leaves.
#[track_caller]
pub fn reset(site: &Site, members: &[usize], phones: &mut [Phone]) {
    for phone in phones.iter_mut() {
        phone.reset(site, members);
    }
    for mut new in population(members) {
        new.class = Class::NoListYet;
        new.reset(site, members);
        new.assert_reaches(site);
    }
}

impl Phone {
    pub fn node(&self) -> usize {
        self.node
    }

    /// Loads the CTL, then the ITL, of its node.
    #[track_caller]
    pub fn reset(&mut self, site: &Site, members: &[usize]) {
        let refused = self.load(&site.folder(self.node).join("served"), site, members);
        assert_eq!(refused, None, "{:?} at node {}", self.class, self.node);
    }

    /// Loads the lists of the publisher of another cluster, while it asks TVS of its own; whether it took them.
    pub fn moves(&mut self, from: &Site, members: &[usize], to: &Site) -> bool {
        self.load(&to.folder(0).join("served"), from, members).is_none()
    }

    /// Whether it asks TVS.
    pub fn asks_tvs(&self) -> bool {
        self.class != Class::WithoutTvs
    }

    /// Loads the CTL, then the ITL, from a folder; which of them it refused, and why.
    fn load(&mut self, served: &std::path::Path, site: &Site, members: &[usize]) -> Option<String> {
        let names: &[&str] = match self.class {
            Class::WithoutTvs => &["CTLFile.tlv"],
            _ => &["CTLFile.tlv", "ITLFile.tlv"],
        };
        for name in names {
            let new = std::fs::read(served.join(name)).unwrap();
            let held = if *name == "CTLFile.tlv" { &self.ctl } else { &self.itl };
            if held.as_ref() == Some(&new) {
                continue;
            }
            let outcome = self.decide(site, members, &new);
            let takes =
                matches!(outcome.0, Outcome::Blind | Outcome::ByCtl | Outcome::ByItl | Outcome::ByTvs);
            if !takes {
                return Some(format!("{name}: {outcome:?}"));
            }
            *(if *name == "CTLFile.tlv" { &mut self.ctl } else { &mut self.itl }) = Some(new);
        }
        None
    }

    fn decide(&self, site: &Site, members: &[usize], new: &[u8]) -> (Outcome, &'static str) {
        let (ctl, itl) = (self.ctl.as_deref().map(List::read), self.itl.as_deref().map(List::read));
        let new = List::read(new);
        let (serial, issuer) = new.signer();
        let servers = members.iter().map(|node| {
            let roles = node_tvs::roles(site.folder(*node), site.folder(0), issuer, serial);
            Server {
                shows: lists::sha1(&site.der(*node, "tvs")),
                says: roles.map_or(Says::Invalid, Says::Valid),
            }
        });
        let tvs = Tvs::Asked { query: true, servers: servers.collect() };
        // A class without lists becomes one that holds them.
        let (class, itl) = match (self.class, &itl) {
            (Class::NoListYet, None) if ctl.is_none() => (Class::NoListYet, Itl::None),
            (Class::NoListYet, _) => (Class::SecurityByDefault, itl.as_ref().map_or(Itl::None, Itl::Shown)),
            (class, itl) => (class, itl.as_ref().map_or(Itl::None, Itl::Shown)),
        };
        decide(class, ctl.as_ref(), itl, &new, &tvs)
    }

    /// Whether it can register with its node over TLS, renew its LSC, and authenticate configuration files and TVS.
    #[track_caller]
    pub fn assert_reaches(&self, site: &Site) {
        let ctl = lists::List::read(self.ctl.as_ref().unwrap()).unwrap();
        let holds = |list: &lists::List, function: u16, der: &[u8]| {
            let is_it = |record: &Vec<_>| {
                lists::function(record) == Some(function)
                    && (lists::value(record, 9) == Some(der)
                        || lists::value(record, 11) == Some(&lists::sha1(der)[..]))
            };
            list.records.iter().any(is_it)
        };
        let at = format!("{:?} at node {}", self.class, self.node);
        assert!(holds(&ctl, CCM_TFTP, &site.der(self.node, "publisher")), "{at}: its CallManager");
        assert!(holds(&ctl, CAPF, &site.der(0, "capf")), "{at}: CAPF");
        if let Some(itl) = self.itl.as_ref().and_then(|itl| lists::List::read(itl)) {
            assert!(holds(&itl, CCM_TFTP, &site.der(self.node, "publisher")), "{at}: its ITL");
            assert!(holds(&itl, lists::TVS, &site.der(self.node, "tvs")), "{at}: its TVS");
        }
    }
}

/// Whether every phone can work.
#[track_caller]
pub fn assert_all_reach(site: &Site, phones: &[Phone]) {
    phones.iter().for_each(|phone| phone.assert_reaches(site));
}
