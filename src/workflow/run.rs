//! The whole revert of a cluster as steps: in which order, what each does, and which of them a journal says are done.

use super::journal::{Event, FileFingerprint, VerifiedJournal};

/// One step of `revert --node`; what each does stands below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunStep {
    Preflight,
    Keep,
    Trust,
    Vouch,
    Bridge,
    Cross,
    Hold,
    Sign,
    Delete,
    Publish,
    Restart,
    Verify,
}

impl RunStep {
    /// The steps of a run, in their order.
    pub fn all(bridge: bool) -> Vec<RunStep> {
        use RunStep as S;
        let mut steps = vec![S::Preflight, S::Keep, S::Trust, S::Vouch];
        if bridge {
            steps.extend([S::Bridge, S::Cross, S::Hold]);
        }
        steps.extend([S::Sign, S::Delete, S::Publish, S::Restart, S::Verify]);
        steps
    }

    /// The name that the journal has; what the step will do, before it does it; and in which state the cluster is when the
    /// step did not come to its end.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        const AS_IT_WAS: &str = "the cluster is as it was";
        const NO_HARM: &str = "the cluster is as it was; certificates in Phone-SAST-trust do no harm";
        const TOKENLESS: &str =
            "the CTL is tokenless and signed by a key that phones know; some nodes may not serve it yet";
        match self {
            RunStep::Preflight => {
                ("preflight", "look at every node, the tokens and TVS; nothing is changed", AS_IT_WAS)
            }
            RunStep::Keep => ("keep", "keep the CTL in force", AS_IT_WAS),
            RunStep::Trust => ("trust", "put the tokens' certificates into Phone-SAST-trust", NO_HARM),
            RunStep::Vouch => ("vouch", "ask TVS of every node as a phone would", NO_HARM),
            RunStep::Bridge => (
                "bridge",
                "run `utils ctl update CTLFile`: the publisher takes the tokens into its tokenless CTL",
                TOKENLESS,
            ),
            RunStep::Cross => {
                ("cross", "restart the services, and look whether every node serves that CTL", TOKENLESS)
            }
            RunStep::Hold => (
                "hold",
                "wait until every phone holds that CTL",
                "every node serves the tokenless CTL that names the tokens; nothing is signed, and phones that have not \
                 loaded it keep the CTL that they hold, which works as before",
            ),
            RunStep::Sign => (
                "sign",
                "plan the new CTL and sign it on the token",
                "the new CTL is not on the cluster; the CTL in force still is",
            ),
            RunStep::Delete => (
                "delete",
                "delete the CTL in force on the publisher",
                "the publisher may serve no CTL; phones keep the one that they hold",
            ),
            RunStep::Publish => (
                "publish",
                "put the new CTL where phones fetch it, on every node",
                "some nodes may serve the old CTL or none; phones keep the one that they hold",
            ),
            RunStep::Restart => (
                "restart",
                "restart Cisco Tftp, then Cisco CallManager, on the nodes that run them",
                "the new CTL lies on every node; some services may not serve it yet",
            ),
            RunStep::Verify => (
                "verify",
                "see that every node shows and serves the new CTL",
                "the new CTL was put on every node, and one of them does not show it",
            ),
        }
    }

    /// The name that the journal has.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What it will do, before it does it.
    pub fn says(self) -> &'static str {
        self.words().1
    }

    /// In which state the cluster is when this step did not come to its end.
    pub fn state_when_stopped(self) -> &'static str {
        self.words().2
    }

    /// What the operator is asked before the step: whatever changes the cluster needs a yes.
    pub fn question(self) -> Option<&'static str> {
        match self {
            RunStep::Trust => {
                Some("The tokens' certificates go into Phone-SAST-trust of the publisher now. Go on?")
            }
            RunStep::Bridge => Some("The publisher writes its CTL again now, with the tokens in it. Go on?"),
            RunStep::Cross => Some(
                "Cisco Tftp, then Cisco CallManager are restarted on every node now, so that it serves that CTL; this may cut \
                 off calls. Go on?",
            ),
            RunStep::Delete => Some(
                "The new CTL goes to every node now: the old one is deleted on the publisher, and Cisco Tftp and \
                 CallManager are restarted, which may cut off calls. Go on?",
            ),
            // Signing and what phones hold have questions of their own; what follows a deletion belongs to it.
            _ => None,
        }
    }

    /// Whether the way back undoes it: it puts another CTL on the nodes, or makes them serve it.
    pub fn is_undone_on_the_way_back(self) -> bool {
        use RunStep as S;
        matches!(self, S::Bridge | S::Cross | S::Hold | S::Delete | S::Publish | S::Restart | S::Verify)
    }
}

