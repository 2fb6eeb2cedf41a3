//! Edits that are not wholly storable yet: until an answer closes the gap, or it is decided without.

use std::time::Duration;

use metrics::counter;
use tandem_model::Id;
use tandem_protocol::Refusal;
use tandem_yjs::{StateVector, Update, Verdict};
use tokio::time::Instant;

use super::Room;
use crate::room::member::Waiting;
use crate::room::outbox::MemberId;
use crate::session::gate::{Attempt, Entry, Fate};

/// How long a subject whose message was too large is outside the rule of what is missing.
pub const TOO_LARGE_FOR: Duration = Duration::from_secs(600);

/// Clocks that the waiting edits of one member may lack together, counted per edit and client.
pub const WAITING_ENDS_MAX: usize = 100_000;

impl Room {
    /// What the member waits for cannot be had: what the document covers is acknowledged, the rest refused.
    pub(super) fn give_up_waiting(&mut self, member: MemberId) {
        if let Some(there) = self.members.get_mut(&member) {
            there.caught_up();
            self.decide_waiting(member, false);
        }
    }

    /// What the document does not cover of an update: all that an edit waits for. Clocks never go back.
    pub(super) fn lacking(&self, update: &Update<'_>) -> StateVector {
        update.ends_beyond(self.index.state_vector())
    }

    /// A member that never answers does not make the room remember without end: at half of what it may be owed, what
    /// waits is decided as it stands.
    pub(super) fn bound_waiting(&mut self, member: MemberId) {
        let Some(there) = self.members.get(&member) else { return };
        let ends =
            there.waiting.iter().filter_map(|waiting| waiting.ends.as_ref()).map(StateVector::len).sum::<usize>();
        if there.waiting.len() as u64 > self.limits.owed_edits / 2 || ends > WAITING_ENDS_MAX {
            counter!("tandem_waiting_decided_total").increment(1);
            self.decide_waiting(member, false);
        }
    }

    /// An author answered: what its answer lacks of its own is forged, wherever it waits.
    pub(super) fn authors_answered(&mut self, author: MemberId, answer: &StateVector, now: Instant) {
        let Some(there) = self.members.get(&author) else { return };
        let decided = self.authors.answered(author, there.answered(), self.index.state_vector(), answer);
        decided.again.iter().for_each(|id| self.ask_author(*id, now));
        for client in &decided.clients {
            self.refuse_forged(Id { client: *client, clock: self.index.state_vector().get(*client) });
        }
        self.ask_those_missing(|id| decided.clients.contains(&id.client));
    }

    /// Decides what waits for a forged struct, whether or not its bringer ever answers what it was asked.
    fn refuse_forged(&mut self, forged: Id) {
        let mut told = Vec::new();
        for (_, member) in self.members.iter_mut() {
            if self.authors.judge(&member.subject, forged) != Verdict::Refuse {
                continue;
            }
            let needs = |waiting: &mut Waiting| {
                waiting.ends.as_ref().is_some_and(|ends| ends.get(forged.client) > forged.clock)
            };
            let refused: Vec<Waiting> = member.waiting.extract_if(.., needs).collect();
            let brought = member.missing().is_some_and(|missing| missing.client == forged.client);
            if !refused.is_empty() || brought {
                told.push((member.id, refused));
            }
            if brought && member.waiting.is_empty() {
                // Nothing is left to ask for.
                member.caught_up();
            }
        }
        for (member, refused) in told {
            refused.into_iter().for_each(|waiting| self.settle(member, waiting.entry, Fate::Refused));
            self.tell_refusal(member, Refusal::Forged);
        }
    }

    /// An answer was taken whole: all that waited before it is in the document, or was refused with it.
    pub(super) fn release(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        there.caught_up();
        for waiting in std::mem::take(&mut there.waiting) {
            let covered = waiting.ends.as_ref().is_none_or(|ends| self.index.covers(ends));
            if covered && !waiting.refused {
                self.settle_when_durable(member, waiting.entry);
            } else {
                self.settle(member, waiting.entry, Fate::Refused);
            }
        }
    }

    /// Settles those that wait for no more than what the document has by now.
    pub(super) fn settle_covered(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        let document = self.index.state_vector();
        let covered: Vec<Waiting> = there.waiting.extract_if(.., |waiting| waiting.covered(document)).collect();
        covered.into_iter().for_each(|waiting| self.settle_when_durable(member, waiting.entry));
    }

    /// Three answers left the gap open: what the document covers is acknowledged, the rest refused. `first`: so far
    /// nobody was told, and where the client counts nothing there is nothing else to tell it by.
    pub(super) fn decide_waiting(&mut self, member: MemberId, first: bool) {
        let Some(there) = self.members.get_mut(&member) else { return };
        let waiting = std::mem::take(&mut there.waiting);
        let mut refused = first && waiting.is_empty();
        for waiting in waiting {
            if waiting.covered(self.index.state_vector()) {
                self.settle_when_durable(member, waiting.entry);
            } else {
                self.settle(member, waiting.entry, Fate::Refused);
                refused = true;
            }
        }
        if refused {
            self.tell_refusal(member, Refusal::Incomplete);
        }
    }

    pub(super) fn unkept(&mut self, member: MemberId, entries: &[Entry]) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if self.too_large.is_oversized(&there.subject) {
            // Its answer would end its socket again.
            return entries.iter().for_each(|entry| self.settle(member, Some(*entry), Fate::Refused));
        }
        there.waiting.extend(entries.iter().map(|entry| Waiting { entry: Some(*entry), ends: None, refused: false }));
        if there.has_no_open_question() {
            self.ask(member);
        }
    }

    pub(super) fn too_large(
        &mut self,
        member: MemberId,
        answer: Option<Attempt>,
        entry: Option<Entry>,
        oversized: bool,
        now: Instant,
    ) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if answer == Some(there.attempt) {
            there.answer();
        }
        there.caught_up();
        let waiting = std::mem::take(&mut there.waiting);
        self.too_large.note(there.subject.clone(), oversized, now + TOO_LARGE_FOR);
        for one in waiting {
            self.settle(member, one.entry, Fate::Refused);
        }
        self.refuse(member, entry, Refusal::TooLarge);
    }
}
