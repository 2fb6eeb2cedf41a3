//! Gathering: what costs the same for one as for ten is done at once, unless it was done just before.
//!
//! To wake a session and write to its socket, or to commit, costs the same for one edit as for ten. So a busy room
//! gathers for a few milliseconds and wakes each reader once, and a busy journal commits once; the only edit never waits.

use std::time::Duration;

use tokio::time::Instant;

use crate::short::Micros;

/// Decides when it is done. Pure: the clock is passed in.
#[derive(Debug)]
pub struct Gathering {
    between: Micros,
    done: Option<Instant>,
    /// Whether there is something that it was not done for.
    posted: bool,
}

impl Gathering {
    /// Done at least `between` apart.
    #[must_use]
    pub fn new(between: Duration) -> Self {
        Self { between: between.into(), done: None, posted: false }
    }

    /// Changes how far apart.
    pub fn set_apart(&mut self, between: Duration) {
        self.between = between.into();
    }

    /// There is something to do it for.
    pub fn post(&mut self) {
        self.posted = true;
    }

    /// Whether to do it now; then it counts as done.
    pub fn take(&mut self, now: Instant) -> bool {
        if !self.posted || self.done.is_some_and(|done| now < done + self.between.time()) {
            return false;
        }
        self.posted = false;
        self.done = Some(now);
        true
    }

    /// When it is to be done for what is there; `None` if there is nothing. In the past means now.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.done.filter(|_| self.posted).map(|done| done + self.between.time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_edit_never_waits_and_those_of_a_busy_room_are_gathered() {
        let between = Duration::from_millis(8);
        let start = Instant::now();
        let mut gathering = Gathering::new(between);
        assert!(!gathering.take(start), "nothing is there");
        gathering.post();
        assert!(gathering.take(start));
        gathering.post();
        gathering.post();
        assert!(!gathering.take(start + Duration::from_millis(7)));
        assert_eq!(gathering.due(), Some(start + between));
        assert!(gathering.take(start + between));
        assert_eq!(gathering.due(), None);
        assert!(!gathering.take(start + 3 * between));
        gathering.post();
        assert!(gathering.take(start + 3 * between));
    }
}
