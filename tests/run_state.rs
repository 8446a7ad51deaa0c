//! A run on a cluster as a value: every step, cut at every point, resumed, rolled back and resumed again, without a node.

use std::collections::HashSet;
use std::rc::Rc;

use sastctl::cluster::NodeAddress;
use sastctl::workflow::cluster_run::{Part, RunKind, RunRefused, RunState, Step, StepName};
use sastctl::workflow::journal::{
    Event, FileFingerprint, Journal, Outcome, RunId, TokenCertificate, VerifiedJournal,
};

/// The CTLs of this test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ctl {
    Old,
    Bridge,
    New,
}

/// A CUCM node: the file in its TFTP folder, and the file that it serves, which changes only when Cisco Tftp is restarted.
#[derive(Debug, Clone)]
struct Node {
    address: NodeAddress,
    file: Option<Ctl>,
    serves: Option<Ctl>,
}

/// A cluster and the folder of a run: the state that remains after the process ends.
#[derive(Debug, Clone)]
struct World {
    nodes: Vec<Node>,
    bridge: bool,
    /// The lines of its journal, and of the journal before.
    journal: Vec<Rc<Event>>,
    earlier: Vec<Rc<Event>>,
    /// The effect of a finished step, until another step undoes it.
    finished: Vec<(&'static str, Option<String>)>,
    /// What the tokens signed.
    signatures: usize,
}

/// One process at work in the world.
struct Process<'w> {
    world: &'w mut World,
    state: RunState,
    /// The state before each line and each change: the process may end at each of these points.
    cuts: Option<&'w mut Vec<World>>,
}

fn id() -> RunId {
    RunId { node: "10.1.1.1".to_owned(), folder: "/run".to_owned(), kind: RunKind::Revert }
}

fn file(ctl: Ctl) -> FileFingerprint {
    let text = || format!("{ctl:?}");
    FileFingerprint { file: text(), bytes: 3, md5: text(), sha1: text(), sha256: text(), data: None }
}

fn end() -> Event {
    Event::End { outcome: Outcome::Done, says: String::new() }
}

/// The effects that a rollback undoes, and the effects of a rollback that a resume undoes.
const PUT_ON_NODES: [&str; 7] = ["bridge", "cross", "hold", "delete", "publish", "restart", "verify"];

impl World {
    fn new(nodes: usize, bridge: bool) -> Self {
        let node = |number: usize| Node {
            address: format!("10.1.1.{number}").parse().unwrap(),
            file: Some(Ctl::Old),
            serves: Some(Ctl::Old),
        };
        World {
            nodes: (1..=nodes).map(node).collect(),
            bridge,
            journal: vec![],
            earlier: vec![],
            finished: vec![],
            signatures: 0,
        }
    }

    fn kind(&self) -> RunKind {
        if self.bridge { RunKind::RevertByBridge } else { RunKind::Revert }
    }

    fn read(&self) -> RunState {
        RunState::of(self.journal.iter().map(Rc::as_ref))
    }

    /// One command: a new run, `--resume` or `--rollback`.
    fn command(&mut self, what: Command, cuts: Option<&mut Vec<World>>) -> Result<(), RunRefused> {
        let earlier = (!self.journal.is_empty()).then(|| self.read());
        let opening = match (what, &earlier) {
            (Command::Begin, earlier) => RunState::begin(earlier.as_ref(), id()),
            (Command::Resume, Some(run)) => run.resume(&id()),
            (Command::Rollback, Some(run)) => run.rollback(&id()),
            (_, None) => panic!("there is no run"),
        }?;
        let mut state = earlier.unwrap_or_default();
        if opening.new_journal {
            self.earlier = std::mem::take(&mut self.journal);
            self.finished.clear();
            state = RunState::default();
        }
        match what {
            Command::Begin => {}
            Command::Resume => self.finished.retain(|(step, _)| !["preflight", "rollback"].contains(step)),
            Command::Rollback => self.finished.retain(|(step, _)| !PUT_ON_NODES.contains(step)),
        }
        // The first lines are written before the folder names the journal: either both exist or neither.
        opening.events.iter().for_each(|event| state.apply(event));
        self.journal.extend(opening.events.into_iter().map(Rc::new));
        Process { world: self, state, cuts }.run();
        Ok(())
    }

    /// The state that the next process finds.
    fn left(&self) -> String {
        format!("{:?}", (self.read(), &self.nodes))
    }

