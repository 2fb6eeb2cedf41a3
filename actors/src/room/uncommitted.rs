//! What a room appended and has not heard of: kept until its `Seq` returns.

use std::collections::VecDeque;

use ractor::ActorId;

use super::outbox::MemberId;
use crate::row::Contribution;
use crate::session::gate::Entry;

/// One append whose commit is awaited.
#[derive(Debug)]
pub struct Pending {
    /// The room's own number for it.
    pub number: u64,
    /// What was appended.
    pub contribution: Contribution,
    /// The edits that are durable with it.
    pub settles: Vec<(MemberId, Entry)>,
}

/// All appends that are not committed, oldest first.
#[derive(Debug, Default)]
pub struct Uncommitted {
    pending: VecDeque<Pending>,
    /// The number of the newest append.
    number: u64,
    /// The newest append that was handed to the journal, and to which of its lives.
    handed: u64,
    to: Option<ActorId>,
    bytes: u64,
    /// The newest append that an edit is durable with.
    settling: u64,
}

impl Uncommitted {
    /// Adds an append.
    pub fn append(&mut self, contribution: Contribution) {
        self.number += 1;
        self.bytes += contribution.update.len() as u64;
        self.pending.push_back(Pending { number: self.number, contribution, settles: Vec::new() });
    }

    /// Makes an edit durable with the newest append. There must be one.
    pub fn settle_with_newest(&mut self, member: MemberId, entry: Entry) {
        if let Some(newest) = self.pending.back_mut() {
            newest.settles.push((member, entry));
            self.settling = newest.number;
        }
    }

    /// The appends that this life of the journal was not given yet; it is given them now. A new life is given everything
    /// again, oldest first, before anything newer: a row may need what an older append brought.
    pub fn hand_over(&mut self, to: ActorId) -> impl Iterator<Item = &mut Pending> {
        if self.to.replace(to) != Some(to) {
            self.handed = 0;
        }
        let handed = std::mem::replace(&mut self.handed, self.number);
        // Numbers go up by one, so what was handed is counted off: to look at each would cost the more, the more waits.
        let first = self.pending.front().map_or(handed, |pending| pending.number - 1);
        let skipped = usize::try_from(handed.saturating_sub(first)).unwrap_or(usize::MAX);
        self.pending.range_mut(skipped.min(self.pending.len())..)
    }

    /// Takes what is durable up to `number`.
    pub fn committed(&mut self, number: u64) -> Vec<Pending> {
        let durable = self.pending.iter().take_while(|pending| pending.number <= number).count();
        // A document at rest keeps no room for what is typed in a busy moment, here and in its ring.
        let durable: Vec<Pending> = if durable == self.pending.len() {
            std::mem::take(&mut self.pending).into()
        } else {
            self.pending.drain(..durable).collect()
        };
        self.bytes -= durable.iter().map(|pending| pending.contribution.update.len() as u64).sum::<u64>();
        durable
    }

    /// Whether some edit becomes durable with a commit that is awaited.
    #[must_use]
    pub fn settles(&self) -> bool {
        self.pending.front().is_some_and(|pending| pending.number <= self.settling)
    }

    /// Bytes of the updates.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether everything is durable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tandem_model::Subject;

    use super::*;

    fn contribution() -> Contribution {
        Contribution { subject: Subject::new("ann"), bound: None, at_ms: 0, update: Bytes::from_static(&[0, 0]) }
    }

    #[test]
    fn a_commit_settles_what_waited_for_it_and_no_more() {
        let mut uncommitted = Uncommitted::default();
        uncommitted.append(contribution());
        uncommitted.settle_with_newest(MemberId(1), Entry(0));
        uncommitted.append(contribution());
        uncommitted.settle_with_newest(MemberId(1), Entry(1));
        let durable = uncommitted.committed(1);
        assert_eq!(durable.len(), 1);
        assert_eq!(durable[0].settles, [(MemberId(1), Entry(0))]);
        assert_eq!(uncommitted.bytes(), 2);
        assert_eq!(uncommitted.committed(1).len(), 0, "a repeat is harmless");
    }

    #[test]
    fn a_restarted_journal_is_given_everything_again() {
        let mut uncommitted = Uncommitted::default();
        uncommitted.append(contribution());
        let (first, second) = (ActorId::Local(1), ActorId::Local(2));
        assert_eq!(uncommitted.hand_over(first).count(), 1);
        uncommitted.append(contribution());
        assert_eq!(uncommitted.hand_over(first).count(), 1);
        uncommitted.append(contribution());
        assert_eq!(uncommitted.hand_over(second).map(|pending| pending.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(uncommitted.hand_over(second).count(), 0);
    }
}
