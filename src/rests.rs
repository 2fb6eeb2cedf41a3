//! Rests: a thread that many sockets wake looks at them a millisecond later, and finds more to do at once.
//!
//! To sleep, to be woken and to ask the kernel what happened costs the same for one message as for ten. Network cards
//! moderate their interrupts for the same reason. A thread rests only while it has that much to read: the only edit never
//! waits, nor does a document that somebody opens, a message of the one after a message of the other.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use metrics::counter;
use tandem_wire::reads_of_this_thread;

/// What is counted in.
const WINDOW: Duration = Duration::from_millis(10);

/// A thread that goes to sleep so often in a window is woken over and over.
const BUSY: u32 = 5;

/// So many sockets are read in the time of a rest, or it is not worth its wait.
const GATHERED: u32 = 3;

/// Decides whether a thread rests before it sleeps. Pure: the clock is passed in.
#[derive(Debug)]
pub struct Rests {
    rest: Duration,
    since: Option<(Instant, u64)>,
    sleeps: u32,
    /// Whether the window before was a busy one: a burst, as when a document is loaded, is not made to wait.
    busy: bool,
}

impl Rests {
    /// For rests of so long; none are taken if it is nothing.
    #[must_use]
    pub fn new(rest: Duration) -> Self {
        Self { rest, since: None, sleeps: 0, busy: false }
    }

    /// The thread, which has read sockets so often ever, has nothing to do and is about to sleep until something happens.
    /// Whether to rest first.
    pub fn sleeps(&mut self, now: Instant, reads: u64) -> bool {
        let window = self.since.map(|(since, before)| (now.saturating_duration_since(since), reads - before));
        if window.is_none_or(|(passed, _)| passed >= WINDOW) {
            self.busy = self.sleeps >= BUSY && window.is_some_and(|(passed, reads)| self.gathers(passed, reads));
            self.since = Some((now, reads));
            self.sleeps = 0;
        }
        self.sleeps += 1;
        self.busy
    }

    /// Whether so many reads in the time that passed are enough in that of a rest.
    fn gathers(&self, passed: Duration, reads: u64) -> bool {
        let reads = u32::try_from(reads).unwrap_or(u32::MAX);
        passed < 2 * WINDOW && self.rest.saturating_mul(reads) >= GATHERED * passed
    }
}

/// Called by a worker of the runtime before it sleeps: rests for `rest` if that is worth it.
pub fn rest(rest: Duration) {
    thread_local! {
        static RESTS: RefCell<Option<Rests>> = const { RefCell::new(None) };
    }
    if rest.is_zero() {
        return;
    }
    let reads = reads_of_this_thread();
    let rests =
        RESTS.with_borrow_mut(|held| held.get_or_insert_with(|| Rests::new(rest)).sleeps(Instant::now(), reads));
    if rests {
        counter!("tandem_thread_rests_total").increment(1);
        thread::sleep(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// At which of a thousand wakes, `apart` from one another and each with so many reads, the thread rests first.
    fn first_rest(apart: Duration, reads: u64) -> Option<u32> {
        let (mut rests, start) = (Rests::new(MILLISECOND), Instant::now());
        (0..1_000).find(|wake| rests.sleeps(start + *wake * apart, u64::from(*wake) * reads))
    }

    #[test]
    fn who_is_woken_now_and_then_never_rests() {
        assert_eq!(first_rest(3 * MILLISECOND, 100), None);
    }

    #[test]
    fn who_gathers_too_little_never_rests() {
        assert_eq!(first_rest(MILLISECOND, 2), None);
        assert_eq!(first_rest(MILLISECOND / 2, 1), None);
    }

    #[test]
    fn who_is_woken_over_and_over_rests_until_it_ends() {
        assert_eq!(first_rest(MILLISECOND, 3), Some(10), "a window later");
        let (mut rests, start) = (Rests::new(MILLISECOND), Instant::now());
        let woken: Vec<bool> =
            (0..100).map(|wake| rests.sleeps(start + wake * MILLISECOND, u64::from(wake) * 3)).collect();
        assert!(woken[10..].iter().all(|rests| *rests));
        assert!(!rests.sleeps(start + 200 * MILLISECOND, 1_000), "it was quiet meanwhile");
    }
}
