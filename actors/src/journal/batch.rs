//! What waits for the next commit: the pure rule of group commit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tandem_model::log::Append;
use tandem_model::{DocumentId, DocumentName, Epoch, Subject};

use crate::row::{Contribution, encode_row};

/// A document as the log knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its number.
    pub document: DocumentId,
    /// The epoch that its room was loaded in.
    pub epoch: Epoch,
}

/// One life of a document's room: no two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLife(u64);

impl RoomLife {
    /// Another than all before.
    #[must_use]
    pub fn begin() -> Self {
        static LIVES: AtomicU64 = AtomicU64::new(0);
        Self(LIVES.fetch_add(1, Ordering::Relaxed))
    }
}

/// What one room brings to a commit: one row.
#[derive(Debug)]
pub struct Part<R> {
    /// The document's name.
    pub name: DocumentName,
    /// Which room appended it: a document has one after the other, and each counts its own appends.
    pub room: RoomLife,
    /// Where it stands in the log; `None` creates it.
    pub target: Option<Target>,
    /// The newest of the room's appends in it.
    pub up_to: u64,
    /// What is to be written.
    pub contributions: Vec<Contribution>,
    /// Whom to tell.
    pub reply: R,
}

/// The parts of the next commit, in the order in which their rooms came.
#[derive(Debug)]
pub struct Batch<R> {
    parts: Vec<Part<R>>,
    /// The newest part of each document.
    places: HashMap<DocumentName, usize>,
    bytes: u64,
}

impl<R> Default for Batch<R> {
    fn default() -> Self {
        Self { parts: Vec::new(), places: HashMap::new(), bytes: 0 }
    }
}

impl<R> Batch<R> {
    /// Adds to the room's part.
    pub fn add(&mut self, part: Part<R>) {
        self.bytes += part.bytes();
        match self.places.get(&part.name) {
            Some(&at) if self.parts[at].room == part.room => {
                let there = &mut self.parts[at];
                there.contributions.extend(part.contributions);
                there.up_to = part.up_to;
                there.target = part.target.or(there.target);
                there.reply = part.reply;
            }
            _ => {
                self.places.insert(part.name.clone(), self.parts.len());
                self.parts.push(part);
            }
        }
    }

    /// Puts what failed to commit before what came since: it is appended again, with a new position. What failed by itself
    /// goes behind the other documents: if it can never be committed, it holds up nobody else.
    pub fn put_back(&mut self, failed: Vec<Part<R>>) {
        let since = std::mem::take(self).parts;
        let (first, then) = match &*failed {
            [alone] => since.into_iter().partition(|part| part.name != alone.name),
            _ => (Vec::new(), since),
        };
        first.into_iter().chain(failed).chain(then).for_each(|part| self.add(part));
    }

    /// Takes the first parts, at most so many.
    pub fn take(&mut self, most: usize) -> Vec<Part<R>> {
        let mut taken = std::mem::take(self).parts;
        let rest = taken.split_off(most.min(taken.len()));
        rest.into_iter().for_each(|part| self.add(part));
        taken
    }

