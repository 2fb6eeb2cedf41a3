//! Restart intensity: how often a child may fail before its supervisor gives up. ractor has none of its own.
//!
//! After Erlang/OTP's supervisors ("Design Principles", Maximum Restart Intensity).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// At most `restarts` within `within`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// How many.
    pub restarts: usize,
    /// In which time.
    pub within: Duration,
}

/// Remembers the restarts of one child.
#[derive(Debug)]
pub struct Intensity {
    allowed: Allowed,
    restarts: VecDeque<Instant>,
}

impl Intensity {
    /// Nothing restarted yet.
    #[must_use]
    pub fn new(allowed: Allowed) -> Self {
        Self { allowed, restarts: VecDeque::new() }
    }

    /// Notes a failure at `now`; says whether the child may be restarted.
    pub fn may_restart(&mut self, now: Instant) -> bool {
        while self.restarts.front().is_some_and(|&first| now.duration_since(first) > self.allowed.within) {
            self.restarts.pop_front();
        }
        if self.restarts.len() >= self.allowed.restarts {
            return false;
        }
        self.restarts.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_forgiven_with_time() {
        let start = Instant::now();
        let mut intensity = Intensity::new(Allowed { restarts: 2, within: Duration::from_secs(5) });
        assert!(intensity.may_restart(start));
        assert!(intensity.may_restart(start + Duration::from_secs(1)));
        assert!(!intensity.may_restart(start + Duration::from_secs(2)));
        assert!(intensity.may_restart(start + Duration::from_millis(5500)));
    }
}
