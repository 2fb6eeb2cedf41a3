//! How a room wakes a session: a bell for each document, one sleeper a session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A session's slot for one document; reused only after its document was left.
pub type Slot = u32;

/// Collects the slots whose bells rang, until their session looks.
///
/// Bound: a slot stands in it at most once, so it is never longer than the session has documents.
#[derive(Debug, Default)]
pub struct Wake {
    rung: Mutex<Vec<Slot>>,
    notify: Notify,
}

/// Rings for one document of one session.
#[derive(Debug)]
pub struct Bell {
    wake: Arc<Wake>,
    slot: Slot,
    rung: AtomicBool,
}

impl Wake {
    /// Waits until a bell rings; a ring that came before is not lost.
    pub async fn rung(&self) {
        self.notify.notified().await;
    }

    /// Takes the slots whose bells rang since the last call.
    pub fn take(&self, slots: &mut Vec<Slot>) {
        slots.append(&mut self.rung.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Wakes the session without a document's reason.
    pub fn nudge(&self) {
        self.notify.notify_one();
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
            self.wake.notify.notify_one();
        }
    }

    /// The session is about to look: what comes from now on rings again.
    pub fn answer(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bell_wakes_once_until_it_is_answered() {
        let wake = Arc::new(Wake::default());
        let bell = Bell::new(wake.clone(), 3);
        bell.ring();
        bell.ring();
        wake.rung().await;
        let mut slots = Vec::new();
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
