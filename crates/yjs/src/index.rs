//! The index of one document: what is there, in the form in which it is sent.

use std::collections::BTreeMap;

use tandem_model::{ClientId, Clock, Id};

use crate::admission::{Admission, Verdict};
use crate::bulk::insert_all;
use crate::client::{Client, Place, Weight};
use crate::encode::write_deletions;
use crate::lib0::write_var_uint;
use crate::plan::Plan;
use crate::runs::Piece;
use crate::state_vector::StateVector;
use crate::update::Update;

/// The bounds of one document. At each new structs are refused, deletions are still taken (up to [`CUT_LIMITS`] times).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLimits {
    /// Bytes of encoded structs.
    pub bytes: u64,
    /// Client ids that have structs.
    pub clients: u64,
    /// Structs, as they come: what is coalesced later counts once.
    pub structs: u64,
    /// Pieces that one update may fall into beyond the structs that it brings, by what it deletes of them and by values
    /// that stand under one key. A Yjs document holds such structs in their pieces already; what merges updates without
    /// a document leaves them whole, and so what waits in a document for something that it misses.
    pub pieces: u64,
}

impl IndexLimits {
    /// Bounds that nothing reaches.
    pub const NONE: Self = Self { bytes: u64::MAX, clients: u64::MAX, structs: u64::MAX, pieces: u64::MAX };
}

/// So many times the limits is what deletions may cut a document into: they are taken at the limits, which they are the
/// way down from, but each that leaves something on both sides makes more of it.
pub const CUT_LIMITS: u64 = 2;

/// What deletions may cut a document into however low its limits are.
const CUT_LEAST: Weight = Weight { bytes: 64 * 1024, structs: 1_000 };

/// Room for so many clients is not given back.
const CLIENTS_KEPT: usize = 8;

/// The most that a struct cut in two takes more: the head of the second piece, with two ids of the largest numbers.
pub(crate) const PIECE_BYTES_MAX: u64 = 40;

/// What is to be deleted would cut the document into too many pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyPieces;

/// Whether the content of what is deleted goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collect {
    /// It becomes its length, as in a Yjs document with `gc`.
    Collected,
    /// It stays, as in a Yjs document without.
    Kept,
}

/// The index of one document.
///
/// Holds each client's structs encoded, coalesced and collected, so that a difference is little more than a copy.
#[derive(Clone, Debug)]
pub struct Index {
    collect: Collect,
    limits: IndexLimits,
    slots: BTreeMap<ClientId, usize>,
    clients: Vec<Client>,
    state: StateVector,
    weight: Weight,
}

impl Index {
    /// Makes the index of an empty document.
    #[must_use]
    pub fn new(collect: Collect, limits: IndexLimits) -> Self {
        Self {
            collect,
            limits,
            slots: BTreeMap::new(),
            clients: Vec::new(),
            state: StateVector::new(),
            weight: Weight::default(),
        }
    }

    /// Makes the index of clients in descending order, without limits.
    pub(crate) fn of_clients(collect: Collect, clients: Vec<Client>) -> Self {
        let mut index = Self::new(collect, IndexLimits::NONE);
        for client in &clients {
            let held = client.weight();
            index.weight.bytes += held.bytes;
            index.weight.structs += held.structs;
        }
        index.clients = clients;
        index.count(0..index.clients.len());
        index
    }

    /// Sets the limits of what is admitted from here on; what is there stays.
    pub fn set_limits(&mut self, limits: IndexLimits) {
        self.limits = limits;
    }

