//! The port that tells the time of day: it dates rows and ends tokens. Deadlines are kept on tokio's clock.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Tells the time of day.
pub trait WallClock: fmt::Debug + Send + Sync + 'static {
    /// The time of day now.
    fn now(&self) -> SystemTime;

    /// The time of day in milliseconds since the Unix epoch, 0 before it.
    fn now_ms(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The double: starts at a given time and goes with tokio's clock, so that a test which moves one moves both.
#[derive(Clone, Copy, Debug)]
pub struct MemoryClock {
    start: SystemTime,
    since: Instant,
}

impl MemoryClock {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn starting_at(start: SystemTime) -> Self {
        Self { start, since: Instant::now() }
    }
}

impl WallClock for MemoryClock {
    fn now(&self) -> SystemTime {
        self.start + self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_double_goes_with_tokios_clock() {
        let clock = MemoryClock::starting_at(UNIX_EPOCH + Duration::from_secs(5));
        assert_eq!(clock.now_ms(), 5_000);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(clock.now_ms(), 5_250);
    }
}
