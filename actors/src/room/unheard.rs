//! Commits that a room need not be told of at once: a message for each would cost more than what it does with one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tandem_model::Seq;

use crate::journal::Committed;

/// Where the journal leaves commits while nobody in the room waits for one. The room looks before whatever it does next.
///
/// Bound: what was appended when the room last looked.
#[derive(Debug, Default)]
pub struct Unheard(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether nobody waits.
    quiet: bool,
    /// The position behind which the next is expected: any other is news that cannot wait.
    head: Seq,
    commits: Vec<Committed>,
}

impl Unheard {
    /// A commit ended. Gives it back if the room is to be told now.
    pub fn leave(&self, committed: Committed) -> Option<Committed> {
        let mut state = self.lock();
        match committed {
            Committed::UpTo { seq, .. } if state.quiet && seq == state.head.next() => {
                state.head = seq;
                state.commits.push(committed);
                None
            }
            told => Some(told),
        }
    }

    /// The room looks: what was left, oldest first.
    pub fn take(&self) -> Vec<Committed> {
        std::mem::take(&mut self.lock().commits)
    }

    /// The room is about to rest at `head`, and says whether nobody waits there. False if somebody does and something was
    /// left meanwhile: it has to look again.
    #[must_use]
    pub fn rest(&self, quiet: bool, head: Seq) -> bool {
        let mut state = self.lock();
        state.quiet = quiet;
        if state.commits.is_empty() {
            state.head = head;
            return true;
        }
        quiet
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tandem_model::{DocumentId, Epoch};

    use super::*;
    use crate::journal::Target;

    fn commit(seq: i64) -> Committed {
        let target = Target { document: DocumentId(1), epoch: Epoch(0) };
        Committed::UpTo { append: 1, seq: Seq(seq), target }
    }

    #[test]
    fn commits_are_left_only_while_nobody_waits_and_none_is_missing() {
        let unheard = Unheard::default();
        assert_eq!(unheard.leave(commit(1)), Some(commit(1)), "the room never looked");
        assert!(unheard.rest(true, Seq(1)));
        assert_eq!(unheard.leave(commit(2)), None);
        assert_eq!(unheard.leave(commit(3)), None);
        assert_eq!(unheard.leave(commit(5)), Some(commit(5)), "another's row lies between");
        assert_eq!(unheard.leave(Committed::Gone), Some(Committed::Gone));
        assert!(unheard.rest(true, Seq(1)), "it may rest while they lie there");
        assert!(!unheard.rest(false, Seq(1)), "not when somebody waits");
        assert_eq!(unheard.take(), [commit(2), commit(3)]);
        assert!(unheard.rest(false, Seq(3)));
        assert_eq!(unheard.leave(commit(4)), Some(commit(4)));
        assert!(unheard.rest(true, Seq(3)));
        assert_eq!(unheard.leave(commit(5)), Some(commit(5)), "the one before is on its way");
    }
}