/// What a journal says of a run that was cut off.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: Vec<String>,
    /// The CTL that was in force when the run began.
    pub in_force: Option<FileFingerprint>,
    /// The tokenless CTL with the tokens in it, as the publisher wrote it.
    pub bridge: Option<FileFingerprint>,
    /// The CTL that the run signed.
    pub signed: Option<FileFingerprint>,
    /// The tokens, by their certificates, that the cluster was asked to trust; `None` before it was.
    pub tokens: Option<String>,
    /// Of which node, and in which folder.
    pub run: Option<String>,
    /// Whether the way back was begun.
    pub takes_back: bool,
}

impl Progress {
    /// The journal's line behind which the run goes back, and the name of the way back.
    pub const BACK: &str = "rollback";
    /// The role of the bridge among the journal's files.
    pub const BRIDGE: &str = "bridge";
    /// The journal's line behind which the run goes on.
    pub const ON: &str = "resume";
    /// The journal's line that says of which node, and in which folder.
    pub const RUN: &str = "run";
    /// The journal's line that says which tokens the cluster is asked to trust.
    pub const TOKENS: &str = "tokens";

    /// Out of a journal.
    pub fn of(journal: &VerifiedJournal) -> Self {
        let mut progress = Progress::default();
        for line in journal.lines() {
            match &line.event {
                Event::Step { name, done: Some(true), .. } => progress.done.push(name.clone()),
                Event::Step { name, says, .. } if name == Self::RUN => progress.run = Some(says.clone()),
                Event::Step { name, done: None, .. } if name == Self::BACK => progress.go_back(),
                Event::Step { name, done: None, .. } if name == Self::ON => progress.go_on(),
                Event::Step { name, says, .. } if name == Self::TOKENS => {
                    progress.tokens = Some(says.clone())
                }
                // The first one; a bridge is signed upon later.
                Event::Input { role, file, .. } if role == "in force" && progress.in_force.is_none() => {
                    progress.in_force = Some(file.clone());
                }
                Event::Input { role, file, .. } if role == Self::BRIDGE => {
                    progress.bridge = Some(file.clone())
                }
                Event::Output { file, .. } => progress.signed = Some(file.clone()),
                _ => {}
            }
        }
        progress
    }

    /// Forgets which steps are done, and keeps the files: for the way back.
    #[must_use]
    pub fn files_alone(self) -> Self {
        Progress { done: vec![], ..self }
    }

    /// Whether a step, or a part of one (`publish 10.1.2.3`), is done.
    pub fn is_done(&self, name: &str) -> bool {
        self.done.iter().any(|d| d == name)
    }

    /// It is done now.
    pub fn mark(&mut self, name: &str) {
        self.done.push(name.to_owned());
    }

    /// The way back begins, or goes on: what it undoes is not done any more.
    pub fn go_back(&mut self) {
        self.takes_back = true;
        let undone = |name: &str| {
            RunStep::all(true).into_iter().any(|step| step.is_undone_on_the_way_back() && step.name() == name)
        };
        self.done.retain(|done| !undone(step_of(done)));
    }

    /// The run goes on: what the way back did, if it was gone, is not done any more.
    pub fn go_on(&mut self) {
        self.done.retain(|done| step_of(done) != Self::BACK);
    }
}

