//! Who sent a message that is too large: for a while what they lack is not asked for, since it may be the same again. Pure:
//! the clock is passed in.

use litemap::LiteMap;
use tandem_model::Subject;
use tokio::time::Instant;

/// The subjects, each until when.
#[derive(Debug)]
pub struct TooLarge(LiteMap<Subject, Mark>);

#[derive(Debug)]
struct Mark {
    until: Instant,
    /// The message ended its socket: its sender is asked for nothing when it comes back.
    oversized: bool,
}

impl Default for TooLarge {
    fn default() -> Self {
        Self(LiteMap::new_vec())
    }
}

impl TooLarge {
    /// Somebody sent one.
    pub fn note(&mut self, subject: Subject, oversized: bool, until: Instant) {
        let oversized = oversized || self.is_oversized(&subject);
        self.0.insert(subject, Mark { until, oversized });
    }

    /// Whether somebody did, not long before `now`.
    #[must_use]
    pub fn is_recent(&self, subject: &Subject, now: Instant) -> bool {
        self.0.get(subject).is_some_and(|mark| mark.until > now)
    }

    /// Whether one ended somebody's socket, as far as it is remembered.
    #[must_use]
    pub fn is_oversized(&self, subject: &Subject) -> bool {
        self.0.get(subject).is_some_and(|mark| mark.oversized)
    }

    /// Forgets those whose time is over.
    pub fn forget(&mut self, now: Instant) {
        self.0.retain(|_, mark| mark.until > now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_ended_a_socket_is_remembered_as_long_as_its_sender_is() {
        let (mut marks, now) = (TooLarge::default(), Instant::now());
        let (ann, bob) = (Subject::new("ann"), Subject::new("bob"));
        let later = |seconds| now + Duration::from_secs(seconds);
        marks.note(ann.clone(), true, later(10));
        marks.note(ann.clone(), false, later(20));
        marks.note(bob.clone(), false, later(20));
        assert!(marks.is_oversized(&ann) && !marks.is_oversized(&bob));
        assert!(marks.is_recent(&ann, later(19)) && !marks.is_recent(&ann, later(20)));
        marks.forget(later(19));
        assert!(marks.is_oversized(&ann));
        marks.forget(later(20));
        assert!(!marks.is_oversized(&ann) && !marks.is_recent(&bob, now));
    }
}
