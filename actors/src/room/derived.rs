//! When an editor is asked for deletions that only viewers sent. Pure.
//!
//! Concurrent map writes put deletions into every client's delete set that no edit carried. Nobody sends them before a
//! handshake, so a viewer that repeats them would wait without end: an editor is asked, who has derived them too.

use std::time::Duration;

use tokio::time::Instant;

/// The least time between two such questions: a viewer that invents deletions must not keep editors busy.
pub const ASKED_APART: Duration = Duration::from_secs(10);

/// Whether somebody is to be asked, and when.
#[derive(Debug, Default)]
pub struct Derived {
    due: Option<Instant>,
    asked: Option<Instant>,
}

impl Derived {
    /// A viewer sent deletions that the document lacks.
    pub fn want(&mut self, now: Instant) {
        self.due.get_or_insert(self.asked.map_or(now, |asked| now.max(asked + ASKED_APART)));
    }

    /// When the next question is due.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether to ask now; then it is taken as done.
    pub fn take(&mut self, now: Instant) -> bool {
        let due = self.due.take_if(|due| *due <= now).is_some();
        if due {
            self.asked = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_goes_at_once_and_the_next_not_before_its_time() {
        let now = Instant::now();
        let mut derived = Derived::default();
        assert!(!derived.take(now), "nobody wants anything");
        derived.want(now);
        assert!(derived.take(now));
        assert!(!derived.take(now), "it was asked");
        derived.want(now + Duration::from_secs(1));
        assert_eq!(derived.due(), Some(now + ASKED_APART));
        assert!(!derived.take(now + Duration::from_secs(1)));
        assert!(derived.take(now + ASKED_APART));
    }
}