    /// Whether something of the document waits.
    #[must_use]
    pub fn holds(&self, name: &DocumentName) -> bool {
        self.places.contains_key(name)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Bytes of the updates that wait.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<R> Part<R> {
    /// Bytes of its updates.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.contributions.iter().map(|one| one.update.len() as u64).sum()
    }

    /// The row to append, once the target is known.
    #[must_use]
    pub fn row(&self, target: Target) -> Append {
        let payload = match &*self.contributions {
            one @ [_] => encode_row(one),
            several => encode_row(&merged_by_author(several)),
        };
        Append { document: target.document, epoch: target.epoch, payload }
    }
}

/// Merges what one author brought under one id; the time is that of the newest.
fn merged_by_author(contributions: &[Contribution]) -> Vec<Contribution> {
    let mut order: Vec<(&Subject, Vec<&Contribution>)> = Vec::new();
    for one in contributions {
        match order.iter_mut().find(|(subject, ones)| *subject == &one.subject && ones[0].bound == one.bound) {
            Some((_, ones)) => ones.push(one),
            None => order.push((&one.subject, vec![one])),
        }
    }
    order.into_iter().flat_map(|(_, ones)| merged(&ones)).collect()
}

fn merged(ones: &[&Contribution]) -> Vec<Contribution> {
    let (Some(first), Some(last)) = (ones.first(), ones.last()) else { return Vec::new() };
    if ones.len() == 1 {
        return vec![(*first).clone()];
    }
    let updates: Vec<&[u8]> = ones.iter().map(|one| &*one.update).collect();
    match tandem_yjs::merge(&updates) {
        Ok(update) => vec![Contribution { update: Bytes::from(update), ..(*last).clone() }],
        // They depend on what another author brought between them: kept apart, in order.
        Err(_) => ones.iter().map(|one| (*one).clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(room: RoomLife, name: &str, up_to: u64, length: usize) -> Part<()> {
        let update = Bytes::from(vec![0; length]);
        let contribution = Contribution { subject: Subject::new("ann"), bound: None, at_ms: 0, update };
        let name = DocumentName::new(name).expect("a name");
        Part { name, room, target: None, up_to, contributions: vec![contribution], reply: () }
    }

    #[test]
    fn a_room_has_one_part_a_commit() {
        let (a, b, mut batch) = (RoomLife::begin(), RoomLife::begin(), Batch::default());
        batch.add(part(a, "a", 1, 10));
        batch.add(part(b, "b", 1, 20));
        batch.add(part(a, "a", 2, 30));
        assert_eq!(batch.bytes(), 60);
        let parts = batch.take(usize::MAX);
        assert_eq!(parts.iter().map(|part| (part.name.as_str(), part.up_to)).collect::<Vec<_>>(), [("a", 2), ("b", 1)]);
        assert!(batch.is_empty() && batch.bytes() == 0);
    }

    #[test]
    fn what_failed_goes_before_what_came_since() {
        let (room, mut batch) = (RoomLife::begin(), Batch::default());
        batch.add(part(room, "a", 1, 10));
        let failed = batch.take(usize::MAX);
        batch.add(part(room, "a", 2, 20));
        batch.put_back(failed);
        let parts = batch.take(usize::MAX);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].up_to, 2);
        let lengths: Vec<_> = parts[0].contributions.iter().map(|one| one.update.len()).collect();
        assert_eq!(lengths, [10, 20]);
    }

    #[test]
    fn what_fails_by_itself_waits_behind_the_others_and_before_what_its_room_brought_since() {
        let (a, b, c, mut batch) = (RoomLife::begin(), RoomLife::begin(), RoomLife::begin(), Batch::default());
        batch.add(part(a, "a", 1, 10));
        batch.add(part(b, "b", 1, 20));
        let failed = batch.take(1);
        assert_eq!((failed[0].name.as_str(), failed.len(), batch.bytes()), ("a", 1, 20));
        batch.add(part(a, "a", 2, 30));
        batch.add(part(c, "c", 1, 40));
        batch.put_back(failed);
        let names = |parts: Vec<Part<()>>| parts.iter().map(|part| part.name.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(batch.take(2)), ["b", "c"]);
        let last = batch.take(2);
        assert_eq!((last.len(), last[0].up_to, last[0].contributions[0].update.len()), (1, 2, 10));
        assert!(batch.is_empty() && batch.bytes() == 0);
    }

    #[test]
    fn two_rooms_of_a_document_each_hear_of_their_own_appends() {
        let (first, second, mut batch) = (RoomLife::begin(), RoomLife::begin(), Batch::default());
        batch.add(part(first, "a", 9, 10));
        batch.add(part(second, "a", 1, 20));
        batch.add(part(second, "a", 2, 30));
        assert!(batch.holds(&DocumentName::new("a").expect("a name")));
        assert_eq!(batch.take(usize::MAX).iter().map(|part| part.up_to).collect::<Vec<_>>(), [9, 2]);
    }
}
