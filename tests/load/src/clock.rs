//! Time since the start of the process, in nanoseconds.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Nanoseconds since the process began to measure.
pub type Nanos = u64;

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A second.
pub const SECOND: Nanos = 1_000_000_000;

/// Reads the clock.
pub fn now() -> Nanos {
    nanos(ORIGIN.elapsed())
}

/// A duration in nanoseconds; what does not fit (584 years) is the longest that does.
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds, as people give them, in nanoseconds.
pub fn seconds(seconds: f64) -> Nanos {
    nanos(Duration::from_secs_f64(seconds.max(0.0)))
}
