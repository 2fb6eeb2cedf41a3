//! How a room wakes a session: a bell for each document, one sleeper a session.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;

/// A session's slot for one document; reused only after its document was left.
pub type Slot = u32;

/// Collects the slots whose bells rang, until their session looks.
///
/// Bound: a slot stands in it at most once, so it is never longer than the session has documents.
#[derive(Debug, Default)]
pub struct Wake {
    rung: Mutex<Vec<Slot>>,
    sleeper: AtomicWaker,
}

/// Rings for one document of one session.
#[derive(Debug)]
pub struct Bell {
    wake: Arc<Wake>,
    slot: Slot,
    rung: AtomicBool,
}

/// Where something is left for a session: by its errands what they have to say before they end, by Sessions its orders. A
/// channel would hold a block of places for every idle session.
///
/// Bound: each errand leaves one thing, and a document has one errand at a time; a node that ends gives two orders.
#[derive(Debug)]
pub struct Letterbox<T> {
    letters: Mutex<VecDeque<T>>,
    wake: Arc<Wake>,
}

impl<T> Letterbox<T> {
    /// An empty one.
    #[must_use]
    pub fn new(wake: Arc<Wake>) -> Self {
        Self { letters: Mutex::default(), wake }
    }

    /// What wakes the session.
    #[must_use]
    pub fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// Leaves something. If the session is gone, it goes with the last that knows the letterbox.
    pub fn leave(&self, letter: T) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push_back(letter);
        self.wake.nudge();
    }

    /// Takes the oldest.
    pub fn take(&self) -> Option<T> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Wake {
    /// Wakes this task from now on. To be called before [`Self::take`], so that no ring between them is lost.
    pub fn listen(&self, sleeper: &Waker) {
        self.sleeper.register(sleeper);
    }

    /// Takes the slots whose bells rang since the last call.
    pub fn take(&self, slots: &mut VecDeque<Slot>) {
        slots.extend(self.rung.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
    }

    /// Wakes the session without a document's reason.
    pub fn nudge(&self) {
        self.sleeper.wake();
    }
}

impl Bell {
    /// A bell that has not rung.
    #[must_use]
    pub fn new(wake: Arc<Wake>, slot: Slot) -> Self {
        Self { wake, slot, rung: AtomicBool::new(false) }
    }

    /// Rings; further rings do nothing until the session [answers](Self::answer).
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.wake.rung.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
            self.wake.sleeper.wake();
        }
    }

    /// The session is about to look: what comes from now on rings again.
    pub fn answer(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    #[test]
    fn a_bell_wakes_once_until_it_is_answered() {
        let wake = Arc::new(Wake::default());
        let bell = Bell::new(wake.clone(), 3);
        let woken = Arc::new(Woken::default());
        wake.listen(&woken.clone().into());
        bell.ring();
        bell.ring();
        assert_eq!(woken.0.load(Ordering::Acquire), 1);
        let mut slots = VecDeque::new();
        wake.take(&mut slots);
        assert_eq!(slots, [3]);
        bell.ring();
        wake.take(&mut slots);
        assert_eq!(slots, [3], "it rings again only after its answer");
        bell.answer();
        bell.ring();
        wake.take(&mut slots);
        assert_eq!(slots, [3, 3]);
    }
}