    fn all_serve(&self, ctl: Ctl) -> bool {
        self.nodes.iter().all(|node| (node.file, node.serves) == (Some(ctl), Some(ctl)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Command {
    Begin,
    Resume,
    Rollback,
}

impl Process<'_> {
    fn may_end_here(&mut self) {
        if let Some(cuts) = &mut self.cuts {
            cuts.push(self.world.clone());
        }
    }

    fn write(&mut self, event: Event) {
        self.may_end_here();
        if let Event::Step { name: StepName::Known(step), part, done: Some(true), .. } = &event {
            let what = (step.name(), part.as_ref().map(Part::to_string));
            assert!(!self.world.finished.contains(&what), "{what:?} is done twice");
            self.world.finished.push(what);
        }
        self.state.apply(&event);
        self.world.journal.push(Rc::new(event));
        if self.cuts.is_some() {
            assert_eq!(self.state, self.world.read(), "after {:?}", self.world.journal.last());
        }
    }

    fn run(&mut self) {
        let nodes: Vec<_> = self.world.nodes.iter().map(|node| node.address.clone()).collect();
        let mut begun = None;
        while let Some((step, part)) = self.state.next(self.world.kind(), &nodes) {
            if begun != Some(step) {
                self.write(Event::step(step, None, "", None));
                begun = Some(step);
            }
            match part {
                Some(part) => self.part(step, part),
                None => {
                    self.step(step);
                    self.write(Event::step(step, None, "", Some(true)));
                }
            }
        }
        self.write(end());
    }

    /// The work of a step without parts, or the rest of a step after its parts.
    fn step(&mut self, step: Step) {
        self.may_end_here();
        match step.name() {
            "keep" => self.write(Event::input("in force", None, file(Ctl::Old))),
            "trust" if self.state.tokens.is_none() => {
                let token = TokenCertificate { name: "A".to_owned(), certificate_sha256: "5d".to_owned() };
                self.write(Event::Tokens { certificates: vec![token] });
            }
            "bridge" => self.world.nodes.iter_mut().for_each(|node| node.file = Some(Ctl::Bridge)),
            "cross" => {
                assert!(self.world.all_serve(Ctl::Bridge));
                self.write(Event::input("bridge", None, file(Ctl::Bridge)));
            }
            "hold" => assert!(self.world.all_serve(Ctl::Bridge) && self.state.bridge.is_some()),
            "sign" if self.state.signed.is_none() => {
                let wanted = if self.world.bridge { Ctl::Bridge } else { Ctl::Old };
                assert!(self.world.all_serve(wanted), "phones hold what the run signs upon");
                self.write(Event::Output {
                    signed_by: String::new(),
                    kept_old_as: None,
                    file: file(Ctl::New),
                });
                self.world.signatures += 1;
            }
            "delete" => (self.world.nodes[0].file, self.world.nodes[0].serves) = (None, None),
            "verify" => assert!(self.world.all_serve(Ctl::New)),
            "rollback" => assert!(self.world.all_serve(Ctl::Old)),
            "preflight" | "trust" | "vouch" | "sign" | "publish" | "restart" => {}
            other => panic!("no such step: {other}"),
        }
    }

    fn part(&mut self, step: Step, part: Part) {
        self.write(Event::step(step, Some(part.clone()), "", None));
        self.may_end_here();
        let of = |node: &Node| node.address.to_string() == part.node;
        let node = self.world.nodes.iter_mut().find(|node| of(node)).unwrap();
        match part.service.as_deref() {
            Some("Cisco Tftp") => node.serves = node.file,
            Some(_) => {}
            None => {
                let ctl = if step.name() == "rollback" { Ctl::Old } else { Ctl::New };
                node.file = Some(ctl);
                if node.serves != Some(ctl) {
                    // One of the next restarts is done early.
                    let by = if step.name() == "rollback" { Step::Rollback } else { Step::Restart };
                    let restart = Part::restart("Cisco Tftp", &node.address);
                    if !self.state.is_done(by, Some(&restart)) {
                        self.part(by, restart);
                    }
                    let node = self.world.nodes.iter().find(|node| of(node)).unwrap();
                    assert_eq!(node.serves, Some(ctl), "{part} has to be restarted for it");
                }
            }
        }
        self.write(Event::step(step, Some(part), "", Some(true)));
    }
}

/// The state at the end of a command, and all states if it ended earlier.
fn whole_and_cut(before: &World, what: Command) -> (World, Vec<World>) {
    let (mut world, mut cuts) = (before.clone(), vec![]);
    world.command(what, Some(&mut cuts)).unwrap();
    (world, cuts)
}

/// Continues the run to its end: forward, or back if a rollback is possible.
fn to_the_end(mut world: World, what: Command) {
    let is_back = what == Command::Rollback;
    if is_back && world.read().in_force.is_none() {
        assert!(world.all_serve(Ctl::Old));
        assert_eq!(world.command(what, None), Err(RunRefused::NothingKept));
        return;
    }
    world.command(what, None).unwrap();
    assert!(world.all_serve(if is_back { Ctl::Old } else { Ctl::New }), "{world:?}");
    assert!(world.signatures <= 1, "what is signed is not signed again");
}

fn worlds() -> impl Iterator<Item = World> {
    [(1, false), (1, true), (3, false), (3, true)]
        .into_iter()
        .map(|(nodes, bridge)| World::new(nodes, bridge))
}

#[test]
fn a_run_does_its_steps_in_order_and_no_step_twice() {
    for world in worlds() {
        let (world, _) = whole_and_cut(&world, Command::Begin);
        assert!(world.all_serve(Ctl::New));
        let steps: Vec<&str> =
            world.finished.iter().filter(|(_, part)| part.is_none()).map(|(step, _)| *step).collect();
        let mut all = vec!["preflight", "keep", "trust", "vouch", "bridge", "cross", "hold"];
        if !world.bridge {
            all.truncate(4);
        }
        all.extend(["sign", "delete", "publish", "restart", "verify"]);
        assert_eq!(steps, all);
    }
}

#[test]
fn a_run_interrupted_anywhere_can_be_resumed_and_rolled_back() {
    for world in worlds() {
        for cut in whole_and_cut(&world, Command::Begin).1 {
            to_the_end(cut.clone(), Command::Resume);
            to_the_end(cut, Command::Rollback);
        }
    }
}

/// A resume undoes a rollback and a rollback undoes a resume, wherever both were interrupted.
#[test]
fn a_resume_or_rollback_interrupted_anywhere_can_be_resumed_and_rolled_back() {
    for world in worlds() {
        // Most cuts leave the same state as another cut.
        let (mut first, mut second) = (HashSet::new(), HashSet::new());
        for cut in whole_and_cut(&world, Command::Begin).1 {
            if cut.read().in_force.is_none() || !first.insert(cut.left()) {
                continue;
            }
            for what in [Command::Resume, Command::Rollback] {
                for again in whole_and_cut(&cut, what).1 {
                    if second.insert(again.left()) {
                        to_the_end(again.clone(), Command::Resume);
                        to_the_end(again, Command::Rollback);
                    }
                }
            }
        }
    }
}

#[test]
fn a_rollback_undoes_what_was_put_on_the_nodes_and_a_resume_undoes_the_rollback() {
    let (whole, _) = whole_and_cut(&World::new(1, true), Command::Begin);
    let nodes = [whole.nodes[0].address.clone()];
    let undone = |state: &RunState| {
        let is_done = |step: &Step| state.is_done(*step, None);
        RunKind::RevertByBridge
            .steps()
            .into_iter()
            .filter(|step| !is_done(step))
            .map(Step::name)
            .collect::<Vec<_>>()
    };
    let (_, before_the_end) = whole.journal.split_last().unwrap();
    let mut state = RunState::of(before_the_end.iter().map(Rc::as_ref));
    assert_eq!(undone(&state), [""; 0]);
    state.apply(&state.rollback(&id()).unwrap().events[0].clone());
    assert_eq!(undone(&state), PUT_ON_NODES);
    let part = Part::publish(&nodes[0]);
    assert_eq!(state.next(RunKind::RevertByBridge, &nodes), Some((Step::Rollback, Some(part.clone()))));
    state.apply(&Event::step(Step::Rollback, Some(part.clone()), "", Some(true)));
    state.apply(&Event::Rollback);
    assert!(state.is_done(Step::Rollback, Some(&part)), "a rollback goes on where it was");
    state.apply(&Event::step(Step::Publish, Some(part.clone()), "", Some(false)));
    assert!(!state.is_done(Step::Publish, Some(&part)), "what failed is not done");
    state.apply(&state.resume(&id()).unwrap().events[0].clone());
    assert!(!state.is_done(Step::Rollback, Some(&part)));
    assert_eq!(state.next(RunKind::RevertByBridge, &nodes), Some((Step::Preflight, None)), "it looks again");
}

#[test]
fn a_completed_run_is_not_resumed_and_a_started_run_is_not_started_again() {
    let other = RunId { node: "10.9.9.9".to_owned(), ..id() };
    for world in worlds() {
        let (ended, cuts) = whole_and_cut(&world, Command::Begin);
        for mut cut in cuts {
            let state = cut.read();
            assert_eq!(state.resume(&other), Err(RunRefused::AnotherRun));
            assert_eq!(state.rollback(&other), Err(RunRefused::AnotherRun));
            let begun = cut.command(Command::Begin, None);
            let nothing_changed = state.tokens.is_none();
            assert_eq!(begun, if nothing_changed { Ok(()) } else { Err(RunRefused::NotEnded) });
        }
        assert_eq!(ended.read().resume(&id()), Err(RunRefused::Ended));
        assert!(RunState::begin(Some(&ended.read()), id()).is_ok_and(|opening| opening.new_journal));
        // The rollback of a completed run is a separate run: it cannot be resumed forward.
        let (back, cuts) = whole_and_cut(&ended, Command::Rollback);
        for mut cut in cuts {
            assert_eq!(cut.read().resume(&id()), Err(RunRefused::IsRolledBack));
            assert_eq!(cut.command(Command::Begin, None), Err(RunRefused::NotEnded));
            to_the_end(cut, Command::Rollback);
        }
        assert_eq!(back.earlier, ended.journal, "the journal of the run stays as it is");
        assert!(back.all_serve(Ctl::Old));
    }
}

/// Journals of earlier builds are read like those of today.
#[test]
fn journals_of_earlier_builds_are_read() {
    let nodes = ["10.1.1.1", "10.1.1.2"].map(|node| node.parse::<NodeAddress>().unwrap());
    let old = |name: &str, says: &str, done: Option<bool>| Event::Step {
        name: StepName::Other(name.to_owned()),
        part: None,
        says: says.to_owned(),
        done,
    };
    let known = |step: Step, done| Event::step(step, None, "", done);
    let input = Event::input("in force", None, file(Ctl::Old));
    let (a, b) = ("5d".repeat(32), "0c".repeat(32));
    let events = vec![
        old("run", "10.1.1.1 in /run", None),
        old("transcript", "/run/transcript.txt", None),
        known(Step::Preflight, Some(true)),
        input,
        known(Step::Backup, Some(true)),
        old("tokens", &format!("SAST-A (SHA-256 {a}) and SAST-B (SHA-256 {b})"), None),
        known(Step::Publish, None),
        old("publish 10.1.1.1", "put", None),
        old("restart Cisco Tftp 10.1.1.1", "started", Some(true)),
        old("publish 10.1.1.1", "put there", Some(true)),
    ];
    // As read from a file.
    let dir = tempfile::tempdir().unwrap();
    let text = || "x".to_owned();
    let mut journal = Journal::create(dir.path(), "revert-node", "2026-11-21T08:18:43Z").unwrap();
    let start =
        Event::Start { version: text(), command: vec![], operator: text(), host: text(), change: None };
    for event in [start].into_iter().chain(events) {
        journal.add_at("2026-11-21T08:18:43Z", event).unwrap();
    }
    let written = std::fs::read(journal.path()).unwrap();
    assert!(String::from_utf8_lossy(&written).contains("\"name\":\"restart Cisco Tftp 10.1.1.1\""));
    let read = VerifiedJournal::read_so_far(&written).unwrap();
    let state = RunState::of(read.lines().iter().map(|line| &line.event));
    assert_eq!(state.id, Some(id()));
    let tokens = state.tokens.clone().unwrap();
    assert_eq!(tokens.iter().map(|t| t.certificate_sha256.clone()).collect::<Vec<_>>(), [a, b]);
    assert_eq!(tokens[1].name, "SAST-B");
    assert_eq!(state.left(Step::Publish, &nodes), [Part::publish(&nodes[1])]);
    assert!(state.is_done(Step::Restart, Some(&Part::restart("Cisco Tftp", &nodes[0]))));
    // `resume` and `rollback` were steps without an end line.
    let mut state =
        RunState::of(read.lines().iter().map(|line| &line.event).chain([&known(Step::Rollback, None)]));
    assert!(matches!(state.next(RunKind::Revert, &nodes), Some((Step::Rollback, Some(_)))));
    assert_eq!(state.left(Step::Publish, &nodes).len(), 2);
    state.apply(&old("rollback Cisco CallManager 10.1.1.2", "started", Some(true)));
    assert!(state.is_done(Step::Rollback, Some(&Part::restart("Cisco CallManager", &nodes[1]))));
    state.apply(&old("resume", "10.1.1.1 in /run", None));
    assert_eq!(state.next(RunKind::Revert, &nodes), Some((Step::Preflight, None)));
}

fn part(node: &str) -> Part {
    Part { service: None, node: node.to_owned() }
}

#[test]
fn the_name_of_a_step_and_its_parts_are_read_as_they_are_written() {
    for step in RunKind::RevertByBridge.steps().into_iter().chain([Step::Rollback]) {
        for part in [None, Some(part("10.1.1.1"))] {
            let event = Event::step(step, part, "says", Some(true));
            let text = serde_json::to_string(&event).unwrap();
            assert!(text.contains(&format!("\"name\":\"{}\"", step.name())), "{text}");
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }
    }
    let text = serde_json::to_string(&Event::step(
        Step::Restart,
        Some(Part { service: Some("Cisco Tftp".to_owned()), ..part("10.1.1.1") }),
        "started",
        None,
    ));
    let part = r#""part":{"service":"Cisco Tftp","node":"10.1.1.1"}"#;
    assert!(text.unwrap().contains(part));
}
