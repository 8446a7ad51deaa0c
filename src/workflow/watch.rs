//! Insertions and removals of tokens, as events: from PC/SC where there is a reader service, else by asking the module again
//! and again.

use std::time::{Duration, Instant};

use crate::reader::ReaderWatch;
use crate::token::{Module, Token, TokenContents, TokenError, Wait};

/// How often slots are asked where nothing tells of a change.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// How often the tokens in occupied slots are asked who they are, where the slots did not change.
const NAMES_EVERY: Duration = Duration::from_secs(1);
/// How often a change that PC/SC did not tell of is looked for.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(10);
/// How often a slot is asked while a token that was just inserted answers nothing yet.
const SETTLING_EVERY: Duration = Duration::from_millis(50);
/// Longest time in one wait for readers; each costs a few messages to pcscd.
const SLICE: Duration = Duration::from_secs(1);

/// A token came or went.
#[derive(Debug, Clone)]
pub struct TokenEvent {
    /// Whether it is there now, or was there.
    pub inserted: bool,
    /// The token and what is, or was, on it.
    pub contents: TokenContents,
}

/// The tokens of a module, watched.
pub struct TokenWatch {
    /// Tell of changes; without them the module is asked again and again.
    readers: Option<ReaderWatch>,
    present: Vec<TokenContents>,
    /// The slots that were occupied when the tokens' names were last read, and when that was.
    slots: Vec<u64>,
    named: Option<Instant>,
    looked: Option<Instant>,
    /// After a change that PC/SC reported: how long the module may still show the old state.
    settles_until: Option<Instant>,
}

impl TokenWatch {
    /// Looks at what is there now; only later changes are events.
    pub fn begin(module: &Module) -> Result<Self, TokenError> {
        let by_readers = module.profile().wait == Wait::Pcsc;
        let readers = by_readers.then(ReaderWatch::begin).and_then(|readers| {
            readers.inspect_err(|why| tracing::debug!("PC/SC is not watched: {why}")).ok()
        });
        // Waits for other processes of this program: a token that was there all along must not be reported as inserted.
        let present = module.contents();
        module.close_sessions();
        let (present, looked) = (present?, Some(Instant::now()));
        Ok(TokenWatch { readers, present, slots: vec![], named: None, looked, settles_until: None })
    }

    /// What is there, as of the last look.
    pub fn present(&self) -> &[TokenContents] {
        &self.present
    }

    /// Waits for changes, and no longer than `timeout`; empty when that is over.
    pub fn next(&mut self, module: &Module, timeout: Duration) -> Result<Vec<TokenEvent>, TokenError> {
        let end = Instant::now().checked_add(timeout);
        loop {
            let left = end.map_or(Duration::ZERO, |end| end.saturating_duration_since(Instant::now()));
            if self.must_look(left.min(SLICE)) {
                self.looked = Some(Instant::now());
                let events = match self.look(module) {
                    // Pulled while it was looked at, or not ready yet: the next look is due as before.
                    Err(e) if e.is_transient() => vec![],
                    now => now?.map(|now| self.replace(now)).unwrap_or_default(),
                };
                if !events.is_empty() {
                    self.settles_until = None;
                    return Ok(events);
                }
            }
            if left.is_zero() {
                return Ok(vec![]);
            }
        }
    }

    /// Tells of each change, until there were `count` or `end` is over; how many there were.
    pub fn tell<E: From<TokenError>>(
        &mut self,
        module: &Module,
        count: Option<u64>,
        end: Option<Instant>,
        mut tell: impl FnMut(&TokenEvent) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut seen = 0_u64;
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            for event in self.next(module, left.unwrap_or(Duration::from_secs(3600)))? {
                tell(&event)?;
                seen = seen.saturating_add(1);
                if count == Some(seen) {
                    return Ok(seen);
                }
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(seen);
            }
        }
    }

    /// Waits for a reason to look, and no longer than `longest`.
    fn must_look(&mut self, longest: Duration) -> bool {
        let since = self.looked.map_or(Duration::MAX, |at| at.elapsed());
        if settles(self.settles_until, Instant::now()) {
            std::thread::sleep(SETTLING_EVERY.min(longest));
            return true;
        }
        let Some(readers) = &mut self.readers else {
            std::thread::sleep(POLL_EVERY.saturating_sub(since).min(longest));
            return self.looked.is_none_or(|at| at.elapsed() >= POLL_EVERY);
        };
        match readers.wait(longest) {
            Ok(true) => self.settles_until = Instant::now().checked_add(SETTLES),
            Ok(false) => return since >= LOOK_ANYWAY_EVERY,
            Err(why) => {
                tracing::debug!("PC/SC is watched no more: {why}");
                self.readers = None;
            }
        }
        true
    }

    /// What is there now; `None` where it is what was there before, or where another process of ours talks to the tokens.
    ///
    /// Which slots are occupied is asked each time; who sits in them less often, for it is a call for each; the
    /// certificates are read only where a token came or went, or could not be read in full.
    fn look(&mut self, module: &Module) -> Result<Option<Vec<TokenContents>>, TokenError> {
        let occupied = |m: &Module| Ok(m.slots()?.into_iter().map(|slot| slot.id()).collect());
        let Some(slots) = module.if_free(occupied)? else { return Ok(None) };
        let settles = settles(self.settles_until, Instant::now());
        let due = self.named.is_none_or(|at| at.elapsed() >= NAMES_EVERY);
        if slots == self.slots && !due && !settles {
            return Ok(None);
        }
        let Some(tokens) = module.if_free(Module::tokens)? else { return Ok(None) };
        let known = self.present.iter().map(|contents| identity(&contents.token));
        let unreadable = self.present.iter().any(|contents| contents.read_error().is_some());
        let changed = unreadable || !known.eq(tokens.iter().map(identity));
        let contents = if changed { module.if_free(Module::contents_unlocked) } else { Ok(None) };
        // Tokens come and go while we wait: none keeps a session.
        module.close_sessions();
        let contents = contents?;
        if contents.is_some() || !changed {
            (self.slots, self.named) = (slots, Some(Instant::now()));
        }
        Ok(contents)
    }

    /// Updates the state to the tokens inserted now; returns the changes.
    fn replace(&mut self, now: Vec<TokenContents>) -> Vec<TokenEvent> {
        let same = |a: &TokenContents, b: &TokenContents| identity(&a.token) == identity(&b.token);
        let missing = |all: &[TokenContents], one: &TokenContents| !all.iter().any(|other| same(one, other));
        let event = |inserted, contents: &TokenContents| TokenEvent { inserted, contents: contents.clone() };
        let gone = self.present.iter().filter(|old| missing(&now, old)).map(|old| event(false, old));
        let come = now.iter().filter(|new| missing(&self.present, new)).map(|new| event(true, new));
        let events = gone.chain(come).collect();
        self.present = now;
        events
    }
}

/// The time limit for a module to see a token after its reader.
const SETTLES: Duration = Duration::from_millis(1500);

/// Whether the module may still show what was there before a change; until when, if a reader told of one.
pub fn settles(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| now < until)
}

/// What makes a token the same one. Its slot belongs to it: a token that was moved was taken out.
fn identity(token: &Token) -> (u64, &str, &str, &str) {
    (token.slot_id, &token.serial, &token.label, &token.reader)
}
