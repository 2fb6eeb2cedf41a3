//! The gate: the acknowledgements that a session owes for one document.
//!
//! A Hocuspocus provider counts and carries no ids, so every Update gets exactly one answer, in its place: 1 when
//! all that it held is durable, 0 when it is finally refused. An entry is queued before its frame is handed to the
//! room, and lives here, in the session: a room's panic must not lose what is owed.

use std::collections::VecDeque;

/// Names one entry of one gate; given out in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry(pub u64);

/// What becomes of an edit in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All that it held is durable.
    Durable,
    /// It is refused for good.
    Refused,
}

/// Why we sent SyncStep1: decides whether its answer is owed a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// In the handshake, or in answer to the client's own SyncStep1: the provider counts the answer as one edit.
    Handshake,
    /// In mid-session, because something is missing: the provider does not count the answer.
    Missing,
}

/// The first-in-first-out queue of what is owed, and the questions that are open.
#[derive(Debug, Default)]
pub struct Gate {
    first: u64,
    owed: VecDeque<Option<Fate>>,
    questions: VecDeque<(Question, Attempt)>,
}

/// Counts the joins of one document by one session: an answer to a room that is gone must not be taken for one to its
/// successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt(pub u32);

/// What a SyncStep2 means to the gate and to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status that is owed for it, if any.
    pub entry: Option<Entry>,
    /// Whose question it answers; `None` if nothing asked.
    pub attempt: Option<Attempt>,
}

impl Gate {
    /// Queues an Update's acknowledgement.
    pub fn owe(&mut self) -> Entry {
        self.owed.push_back(None);
        Entry(self.first + self.owed.len() as u64 - 1)
    }

    /// Notes that SyncStep1 was sent to the client.
    pub fn asked(&mut self, question: Question, attempt: Attempt) {
        self.questions.push_back((question, attempt));
    }

    /// A SyncStep2 came: queues its acknowledgement if the question that it answers asks for one. An answer that
    /// nothing asked for is owed one too: the provider counts what it sends, not what we asked.
    pub fn answered(&mut self) -> Answer {
        match self.questions.pop_front() {
            Some((Question::Missing, attempt)) => Answer { entry: None, attempt: Some(attempt) },
            Some((Question::Handshake, attempt)) => Answer { entry: Some(self.owe()), attempt: Some(attempt) },
            None => Answer { entry: Some(self.owe()), attempt: None },
        }
    }

    /// The same where the client counts nothing and is owed nothing.
    pub fn answered_uncounted(&mut self) -> Answer {
        Answer { entry: None, attempt: self.questions.pop_front().map(|(_, attempt)| attempt) }
    }

    /// An answer came and was not kept: says whether the client counts it.
    pub fn answered_in_vain(&mut self) -> bool {
        !matches!(self.questions.pop_front(), Some((Question::Missing, _)))
    }

    /// The client sent SyncStep1 on a live connection and counts from 1 again: what was owed before is dropped.
    pub fn restart(&mut self) {
        self.first += self.owed.len() as u64;
        self.owed.clear();
    }

    /// Notes an entry's fate. One that was dropped, or decided before, is ignored.
    pub fn settle(&mut self, entry: Entry, fate: Fate) {
        let place = entry.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(slot) = place.and_then(|at| self.owed.get_mut(at)) {
            slot.get_or_insert(fate);
        }
    }

    /// Takes the next status that may leave, in order.
    pub fn next(&mut self) -> Option<Fate> {
        let fate = (*self.owed.front()?)?;
        self.owed.pop_front();
        self.first += 1;
        Some(fate)
    }

    /// The entries without a fate, oldest first: what a restarted room has to decide.
    pub fn undecided(&self) -> impl Iterator<Item = Entry> {
        self.owed.iter().zip(self.first..).filter(|(fate, _)| fate.is_none()).map(|(_, entry)| Entry(entry))
    }

    /// Whether an answer of the client is awaited.
    #[must_use]
    pub fn has_open_question(&self) -> bool {
        !self.questions.is_empty()
    }

    /// How many statuses are owed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.owed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(gate: &mut Gate) -> Vec<Fate> {
        std::iter::from_fn(|| gate.next()).collect()
    }

    #[test]
    fn statuses_leave_in_order_whatever_the_order_of_their_fates() {
        let mut gate = Gate::default();
        let (first, second, third) = (gate.owe(), gate.owe(), gate.owe());
        gate.settle(second, Fate::Refused);
        assert_eq!(drained(&mut gate), []);
        gate.settle(first, Fate::Durable);
        assert_eq!(drained(&mut gate), [Fate::Durable, Fate::Refused]);
        gate.settle(third, Fate::Durable);
        assert_eq!(drained(&mut gate), [Fate::Durable]);
        assert_eq!(gate.len(), 0);
    }

    #[test]
    fn a_fate_is_final() {
        let mut gate = Gate::default();
        let entry = gate.owe();
        gate.settle(entry, Fate::Refused);
        gate.settle(entry, Fate::Durable);
        assert_eq!(drained(&mut gate), [Fate::Refused]);
    }

    #[test]
    fn a_step1_from_the_client_drops_what_was_owed_and_late_fates_are_ignored() {
        let mut gate = Gate::default();
        let old = gate.owe();
        gate.restart();
        let new = gate.owe();
        gate.settle(old, Fate::Durable);
        assert_eq!(drained(&mut gate), []);
        assert_eq!(gate.undecided().collect::<Vec<_>>(), [new]);
        gate.settle(new, Fate::Durable);
        assert_eq!(drained(&mut gate), [Fate::Durable]);
    }

    #[test]
    fn only_the_answer_to_a_handshake_is_owed_a_status() {
        let mut gate = Gate::default();
        gate.asked(Question::Handshake, Attempt(1));
        gate.asked(Question::Missing, Attempt(2));
        assert_eq!(gate.answered(), Answer { entry: Some(Entry(0)), attempt: Some(Attempt(1)) });
        assert_eq!(gate.answered(), Answer { entry: None, attempt: Some(Attempt(2)) });
        assert!(gate.answered().entry.is_some(), "what nothing asked for is counted by the provider all the same");
    }
}
