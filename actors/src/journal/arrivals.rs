//! What rooms hand over and the journal has not looked at: a message for each would cost more than to append it, and while a
//! commit is in flight or gathered for there is nothing that it could do with one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ractor::ActorId;

use super::Append;

/// Appends of all rooms, in the order in which they came.
///
/// Bound: rooms stop reading their sessions while the journal is full, and what lies here counts.
#[derive(Default)]
pub struct Arrivals {
    queue: Mutex<Queue>,
    bytes: AtomicU64,
}

#[derive(Default)]
struct Queue {
    /// The life of the journal that takes them. Another one's are forgotten: their rooms give everything to this one, and
    /// what came through would stand before what it needs.
    life: Option<ActorId>,
    appends: Vec<Append>,
}

impl Arrivals {
    /// A new life takes what comes from here on.
    pub fn begin(&self, life: ActorId) {
        let mut queue = self.lock();
        *queue = Queue { life: Some(life), appends: Vec::new() };
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// Adds an append for `life`. Returns whether that life has to be told: it was told of those before it.
    pub fn push(&self, life: ActorId, append: Append) -> bool {
        let mut queue = self.lock();
        if queue.life != Some(life) {
            return false;
        }
        self.bytes.fetch_add(append.bytes(), Ordering::Relaxed);
        queue.appends.push(append);
        queue.appends.len() == 1
    }

    /// Takes all; the next one has to be told of again.
    pub fn take(&self) -> Vec<Append> {
        let mut queue = self.lock();
        self.bytes.store(0, Ordering::Relaxed);
        std::mem::take(&mut queue.appends)
    }

    /// Whether nothing is here.
    pub fn is_empty(&self) -> bool {
        self.lock().appends.is_empty()
    }

    /// Bytes of the updates that are here.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tandem_model::{DocumentName, Subject};

    use super::*;
    use crate::journal::RoomLife;
    use crate::row::Contribution;

    fn append(up_to: u64) -> Append {
        let update = Bytes::from_static(&[0, 0]);
        let contributions = vec![Contribution { subject: Subject::new("ann"), bound: None, at_ms: 0, update }];
        let name = DocumentName::new("d").expect("a name");
        Append { name, room: RoomLife::begin(), target: None, up_to, contributions, reply: Arc::new(|_| {}) }
    }

    #[test]
    fn the_journal_is_told_once_until_it_has_looked() {
        let (arrivals, life) = (Arrivals::default(), ActorId::Local(1));
        arrivals.begin(life);
        assert!(arrivals.push(life, append(1)));
        assert!(!arrivals.push(life, append(2)));
        assert_eq!(arrivals.bytes(), 4);
        assert_eq!(arrivals.take().iter().map(|append| append.up_to).collect::<Vec<_>>(), [1, 2]);
        assert!(arrivals.is_empty() && arrivals.bytes() == 0);
        assert!(arrivals.push(life, append(3)));
    }

    #[test]
    fn what_was_meant_for_a_life_that_ended_goes_to_no_other() {
        let (arrivals, first, second) = (Arrivals::default(), ActorId::Local(1), ActorId::Local(2));
        arrivals.begin(first);
        arrivals.push(first, append(1));
        arrivals.begin(second);
        assert!(!arrivals.push(first, append(2)));
        assert!(arrivals.is_empty() && arrivals.bytes() == 0);
        assert!(arrivals.push(second, append(1)));
    }
}
