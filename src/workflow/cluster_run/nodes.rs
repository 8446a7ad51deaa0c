//! Lists on nodes: put there, served after the restart of services, shown and served everywhere.

use super::folder::CTL;
use super::preflight::no_ctl;
use super::run::ClusterRun;
use super::step::{Part, Step};
use crate::cluster::shell::answers::ServiceState;
use crate::cluster::{
    AFTER_RESTART, NodeAddress, Publisher, SERVICES, restart, restart_order, shows_ctl, side_by_side,
};
use crate::trustlist::VerifiedList;
use crate::workflow::error::WorkError;
use crate::workflow::journal::Event;
use crate::workflow::operator::{Question, View};

impl<'a> ClusterRun<'a> {
    /// Puts a list on every node that does not have it yet, and waits until each serves it.
    pub(super) fn publish(&mut self, step: Step, list: &VerifiedList) -> Result<(), WorkError> {
        let publisher = self.publisher(list.list().bytes());
        let serves = |node: &NodeAddress| publisher.serves(node).unwrap_or(false);
        // Before a restart, a node may serve another list than the one on its disk.
        let md5 = publisher.md5();
        let mut has = side_by_side(&self.nodes, &self.connector, |node, connector| {
            let mut shown = || connector.open(node).ok()?.shown_ctl().ok();
            serves(node) && shown().is_some_and(|shown| shows_ctl(&shown, &md5).is_ok())
        })
        .into_iter();
        let nodes = self.nodes.clone();
        let mut connector = self.connector.clone();
        let (put, by_hand) = publisher.put::<WorkError>(&mut connector, &nodes, |node| {
            self.operator.check_interrupted()?;
            let part = Part::publish(node);
            if has.next() == Some(true) || self.state.is_done(step, Some(&part)) {
                return Ok(false);
            }
            self.record(Event::step(step, Some(part), "put", None))?;
            Ok(true)
        })?;
        self.connector = connector;
        let mut uploaded = false;
        if !by_hand.is_empty() {
            let path = if step == Step::Rollback {
                self.options.folder.old()
            } else {
                self.options.folder.new_ctl()
            };
            self.operator.show(&View::UploadFile { nodes: &by_hand, path: &path, name: CTL })?;
            // Only a person can say that a file was uploaded; otherwise this waits until the nodes serve it.
            uploaded = self.operator.can_ask() && self.operator.ask(&Question::Uploaded)?;
        }
        let put = put.into_iter().map(|node| (node, true, "put there and fetched again"));
        let by_hand = by_hand.into_iter().map(|node| (node, uploaded, "uploaded by hand, and fetched again"));
        for (node, is_there, says) in put.chain(by_hand) {
            // CUCM serves a new file after a restart of Cisco Tftp; other TFTP servers serve it at once.
            if is_there && !serves(&node) {
                let restarts = if step == Step::Publish { Step::Restart } else { step };
                self.restart(restarts, SERVICES[0], &node)?;
            }
            let limit = if is_there { AFTER_RESTART } else { self.options.upload_wait };
            publisher.wait::<WorkError>(&node, limit, || Ok(self.operator.check_interrupted()?))?;
            self.finish(step, Some(Part::publish(&node)), says)?;
        }
        Ok(())
    }

    /// Every service that was not restarted yet in this step.
    pub(super) fn restart_all(&mut self, step: Step) -> Result<(), WorkError> {
        let order = restart_order(step.services(self.state.services()), &self.nodes);
        let work = self.operator.long_work("Restarting services", Some(order.len()));
        for (service, node) in order {
            self.operator.check_interrupted()?;
            if !self.state.is_done(step, Some(&Part::restart(service, &node))) {
                self.restart(step, service, &node)?;
            }
            work.one_done();
        }
        Ok(())
    }

    pub(super) fn restart(
        &mut self,
        step: Step,
        service: &'static str,
        node: &NodeAddress,
    ) -> Result<(), WorkError> {
        let part = Part::restart(service, node);
        self.record(Event::step(step, Some(part.clone()), "restart", None))?;
        let state = restart(&mut self.connector, node, service)?;
        if state == ServiceState::Started {
            self.operator.show(&View::Text(&format!("{node}: {service} {state}")))?;
            return self.record(Event::step(step, Some(part), state.to_string(), Some(true)));
        }
        self.finish(step, Some(part), &state.to_string())
    }

    /// Every node shows and serves exactly this list; its MD5.
    pub(super) fn show_everywhere(&mut self, list: &VerifiedList) -> Result<String, WorkError> {
        let publisher = self.publisher(list.list().bytes());
        let md5 = publisher.md5();
        let shows = side_by_side(&self.nodes, &self.connector, |node, connector| {
            shows_ctl(&connector.open(node)?.shown_ctl()?, &md5).map_err(|what| no_ctl(node, what))?;
            let serves = publisher.serves(node)?;
            serves.then_some(()).ok_or_else(|| no_ctl(node, "shows the new CTL, but serves another"))
        });
        shows.into_iter().collect::<Result<Vec<()>, WorkError>>()?;
        Ok(md5)
    }

    pub(super) fn publisher<'b>(&self, bytes: &'b [u8]) -> Publisher<'b>
    where
        'a: 'b,
    {
        Publisher { folders: &self.options.tftp_folders, ports: self.options.ports, name: CTL, bytes }
    }

    pub(super) fn check_folders(&mut self) -> Result<(), WorkError> {
        Ok(self.publisher(&[]).check_folders(&self.nodes, &mut self.connector)?)
    }
}
