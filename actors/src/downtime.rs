//! How long a document stays down whose room fails too often: one poisonous document must not restart the node.

use std::time::Duration;

use tokio::time::Instant;

use crate::intensity::{Allowed, Intensity};

/// A room may fail so often before its document is down.
pub const ROOM_RESTARTS: Allowed = Allowed { restarts: 5, within: Duration::from_secs(10) };

/// The first time that a document stays down; doubles up to [`DOWN_MAX`].
pub const DOWN_FIRST: Duration = Duration::from_secs(30);

/// The longest time that a document stays down.
pub const DOWN_MAX: Duration = Duration::from_secs(600);

/// One document's failures.
#[derive(Debug)]
pub struct Downtime {
    intensity: Intensity,
    until: Option<Instant>,
    next: Duration,
    /// When it failed last.
    failed: Option<Instant>,
}

impl Default for Downtime {
    fn default() -> Self {
        Self { intensity: Intensity::new(ROOM_RESTARTS), until: None, next: DOWN_FIRST, failed: None }
    }
}

impl Downtime {
    /// The room failed.
    pub fn failed(&mut self, now: Instant) {
        self.failed = Some(now);
        if !self.intensity.may_restart(now) {
            self.until = Some(now + self.next);
            self.next = (self.next * 2).min(DOWN_MAX);
        }
    }

    /// Whether the document is down.
    #[must_use]
    pub fn is_down(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Whether all is forgiven: it may be forgotten.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        match self.until {
            Some(until) => now > until + DOWN_MAX,
            None => self.failed.is_none_or(|failed| now > failed + ROOM_RESTARTS.within),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_fails_too_often_is_down_ever_longer() {
        let mut now = Instant::now();
        let mut downtime = Downtime::default();
        for _ in 0..ROOM_RESTARTS.restarts {
            downtime.failed(now);
            assert!(!downtime.is_down(now));
        }
        downtime.failed(now);
        assert!(downtime.is_down(now) && !downtime.is_down(now + DOWN_FIRST));
        now += DOWN_FIRST;
        for _ in 0..=ROOM_RESTARTS.restarts {
            downtime.failed(now);
        }
        assert!(downtime.is_down(now + DOWN_FIRST), "the second time is twice as long");
    }

    #[test]
    fn failures_are_remembered_while_they_may_add_up() {
        let now = Instant::now();
        let mut downtime = Downtime::default();
        assert!(downtime.is_over(now));
        downtime.failed(now);
        assert!(!downtime.is_over(now) && !downtime.is_over(now + ROOM_RESTARTS.within));
        assert!(downtime.is_over(now + ROOM_RESTARTS.within + Duration::from_millis(1)));
        for _ in 0..=ROOM_RESTARTS.restarts {
            downtime.failed(now);
        }
        assert!(!downtime.is_over(now + DOWN_FIRST + DOWN_MAX));
    }
}