/// The step that a part belongs to: `publish` of `publish 10.1.2.3`.
fn step_of(part: &str) -> &str {
    part.split_once(' ').map_or(part, |(step, _)| step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::journal::Journal;

    #[test]
    fn every_step_says_what_it_does_and_what_it_leaves() {
        for bridge in [false, true] {
            let steps = RunStep::all(bridge);
            let texts = |of: &dyn Fn(RunStep) -> &'static str| {
                let mut texts: Vec<_> = steps.iter().map(|step| of(*step)).collect();
                assert!(texts.iter().all(|text| text.split(' ').count() > 2), "{texts:?}");
                texts.sort_unstable();
                texts.dedup();
                texts.len()
            };
            assert_eq!(texts(&RunStep::says), steps.len(), "no two do the same");
            assert!(texts(&RunStep::state_when_stopped) > 2);
            let asked: Vec<_> = steps.iter().filter_map(|step| step.question()).collect();
            assert!(
                asked.len() >= 2 && asked.iter().all(|question| question.ends_with("Go on?")),
                "{asked:?}"
            );
        }
    }

    #[test]
    fn a_run_goes_on_where_its_journal_ends() {
        let dir = tempfile::tempdir().unwrap();
        let time = "2026-11-21T08:18:43Z";
        let mut journal = Journal::create(dir.path(), "revert", time).unwrap();
        let text = || "x".to_owned();
        let seal = |name: &str| FileFingerprint::of(name, name.as_bytes());
        let input =
            |role: &str, name: &str| Event::Input { role: role.to_owned(), out: None, file: seal(name) };
        let step = |name: &str, done| Event::Step { name: name.to_owned(), says: String::new(), done };
        for event in [
            Event::Start { version: text(), command: vec![], operator: text(), host: text() },
            input("configuration", "other"),
            input("in force", "first"),
            input("bridge", "first bridge"),
            input("bridge", "bridge"),
            input("in force", "signed upon"),
            step("tokens", None),
            step("sign", None),
            step("sign", Some(true)),
            step("publish", Some(false)),
            Event::Output { signed_by: text(), kept_old_as: None, file: seal("new") },
        ] {
            journal.add(time, event).unwrap();
        }
        let bytes = std::fs::read(journal.path()).unwrap();
        let progress = Progress::of(&VerifiedJournal::read_so_far(&bytes).unwrap());
        assert_eq!(progress.in_force.as_ref().unwrap().file, "first");
        assert_eq!(progress.bridge.as_ref().unwrap().file, "bridge", "the publisher may write it again");
        assert_eq!(progress.signed.as_ref().unwrap().file, "new");
        assert_eq!(progress.tokens.as_deref(), Some(""));
        assert_eq!(["sign", "publish", "delete"].map(|name| progress.is_done(name)), [true, false, false]);
        let mut back = progress.files_alone();
        assert!(!back.is_done("sign"));
        assert_eq!(back.in_force.as_ref().unwrap().file, "first");
        back.mark("publish");
        assert!(back.is_done("publish"));
    }

    #[test]
    fn the_way_on_and_the_way_back_undo_each_other() {
        let mut progress = Progress::default();
        let marks = ["keep", "sign", "cross a", "delete", "publish a", "restart Cisco Tftp a", "verify"];
        let back = ["rollback a", "rollback Cisco Tftp a"];
        marks.iter().for_each(|name| progress.mark(name));
        progress.go_on();
        assert!(marks.iter().all(|name| progress.is_done(name)), "nothing was undone yet");
        progress.go_back();
        let left: Vec<_> = marks.iter().filter(|name| progress.is_done(name)).collect();
        assert_eq!(left, [&"keep", &"sign"], "what lies on no node stays");
        back.iter().for_each(|name| progress.mark(name));
        progress.go_back();
        assert!(back.iter().all(|name| progress.is_done(name)), "a way back goes on where it was");
        progress.go_on();
        assert!(!back.iter().any(|name| progress.is_done(name)));
        assert!(progress.is_done("sign") && progress.takes_back);
    }
}
