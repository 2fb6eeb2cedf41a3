//! Rests: a thread that is woken over and over looks at its sockets a millisecond later, and finds more to do at once.
//!
//! To sleep, to be woken and to ask the kernel what happened costs the same for one message as for ten. Network cards
//! moderate their interrupts for the same reason. A thread that has little to do never rests: the only edit never waits.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use metrics::counter;

/// What is counted in.
const WINDOW: Duration = Duration::from_millis(10);

/// A thread that goes to sleep so often in a window is woken over and over.
const BUSY: u32 = 5;

/// Decides whether a thread rests before it sleeps. Pure: the clock is passed in.
#[derive(Debug, Default)]
pub struct Rests {
    since: Option<Instant>,
    sleeps: u32,
    /// Whether the window before was a busy one: a burst, as when a document is loaded, is not made to wait.
    busy: bool,
}

impl Rests {
    /// The thread has nothing to do and is about to sleep until something happens. Whether to rest first.
    pub fn sleeps(&mut self, now: Instant) -> bool {
        let passed = self.since.map(|since| now.saturating_duration_since(since));
        if passed.is_none_or(|passed| passed >= WINDOW) {
            self.busy = passed.is_some_and(|passed| passed < 2 * WINDOW) && self.sleeps >= BUSY;
            self.since = Some(now);
            self.sleeps = 0;
        }
        self.sleeps += 1;
        self.busy
    }
}

/// Called by a worker of the runtime before it sleeps: rests for `rest` if it is busy.
pub fn rest(rest: Duration) {
    thread_local! {
        static RESTS: RefCell<Rests> = RefCell::default();
    }
    if !rest.is_zero() && RESTS.with_borrow_mut(|rests| rests.sleeps(Instant::now())) {
        counter!("tandem_thread_rests_total").increment(1);
        thread::sleep(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn who_is_woken_now_and_then_never_rests() {
        let (mut rests, start) = (Rests::default(), Instant::now());
        assert!((0..1_000).all(|wake| !rests.sleeps(start + wake * 3 * MILLISECOND)));
    }

    #[test]
    fn who_is_woken_over_and_over_rests_until_it_ends() {
        let (mut rests, start) = (Rests::default(), Instant::now());
        let woken: Vec<bool> = (0..100).map(|wake| rests.sleeps(start + wake * MILLISECOND)).collect();
        assert_eq!(woken.iter().position(|rests| *rests), Some(10), "a window later");
        assert!(woken[10..].iter().all(|rests| *rests));
        assert!(!rests.sleeps(start + 200 * MILLISECOND), "it was quiet meanwhile");
    }
}
