//! A message that holds budget must go on arriving, at a least rate. Pure: the clock is passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::socket::Socket;

/// The least rate of a message that holds budget, in bytes a second, beyond the time that it may stand still: whoever
/// drips must not hold a node's budget for long.
pub const LEAST_RATE: u32 = 4 * 1024;

/// Watches over the messages that one socket is receiving.
///
/// A message may take `within`, and for its bytes as long as [`LEAST_RATE`] takes.
/// Only the peer's own standing still counts: neither the wait for the budget nor a time in which it is not read.
#[derive(Debug)]
pub struct Standstill {
    /// In seconds.
    within: u32,
    /// Since when budget is held, and what was received until then.
    since: Option<(Instant, u64)>,
    /// Since when it is not read: that time is not its sender's.
    unread: Option<Instant>,
    received: u64,
}

impl Standstill {
    /// Allows a message that holds budget to bring nothing for `within` at most.
    #[must_use]
    pub fn new(within: Duration) -> Self {
        let within = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        Self { within, since: None, unread: None, received: 0 }
    }

    /// Looks at the socket; `reading` says whether it is being polled for messages.
    pub fn look<S>(&mut self, socket: &Socket<S>, reading: bool, now: Instant) {
        self.note(socket.received(), socket.reserved() > 0, reading && !socket.is_waiting(), now);
    }

    /// When the sender was too slow, if it sends nothing more; `None` while no message holds budget.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let (since, before) = self.since.filter(|_| self.unread.is_none())?;
        let seconds = (self.received - before) / u64::from(LEAST_RATE);
        Some(since + Duration::from_secs(u64::from(self.within) + seconds))
    }

    /// Whether that is so at `now`, as of the last look.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn note(&mut self, received: u64, holds: bool, reading: bool, now: Instant) {
        self.received = received;
        let unread = self.unread.take().map_or(Duration::ZERO, |unread| now.saturating_duration_since(unread));
        if holds {
            self.since.get_or_insert((now, received)).0 += unread;
            self.unread = (!reading).then_some(now);
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
        watch.note(100, true, true, now);
        watch.note(100, true, true, now + 9 * SECOND);
        assert!(!watch.is_over(now + 9 * SECOND));
        assert!(watch.is_over(now + 10 * SECOND));
        assert_eq!(watch.deadline(), Some(now + 10 * SECOND));
    }

    #[test]
    fn bytes_earn_time_at_the_least_rate_and_a_drip_earns_none() {
        let (mut watch, now) = (Standstill::new(10 * SECOND), Instant::now());
        watch.note(100, true, true, now);
        watch.note(101, true, true, now + 9 * SECOND);
        assert!(watch.is_over(now + 10 * SECOND));
        watch.note(100 + 5 * u64::from(LEAST_RATE), true, true, now + 9 * SECOND);
        assert!(!watch.is_over(now + 14 * SECOND));
        assert!(watch.is_over(now + 15 * SECOND));
    }

    #[test]
    fn the_time_in_which_it_is_not_read_is_not_its_senders() {
        let (mut watch, now) = (Standstill::new(10 * SECOND), Instant::now());
        watch.note(100, true, true, now);
        watch.note(100, true, false, now + 9 * SECOND);
        assert_eq!(watch.deadline(), None);
        watch.note(100, true, true, now + 60 * SECOND);
        assert_eq!(watch.deadline(), Some(now + 61 * SECOND), "the time before counts");
        watch.note(100, false, true, now + 60 * SECOND);
        assert_eq!(watch.deadline(), None, "what holds nothing may stand still for ever");
    }
}