    /// Takes of the update what can be taken now.
    ///
    /// `judge` is asked once for each client id with new structs that could follow, with the id of the first.
    pub fn admit<'a>(&mut self, update: &Update<'a>, judge: &mut dyn FnMut(Id) -> Verdict) -> Admission<'a> {
        Plan::new(self, update, judge).run()
    }

    /// Whether all structs and deletions of the update are there.
    #[must_use]
    pub fn holds(&self, update: &Update<'_>) -> bool {
        update.clients().all(|(client, _, end)| self.state.get(client) >= end)
            && update.deletions().all(|(client, from, to)| {
                self.slot(client).is_some_and(|slot| self.client(slot).deleted.contains(from, to))
            })
    }

    /// What is there: each client's next clock.
    #[must_use]
    pub fn state_vector(&self) -> &StateVector {
        &self.state
    }

    /// Whether all that `state` counts is there.
    #[must_use]
    pub fn covers(&self, state: &StateVector) -> bool {
        self.state.covers(state)
    }

    /// Encodes what somebody misses who has `since`: the structs from there on, and all deletions.
    #[must_use]
    pub fn difference(&self, since: &StateVector) -> Vec<u8> {
        let from_nothing = since.is_empty();
        let missed = || self.clients_down().filter(|client| client.end > since.get(client.id));
        let mut out = Vec::with_capacity(if from_nothing { self.encoded_bytes() } else { 256 });
        write_var_uint(&mut out, missed().count() as u64);
        for client in missed() {
            client.write_since(&mut out, since.get(client.id));
        }
        let deleted = || self.clients_down().filter(|client| !client.deleted.as_slice().is_empty());
        write_var_uint(&mut out, deleted().count() as u64);
        for client in deleted() {
            write_deletions(&mut out, client.id, client.deleted.as_slice());
        }
        out
    }

    /// Encodes the whole document.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.difference(&StateVector::new())
    }

    /// Bytes of encoded structs.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.weight.bytes
    }

    /// Structs, after coalescing.
    #[must_use]
    pub fn structs(&self) -> u64 {
        self.weight.structs
    }

    /// Client ids that have structs.
    #[must_use]
    pub fn clients(&self) -> u64 {
        self.clients.len() as u64
    }

    /// Checks that the parts of the index agree. For tests: it reads everything.
    ///
    /// # Panics
    /// When they do not.
    pub fn check_invariants(&self) {
        let mut weight = Weight::default();
        for client in &self.clients {
            client.check_invariants();
            assert_eq!(self.state.get(client.id), client.end, "the state vector says what is there");
            let held = client.weight();
            weight.bytes += held.bytes;
            weight.structs += held.structs;
        }
        assert_eq!(weight, self.weight, "bytes and structs are counted");
        assert_eq!(self.state.len(), self.clients.len(), "no client is empty");
        assert_eq!(self.slots.len(), self.clients.len());
        assert!(self.slots.iter().all(|(client, slot)| self.clients[*slot].id == *client));
    }

    /// Whether structs of so many clients can be here: what has more of them cannot be taken whole.
    #[must_use]
    pub fn may_hold_clients(&self, clients: u64) -> bool {
        clients <= self.limits.clients.max(self.clients())
    }

    pub(crate) fn slot(&self, client: ClientId) -> Option<usize> {
        self.slots.get(&client).copied()
    }

    pub(crate) fn client(&self, slot: usize) -> &Client {
        &self.clients[slot]
    }

    pub(crate) fn client_mut(&mut self, slot: usize) -> &mut Client {
        &mut self.clients[slot]
    }

    /// Makes place for a client id, if the limit allows one more; `expected` more may follow. It is found by its id when it
    /// is [counted](Self::count).
    pub(crate) fn add_client(&mut self, client: ClientId, expected: usize) -> Option<usize> {
        if self.clients() >= self.limits.clients {
            return None;
        }
        let slot = self.clients.len();
        if slot == 0 {
            // Most documents have one for long: room for it, not for four.
            self.clients.reserve_exact(1 + expected);
        } else if slot == self.clients.capacity() {
            self.clients.reserve(1 + expected);
        }
        self.clients.push(Client::new(client));
        Some(slot)
    }

    pub(crate) fn clients_down(&self) -> impl Iterator<Item = &Client> + '_ {
        self.slots.values().rev().map(|slot| &self.clients[*slot])
    }

    fn encoded_bytes(&self) -> usize {
        let ranges: usize = self.clients.iter().map(|client| client.deleted.as_slice().len()).sum();
        usize::try_from(self.weight.bytes).unwrap_or(0) + ranges * 6 + self.clients.len() * 20 + 8
    }

    /// Whether the content of what is deleted goes.
    pub(crate) fn collects(&self) -> Collect {
        self.collect
    }

    /// Into how many pieces one update may fall.
    pub(crate) fn pieces(&self) -> u64 {
        self.limits.pieces
    }

    /// How many bytes and structs more the limits allow.
    pub(crate) fn room(&self) -> Weight {
        Weight {
            bytes: self.limits.bytes.saturating_sub(self.weight.bytes),
            structs: self.limits.structs.saturating_sub(self.weight.structs),
        }
    }

    /// Deletes merged ranges of what is there; answers what of it was not deleted before. Nothing is deleted if its
    /// pieces might be far more than the limits allow.
    pub(crate) fn delete(
        &mut self,
        slot: usize,
        ranges: &[(Clock, Clock)],
    ) -> Result<Vec<(Clock, Clock)>, TooManyPieces> {
        let deleted = &self.clients[slot].deleted;
        let fresh = deleted.lacks(ranges);
        if fresh.is_empty() {
            return Ok(fresh);
        }
        if !self.may_be_cut(deleted.open_ends(&fresh)) {
            return Err(TooManyPieces);
        }
        let client = &mut self.clients[slot];
        client.deleted.add(&fresh);
        if self.collect == Collect::Collected {
            let (was, is) = client.collect(&fresh);
            self.weight.bytes = self.weight.bytes + is.bytes - was.bytes;
            self.weight.structs = self.weight.structs + is.structs - was.structs;
        }
        Ok(fresh)
    }

    /// Whether structs may be cut at so many places more.
    fn may_be_cut(&self, pieces: u64) -> bool {
        let within = |held: u64, limit: u64, least: u64| held <= limit.saturating_mul(CUT_LIMITS).max(least);
        within(self.weight.structs + pieces, self.limits.structs, CUT_LEAST.structs)
            && within(self.weight.bytes + pieces * PIECE_BYTES_MAX, self.limits.bytes, CUT_LEAST.bytes)
    }

    /// Takes a whole struct that is its client's next; `deleted` holds the ranges of it that are deleted. Says whether it
    /// joined the struct before.
    pub(crate) fn take(&mut self, slot: usize, piece: &Piece<'_>, place: Place, deleted: &[(Clock, Clock)]) -> bool {
        let client = &mut self.clients[slot];
        client.extend(piece.body.len(), place, piece.body.holds_type());
        let added = client.write(piece, self.collect, deleted);
        self.weight.bytes += added.bytes;
        self.weight.structs += added.structs;
        added.structs == 0
    }

    /// Counts in the state vector what was taken of the clients in these slots; those that were added are found by their ids
    /// from now on.
    pub(crate) fn count(&mut self, taken: impl ExactSizeIterator<Item = usize>) {
        let (clients, known) = (&self.clients, self.slots.len());
        self.state.set_all(taken.map(|slot| (clients[slot].id, clients[slot].end)));
        if known == clients.len() {
            return;
        }
        insert_all(&mut self.slots, (known..clients.len()).map(|slot| (clients[slot].id, slot)));
        if self.clients.capacity() > CLIENTS_KEPT.max(2 * self.clients.len()) {
            // Those that were expected did not come.
            self.clients.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_do_not_come_hold_no_room() {
        let mut out = Vec::new();
        write_var_uint(&mut out, 1_000);
        for client in (0..1_000).rev() {
            // One collected element: of the highest client the first, of the others the second.
            [1, client, u64::from(client < 999), 0, 1].iter().for_each(|number| write_var_uint(&mut out, *number));
        }
        out.push(0);
        let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
        let admission = index.admit(&Update::decode(&out).expect("sound"), &mut |_| Verdict::Take);
        assert_eq!((index.clients(), admission.missing), (1, Some(Id::new(998, 0))));
        assert!(index.clients.capacity() <= CLIENTS_KEPT, "{} are kept room for", index.clients.capacity());
    }
}
