//! How fast a session may send: a token bucket that paces by not reading, and counters that close a flood. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::short;

/// A token bucket: `burst` at once, `per_second` after that.
#[derive(Debug)]
pub struct Pace {
    tokens: f64,
    burst: u32,
    per_second: u32,
    filled: Instant,
}

impl Pace {
    /// A full bucket.
    #[must_use]
    pub fn new(per_second: u64, burst: u64, now: Instant) -> Self {
        let (per_second, burst) = (short::number(per_second.max(1)), short::number(burst));
        Self { tokens: burst.into(), burst, per_second, filled: now }
    }

    /// Spends for what was read already; the debt is waited off. Says whether there is one that was none before.
    pub fn spend(&mut self, frames: u32, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        let filled = (self.tokens + passed * f64::from(self.per_second)).min(self.burst.into());
        self.tokens = filled - f64::from(frames);
        self.filled = now;
        filled >= 0.0 && self.tokens < 0.0
    }

    /// Until when not to read; `None` if reading may go on.
    #[must_use]
    pub fn waits_until(&self) -> Option<Instant> {
        (self.tokens < 0.0).then(|| self.filled + Duration::from_secs_f64(-self.tokens / f64::from(self.per_second)))
    }
}

/// Counts what an honest client never sends often.
#[derive(Debug)]
pub struct Flood {
    per_second: u32,
    count: u32,
    second: Instant,
}

impl Flood {
    /// Allows so many a second.
    #[must_use]
    pub fn new(per_second: u64, now: Instant) -> Self {
        Self { per_second: short::number(per_second), count: 0, second: now }
    }

    /// Counts some more; says whether that is too many.
    pub fn is_too_much(&mut self, more: u32, now: Instant) -> bool {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(more);
        self.count > self.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_what_exceeds_it_is_waited_off() {
        let now = Instant::now();
        let mut pace = Pace::new(500, 5_000, now);
        assert!(!pace.spend(5_000, now));
        assert_eq!(pace.waits_until(), None);
        assert!(pace.spend(250, now));
        assert!(!pace.spend(250, now), "it is in debt already");
        assert_eq!(pace.waits_until(), Some(now + Duration::from_secs(1)));
        assert!(!pace.spend(1, now + Duration::from_secs(2)));
        assert_eq!(pace.waits_until(), None);
    }

    #[test]
    fn a_flood_is_counted_by_the_second() {
        let now = Instant::now();
        let mut flood = Flood::new(100, now);
        assert!(!flood.is_too_much(100, now));
        assert!(flood.is_too_much(1, now));
        assert!(!flood.is_too_much(100, now + Duration::from_secs(1)));
    }
}
