//! How much a room has to do: decides whether a keeper tends it among others, or an actor of its own.

use std::time::Duration;

use tokio::time::Instant;

/// A document of so many bytes is large: some of what is asked of it takes long enough for others to notice.
pub const LARGE_DOCUMENT: u64 = 256 * 1024;

/// So many bytes that are told a room at once are worth an actor of its own.
pub const LARGE_MESSAGE: usize = 64 * 1024;

/// With so many members a message takes long enough for others to notice, however small it is.
pub const MANY_MEMBERS: usize = 250;

/// The time in which messages are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts what a room is told. Pure: the clock is passed in.
#[derive(Debug)]
pub struct Burden {
    window: Instant,
    messages: u64,
    told: Instant,
}

impl Burden {
    /// A room that was told nothing yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { window: now, messages: 0, told: now }
    }

    /// The room is told something.
    pub fn add(&mut self, now: Instant) {
        if now >= self.window + WINDOW {
            (self.window, self.messages) = (now, 0);
        }
        self.messages += 1;
        self.told = now;
    }

    /// Whether it was told more than `most` within this second.
    #[must_use]
    pub fn is_more_than(&self, most: u64, now: Instant) -> bool {
        self.messages > most && now < self.window + WINDOW
    }

    /// When it was told something last.
    #[must_use]
    pub fn told(&self) -> Instant {
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_the_second() {
        let start = Instant::now();
        let mut burden = Burden::new(start);
        for n in 0..5 {
            burden.add(start + Duration::from_millis(100 * n));
        }
        let now = burden.told();
        assert!(burden.is_more_than(4, now) && !burden.is_more_than(5, now));
        let later = start + Duration::from_millis(1_000);
        burden.add(later);
        assert!(burden.is_more_than(0, later) && !burden.is_more_than(1, later));
        assert!(!burden.is_more_than(0, later + WINDOW));
        assert_eq!(burden.told(), later);
    }
}
