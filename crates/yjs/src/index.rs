//! The index of one document: what is there, in the form in which it is sent.

use std::collections::BTreeMap;

use tandem_model::{ClientId, Clock, Id};

use crate::admission::{Admission, Verdict};
use crate::client::{Client, Relayed, Weight};
use crate::encode::{write_block, write_deletions};
use crate::lib0::write_var_uint;
use crate::plan::{Plan, Taken};
use crate::runs::Runs;
use crate::state_vector::StateVector;
use crate::update::Update;

/// The bounds of one document. At each new structs are refused, deletions are still taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLimits {
    /// Bytes of encoded structs.
    pub bytes: u64,
    /// Client ids that have structs.
    pub clients: u64,
    /// Structs, as they come: what is coalesced later counts once.
    pub structs: u64,
}

impl IndexLimits {
    /// Bounds that nothing reaches.
    pub const NONE: Self = Self { bytes: u64::MAX, clients: u64::MAX, structs: u64::MAX };
}

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

    /// Sets the limits of what is admitted from here on; what is there stays.
    pub fn set_limits(&mut self, limits: IndexLimits) {
        self.limits = limits;
    }

    /// Takes of the update what can be taken now.
    ///
    /// `judge` is asked once for each client id with new structs that could follow, with the id of the first.
    pub fn admit(&mut self, update: &Update<'_>, judge: &mut dyn FnMut(Id) -> Verdict) -> Admission {
        let mut plan = Plan::new(self, update, judge);
        plan.run();
        let deletions = plan_deletions(&mut plan, update);
        let (taken, mut admission) = plan.finish();
        admission.new_structs = !taken.is_empty();
        admission.new_deletions = deletions.iter().any(|(_, ranges)| !ranges.is_empty());
        if admission.new_structs || admission.new_deletions {
            admission.taken = Some(self.write(&taken, &deletions, &mut admission.before));
        }
        admission
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

    /// Makes place for a client id, if the limit allows one more.
    pub(crate) fn add_client(&mut self, client: ClientId) -> Option<usize> {
        if self.clients() >= self.limits.clients {
            return None;
        }
        let slot = self.clients.len();
        if slot == 0 {
            // Most documents have one for long: room for it, not for four.
            self.clients.reserve_exact(1);
        }
        self.clients.push(Client::new(client));
        self.slots.insert(client, slot);
        Some(slot)
    }

    /// Whether the limits allow so many bytes and structs more.
    pub(crate) fn has_room(&self, bytes: u64, structs: u64) -> bool {
        self.weight.bytes.saturating_add(bytes) <= self.limits.bytes
            && self.weight.structs.saturating_add(structs) <= self.limits.structs
    }

    fn clients_down(&self) -> impl Iterator<Item = &Client> + '_ {
        self.slots.values().rev().map(|slot| &self.clients[*slot])
    }

    fn encoded_bytes(&self) -> usize {
        let ranges: usize = self.clients.iter().map(|client| client.deleted.as_slice().len()).sum();
        usize::try_from(self.weight.bytes).unwrap_or(0) + ranges * 6 + self.clients.len() * 20 + 8
    }

    /// Writes what is new behind what is there, and as an update of its own.
    fn write(
        &mut self,
        taken: &[Taken<'_>],
        deletions: &[(usize, Vec<(Clock, Clock)>)],
        before: &mut Vec<(ClientId, Clock)>,
    ) -> Vec<u8> {
        if self.collect == Collect::Collected {
            self.collect_known(taken, deletions);
        }
        let mut out = Vec::with_capacity(64);
        let mut runs = Runs::default();
        write_var_uint(&mut out, taken.len() as u64);
        before.reserve(taken.len());
        for new in taken {
            runs.clear();
            // All of a client that nothing was known of is new: its block is what is held of it, not to be written twice.
            let is_all = new.before == 0;
            let mut copy = (!is_all).then_some(Relayed { runs: &mut runs, tail: None });
            self.write_client(new, &mut copy);
            let client = &self.clients[new.slot];
            self.state.set(client.id, client.end);
            before.push((client.id, new.before));
            if is_all {
                client.write_since(&mut out, 0);
            } else {
                write_block(&mut out, client.id, new.before, &runs);
            }
        }
        write_var_uint(&mut out, deletions.len() as u64);
        for (slot, ranges) in deletions {
            write_deletions(&mut out, self.clients[*slot].id, ranges);
        }
        out
    }

    /// Collects what is newly deleted of what was there before.
    fn collect_known(&mut self, taken: &[Taken<'_>], deletions: &[(usize, Vec<(Clock, Clock)>)]) {
        // Both name the highest client first.
        let mut news = taken.iter().peekable();
        for (slot, ranges) in deletions {
            let client = self.clients[*slot].id;
            while news.next_if(|new| self.clients[new.slot].id > client).is_some() {}
            let held = news.peek().filter(|new| new.slot == *slot).map_or(Clock::MAX, |new| new.before);
            let count = ranges.partition_point(|range| range.0 < held);
            let mut clipped = ranges[..count].to_vec();
            if let Some(last) = clipped.last_mut() {
                last.1 = last.1.min(held);
            }
            let (was, is) = self.clients[*slot].collect(&clipped);
            self.weight.bytes = self.weight.bytes + is.bytes - was.bytes;
            self.weight.structs = self.weight.structs + is.structs - was.structs;
        }
    }

    fn write_client(&mut self, new: &Taken<'_>, copy: &mut Option<Relayed<'_>>) {
        let client = &mut self.clients[new.slot];
        let mut weight = Weight::default();
        for (clock, body) in new.structs {
            if clock >= client.end {
                break;
            }
            // Of what overlaps the known only the rest is new.
            let (clock, body) = match new.before.checked_sub(clock) {
                Some(known) if known >= body.len() => continue,
                Some(known @ 1..) => (new.before, body.split(Id { client: client.id, clock }, known).1),
                _ => (clock, body),
            };
            let added = client.write(clock, body, self.collect, copy);
            weight.bytes += added.bytes;
            weight.structs += added.structs;
        }
        self.weight.bytes += weight.bytes;
        self.weight.structs += weight.structs;
    }
}

/// Adds what is deleted, by the update's ranges or because it came without content, as far as it is known; answers what
/// of it was not deleted before, by client. Somebody may hold the content of what came without.
fn plan_deletions(plan: &mut Plan<'_, '_, '_>, update: &Update<'_>) -> Vec<(usize, Vec<(Clock, Clock)>)> {
    let mut known = plan.take_gone();
    for (client, from, to) in update.deletions() {
        let until = plan.known_until(client, from, to);
        if from < until {
            known.push((client, from, until));
        }
    }
    // The highest client first; one that is listed twice counts once.
    known.sort_by_key(|(client, ..)| std::cmp::Reverse(*client));
    let mut fresh = Vec::new();
    let mut ranges = Vec::new();
    for of_client in known.chunk_by(|one, next| one.0 == next.0) {
        let Some(slot) = plan.index().slot(of_client[0].0) else { continue };
        ranges.clear();
        ranges.extend(of_client.iter().map(|(_, from, to)| (*from, *to)));
        let mut new = Vec::new();
        plan.index().client_mut(slot).deleted.add_all(&mut ranges, &mut |from, to| new.push((from, to)));
        if !new.is_empty() {
            fresh.push((slot, new));
        }
    }
    fresh
}
