//! Readers by PC/SC: pcscd, or the service of Windows and macOS.

use std::time::Duration;

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};

use super::{Reader, ReaderError};

/// The readers and what is in them.
pub fn readers() -> Result<Vec<Reader>, ReaderError> {
    let context = Context::establish(Scope::User)?;
    let mut states = states(&context)?;
    if states.is_empty() {
        return Ok(vec![]);
    }
    look(&context, &mut states)?;
    Ok(states.iter().map(reader).collect())
}

/// Every state is unknown yet, so the call returns at once.
fn look(context: &Context, states: &mut [ReaderState]) -> Result<(), ReaderError> {
    match context.get_status_change(Duration::ZERO, states) {
        Ok(()) | Err(Error::Timeout) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn states(context: &Context) -> Result<Vec<ReaderState>, ReaderError> {
    match context.list_readers_owned() {
        Ok(names) => Ok(names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect()),
        Err(Error::NoReadersAvailable) => Ok(vec![]),
        Err(e) => Err(e.into()),
    }
}

fn reader(state: &ReaderState) -> Reader {
    let event = state.event_state();
    let present = event.contains(State::PRESENT);
    Reader {
        name: state.name().to_string_lossy().into_owned(),
        atr: present.then(|| crate::trustlist::digest::hex(state.atr(), "").to_uppercase()),
        mute: event.contains(State::MUTE),
        exclusive: event.contains(State::EXCLUSIVE),
    }
}

/// Waits until a reader or a card is inserted or removed, without polling.
pub struct ReaderWatch {
    context: Context,
    states: Vec<ReaderState>,
}

impl ReaderWatch {
    /// Starts to watch. Readers and cards that are already present are not reported. Fails if there is no service.
    pub fn begin() -> Result<Self, ReaderError> {
        let mut watch = ReaderWatch { context: Context::establish(Scope::User)?, states: vec![] };
        watch.list()?;
        Ok(watch)
    }

    /// Waits at most `timeout`; returns whether a reader or a card was inserted or removed.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, ReaderError> {
        let before: Vec<_> = self.states.iter().map(occupancy).collect();
        match self.context.get_status_change(timeout, &mut self.states) {
            Ok(()) => {}
            Err(Error::Timeout) => return Ok(false),
            // The list of readers is out of date.
            Err(Error::UnknownReader | Error::ReaderUnavailable) => {
                self.list()?;
                return Ok(true);
            }
            // pcscd was restarted.
            Err(Error::NoService | Error::ServiceStopped | Error::InvalidHandle) => {
                self.context = Context::establish(Scope::User)?;
                self.list()?;
                return Ok(true);
            }
            Err(e) => return Err(e.into()),
        }
        let pnp = |state: &&ReaderState| state.name() == PNP_NOTIFICATION();
        let plugged = self.states.iter().find(pnp).is_some_and(|s| s.event_state().contains(State::CHANGED));
        self.states.iter_mut().for_each(ReaderState::sync_current_state);
        if plugged || self.readers_changed()? {
            self.list()?;
            return Ok(true);
        }
        // Programs that use a card change its state, too: not an event.
        Ok(!self.states.iter().map(occupancy).eq(before))
    }

    fn list(&mut self) -> Result<(), ReaderError> {
        self.states = states(&self.context)?;
        self.states.push(ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE));
        look(&self.context, &mut self.states)?;
        self.states.iter_mut().for_each(ReaderState::sync_current_state);
        Ok(())
    }

    fn readers_changed(&self) -> Result<bool, ReaderError> {
        let now = states(&self.context)?;
        let known = self.states.iter().filter(|state| state.name() != PNP_NOTIFICATION());
        Ok(!known.map(ReaderState::name).eq(now.iter().map(ReaderState::name)))
    }
}

/// Whether a card is present, and how many were inserted and removed so far.
fn occupancy(state: &ReaderState) -> (bool, u32) {
    (state.event_state().contains(State::PRESENT), state.event_count())
}

impl From<Error> for ReaderError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoService | Error::ServiceStopped => ReaderError::NoService,
            Error::SecurityViolation | Error::NoAccess => ReaderError::NotAllowed,
            other => ReaderError::Failed(other.to_string()),
        }
    }
}
