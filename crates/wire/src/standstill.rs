//! A message that holds budget must go on arriving. Pure: the clock is passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::socket::Socket;

/// Watches over the messages that one socket is receiving.
///
/// Only the peer's own standing still counts: neither the wait for the budget nor a time in which it is not read.
#[derive(Debug)]
pub struct Standstill {
    within: Duration,
    received: u64,
    since: Option<Instant>,
}

impl Standstill {
    /// Allows a message that holds budget to bring nothing for less than `within`.
    #[must_use]
    pub fn new(within: Duration) -> Self {
        Self { within, received: 0, since: None }
    }

    /// Looks at the socket; `reading` says whether it is being polled for messages.
    pub fn look<S>(&mut self, socket: &Socket<S>, reading: bool, now: Instant) {
        self.note(socket.received(), socket.reserved() > 0 && !socket.is_waiting() && reading, now);
    }

    /// When the sender has stood still for too long, if it sends nothing more; `None` while no message holds budget.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + self.within)
    }

    /// Whether that is so at `now`, as of the last look.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn note(&mut self, received: u64, holds: bool, now: Instant) {
        if !holds {
            self.since = None;
        } else if self.since.is_none() || received != self.received {
            self.since = Some(now);
        }
        self.received = received;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_message_that_holds_budget_and_brings_nothing_is_over_in_time() {
        let (mut watch, now) = (Standstill::new(10 * SECOND), Instant::now());
        watch.note(100, true, now);
        watch.note(100, true, now + 9 * SECOND);
        assert!(!watch.is_over(now + 9 * SECOND));
        assert!(watch.is_over(now + 10 * SECOND));
        assert_eq!(watch.deadline(), Some(now + 10 * SECOND));
    }

    #[test]
    fn every_byte_begins_the_time_again() {
        let (mut watch, now) = (Standstill::new(10 * SECOND), Instant::now());
        watch.note(100, true, now);
        watch.note(101, true, now + 9 * SECOND);
        assert!(!watch.is_over(now + 18 * SECOND));
        assert!(watch.is_over(now + 19 * SECOND));
    }

    #[test]
    fn what_holds_nothing_or_is_not_read_may_stand_still_for_ever() {
        let (mut watch, now) = (Standstill::new(10 * SECOND), Instant::now());
        watch.note(100, true, now);
        watch.note(100, false, now + 9 * SECOND);
        assert_eq!(watch.deadline(), None);
        watch.note(100, true, now + 60 * SECOND);
        assert!(!watch.is_over(now + 69 * SECOND), "the time before does not count");
        assert!(watch.is_over(now + 70 * SECOND));
    }
}
