//! A message that holds budget must go on arriving, at a least rate. Pure: the clock is passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::socket::Socket;

/// The least rate of a message that holds budget, in bytes a second, beyond the time that it may stand still: whoever
/// drips must not hold a node's budget for long.
pub const LEAST_RATE: u32 = 16 * 1024;

/// Watches over the messages that one socket is receiving.
///
/// A message may take `within`, and for its bytes as long as [`LEAST_RATE`] takes.
/// Only the peer's own standing still counts: neither the wait for the budget nor a time in which it is not read.
#[derive(Debug)]
pub struct Standstill {
    within: Duration,
    /// Since when budget is held, and what was received until then.
    since: Option<(Instant, u64)>,
    received: u64,
}

impl Standstill {
    /// Allows a message that holds budget to bring nothing for `within` at most.
    #[must_use]
    pub fn new(within: Duration) -> Self {
        Self { within, since: None, received: 0 }
    }

    /// Looks at the socket; `reading` says whether it is being polled for messages.
    pub fn look<S>(&mut self, socket: &Socket<S>, reading: bool, now: Instant) {
        self.note(socket.received(), socket.reserved() > 0 && !socket.is_waiting() && reading, now);
    }

    /// When the sender was too slow, if it sends nothing more; `None` while no message holds budget.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let (since, before) = self.since?;
        let seconds = (self.received - before) / u64::from(LEAST_RATE);
        Some(since + self.within + Duration::from_secs(seconds))
    }

    /// Whether that is so at `now`, as of the last look.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn note(&mut self, received: u64, holds: bool, now: Instant) {
        self.received = received;
        if holds {
            self.since.get_or_insert((now, received));
        } else {
            self.since = None;
        }
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
    fn bytes_earn_time_at_the_least_rate_and_a_drip_earns_none() {
        let (mut watch, now) = (Standstill::new(10 * SECOND), Instant::now());
        watch.note(100, true, now);
        watch.note(101, true, now + 9 * SECOND);
        assert!(watch.is_over(now + 10 * SECOND));
        watch.note(100 + 5 * u64::from(LEAST_RATE), true, now + 9 * SECOND);
        assert!(!watch.is_over(now + 14 * SECOND));
        assert!(watch.is_over(now + 15 * SECOND));
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
