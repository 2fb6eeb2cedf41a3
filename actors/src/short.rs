//! Numbers and times in half a word: each of very many rooms and sessions has them.

use std::time::Duration;

/// The number, or the highest that there is room for.
#[must_use]
pub fn number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A time in whole microseconds, of an hour and eleven minutes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Micros(u32);

impl Micros {
    /// The time.
    #[must_use]
    pub fn time(self) -> Duration {
        Duration::from_micros(self.0.into())
    }
}

impl From<Duration> for Micros {
    /// A longer time is the longest.
    fn from(time: Duration) -> Self {
        Self(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_the_most() {
        assert_eq!((number(7), number(1 << 40)), (7, u32::MAX));
        let most = Micros::from(Duration::from_secs(10_000)).time();
        assert_eq!((most.as_secs(), Micros::from(most).time()), (71 * 60 + 34, most));
        assert_eq!(Micros::from(Duration::from_nanos(33_333_333)).time(), Duration::from_micros(33_333));
    }
}
