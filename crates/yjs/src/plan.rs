//! Finds what of an update can be taken, and in which order.
//!
//! A struct can be taken when its clock is its client's next and its origin, right origin and parent are there. The
//! blocks of an update are walked as Yjs walks them: a struct that needs another block's waits on a stack until that
//! block has come so far. A block that is needed while it waits itself is part of a cycle. Each struct is looked at
//! once for each of its references, so the cost is linear.

use std::borrow::Cow;

use tandem_model::{ClientId, Clock, Id};

use crate::TYPE_NESTING_MAX;
use crate::admission::{Admission, Cause, Verdict};
use crate::client::{Client, Place, PlaceKind, Weight};
use crate::cut::is_keyed;
use crate::deleting::Deleting;
use crate::index::{Index, PIECE_BYTES_MAX};
use crate::ranges::overlapping;
use crate::runs::Piece;
use crate::structs::{Item, Parent, Struct};
use crate::taken::{deletes_all, write_taken};
use crate::update::{Block, Cursor, Update};

/// Why a block cannot go on.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// For now: another block has to come so far.
    Needs(usize, Clock),
    Missing(Id),
    Withheld,
    Refused(Cause),
}

/// How far a block has come.
#[derive(Clone, Copy, Debug)]
enum State {
    Ready,
    /// On the stack: waits for another block.
    Waiting,
    /// All of it was looked at.
    Done,
    Stopped(Stop),
}

/// One block on its way.
struct Walk {
    client: ClientId,
    /// What of it was not looked at.
    rest: Cursor,
    slot: Option<usize>,
    state: State,
    judged: bool,
    taken: Option<Taken>,
}

/// What was taken of a block.
struct Taken {
    /// The client's clock before.
    before: Clock,
    /// Where [`Deleting`] holds what is deleted of it.
    deleted_at: usize,
}

/// How a struct came.
#[derive(Clone, Copy)]
struct Came<'a> {
    clock: Clock,
    bytes: u64,
    /// Its bytes, if the index would encode it in the same.
    encoded: Option<&'a [u8]>,
}

enum Step {
    /// The block needs nothing more, or cannot go on, or has come as far as was asked.
    Back,
    /// The block waits until another has come so far.
    Needs(usize, Clock),
}

/// The walk over one update.
pub(crate) struct Plan<'i, 'a, 'j> {
    index: &'i mut Index,
    update: &'i Update<'a>,
    /// The highest client first.
    walks: Vec<Walk>,
    judge: &'j mut dyn FnMut(Id) -> Verdict,
    admission: Admission<'a>,
    deleting: Deleting,
    /// What was taken as deleted already, with its block.
    gone: Vec<(usize, Clock, Clock)>,
    /// How much may be taken yet, as it comes.
    room: Weight,
    /// How many pieces more it may fall into.
    pieces: u64,
    /// Whether all that was looked at is taken as it came.
    as_it_came: bool,
}

impl<'i, 'a, 'j> Plan<'i, 'a, 'j> {
    pub(crate) fn new(index: &'i mut Index, update: &'i Update<'a>, judge: &'j mut dyn FnMut(Id) -> Verdict) -> Self {
        let walk = |block: &Block| Walk {
            client: block.client,
            rest: block.start,
            slot: index.slot(block.client),
            state: State::Ready,
            judged: false,
            taken: None,
        };
        // A vector that grows touches twice the memory, and new memory is dear: a page costs more than what is written to it.
        let mut walks = Vec::with_capacity(update.blocks());
        walks.extend(update.filled().map(walk));
        let (room, pieces) = (index.room(), index.pieces());
        let as_it_came = update.as_it_came().is_some() && walks.len() == update.blocks();
        let deleting = Deleting::what_is_there(index, update, |client| walk_of(&walks, client).is_some());
        let (admission, gone) = (Admission::default(), Vec::new());
        Self { index, update, walks, judge, admission, deleting, gone, room, pieces, as_it_came }
    }

    /// Walks all blocks, takes what can be taken, and deletes.
    pub(crate) fn run(mut self) -> Admission<'a> {
        let mut waiting: Vec<(usize, Option<Clock>)> = Vec::new();
        for first in 0..self.walks.len() {
            if !matches!(self.walks[first].state, State::Ready) {
                continue;
            }
            let (mut walk, mut until) = (first, None);
            loop {
                match self.advance(walk, until) {
                    Step::Needs(other, clock) => {
                        self.walks[walk].state = State::Waiting;
                        waiting.push((walk, until));
                        (walk, until) = (other, Some(clock));
                    }
                    Step::Back => {
                        let Some(next) = waiting.pop() else { break };
                        (walk, until) = next;
                        self.walks[walk].state = State::Ready;
                    }
                }
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Admission<'a> {
        let slots: Vec<_> =
            self.walks.iter().filter(|walk| walk.taken.is_some()).filter_map(|walk| walk.slot).collect();
        let blocks = slots.len();
        self.index.count(slots.into_iter());
        if self.deleting.reaches_ahead && self.admission.missing.is_none() {
            self.miss_deleted();
        }
        if let Some(id) = self.deleting.refused {
            self.stop(id, Stop::Refused(Cause::Full));
        }
        let Self { index, update, walks, mut admission, mut deleting, mut gone, as_it_came, .. } = self;
        gone.sort_by_key(|gone| gone.0);
        let mut gone = gone.into_iter().peekable();
        admission.before.reserve_exact(blocks);
        for (at, walk) in walks.iter().enumerate() {
            let (Some(slot), Some(taken)) = (walk.slot, &walk.taken) else { continue };
            let gone = std::iter::from_fn(|| gone.next_if(|gone| gone.0 == at)).map(|(_, from, to)| (from, to));
            deleting.what_came(index.client_mut(slot), taken.deleted_at, gone);
            admission.before.push((walk.client, taken.before));
        }
        let deleted = deleting.into_fresh();
        admission.new_structs = !admission.before.is_empty();
        admission.new_deletions = !deleted.is_empty();
        if admission.new_structs || admission.new_deletions {
            let as_it_came = update.as_it_came().filter(|_| as_it_came && deletes_all(update, &deleted));
            admission.taken = Some(match as_it_came {
                Some(bytes) => Cow::Borrowed(bytes),
                None => Cow::Owned(write_taken(index, update, &admission.before, &deleted)),
            });
        }
        admission
    }

    /// Notes the first that is to be deleted and not there.
    fn miss_deleted(&mut self) {
        let mut last = None;
        for (client, from, to) in self.update.deletions() {
            let end = match last {
                Some((last, end)) if last == client => end,
                _ => self.index.slot(client).map_or(0, |slot| self.index.client(slot).end),
            };
            last = Some((client, end));
            // What is withheld or refused is not missing.
            if to > end && !self.is_held_back(client) {
                return self.miss(Id { client, clock: from.max(end) });
            }
        }
    }

    fn is_held_back(&self, client: ClientId) -> bool {
        walk_of(&self.walks, client)
            .is_some_and(|walk| matches!(self.walks[walk].state, State::Stopped(Stop::Withheld | Stop::Refused(_))))
    }

    fn advance(&mut self, at: usize, until: Option<Clock>) -> Step {
        let client = self.walks[at].client;
        let mut structs = self.update.structs(self.walks[at].rest);
        let mut end = self.walks[at].slot.map_or(0, |slot| self.index.client(slot).end);
        loop {
            if until.is_some_and(|until| end > until) {
                self.walks[at].rest = structs.cursor();
                return Step::Back;
            }
            let here = structs.cursor();
            let Some((clock, mut body)) = structs.next() else {
                self.walks[at].state = State::Done;
                return Step::Back;
            };
            if matches!(body, Struct::Skip(_)) || clock + body.len() <= end {
                self.as_it_came = false;
                continue;
            }
            let place = self.examine(at, clock, &body, end);
            let (bytes, encoded) = structs.since(here);
            let came = Came { clock, bytes, encoded };
            match place.and_then(|place| self.take(at, came, &mut body, place)) {
                Ok(taken_until) => end = taken_until,
                Err(Stop::Needs(other, needed)) => {
                    // It is read again when what it waits for has come.
                    self.walks[at].rest = here;
                    return Step::Needs(other, needed);
                }
                Err(stop) => {
                    self.as_it_came = false;
                    self.stop(Id { client, clock: end }, stop);
                    self.walks[at].state = State::Stopped(stop);
                    return Step::Back;
                }
            }
        }
    }

    fn stop(&mut self, id: Id, stop: Stop) {
        match stop {
            Stop::Missing(id) => self.miss(id),
            Stop::Needs(..) | Stop::Withheld => {}
            Stop::Refused(cause) => {
                self.admission.refused.get_or_insert(id);
                self.admission.cause.get_or_insert(cause);
                self.admission.full |= cause == Cause::Full;
            }
        }
    }

    fn miss(&mut self, id: Id) {
        self.admission.missing.get_or_insert(id);
    }

    /// Where a struct hangs, if everything that it needs is there.
    fn examine(&mut self, at: usize, clock: Clock, body: &Struct<'a>, end: Clock) -> Result<Place, Stop> {
        let client = self.walks[at].client;
        if clock > end {
            return Err(Stop::Missing(Id { client, clock: end }));
        }
        if !self.walks[at].judged {
            self.judge(at, Id { client, clock: end })?;
        }
        let Struct::Item(item) = body else { return Ok(Place::NOWHERE) };
        // Of a struct whose front is known only the rest is taken: its origin is then its own client's last.
        let known = clock < end;
        let origin = if known { end.checked_sub(1).map(|clock| Id { client, clock }) } else { item.origin };
        let left = origin.map(|id| self.place_of(at, id)).transpose()?;
        let right = item.right.map(|id| self.place_of(at, id)).transpose()?;
        // Yjs hangs an item where its origin hangs, else its right origin, else where it says; nowhere if one of them is
        // collected, or if the parent holds no type.
        if [left, right].into_iter().flatten().any(|place| place.kind == PlaceKind::Nowhere) {
            return Ok(Place::NOWHERE);
        }
        left.or(right).map_or_else(|| self.place_in(at, item), Ok)
    }

    fn judge(&mut self, at: usize, id: Id) -> Result<(), Stop> {
        self.walks[at].judged = true;
        match (self.judge)(id) {
            Verdict::Take => Ok(()),
            Verdict::Withhold => {
                self.admission.withheld.push(id);
                Err(Stop::Withheld)
            }
            Verdict::Refuse => Err(Stop::Refused(Cause::Judged)),
        }
    }

    /// Where an item hangs by the parent that it says.
    fn place_in(&self, at: usize, item: &Item<'_>) -> Result<Place, Stop> {
        let kind = if item.keyed { PlaceKind::Keyed } else { PlaceKind::Listed };
        match item.parent {
            Parent::Inherited => Ok(Place::NOWHERE),
            Parent::Root(..) => Ok(Place { depth: 0, kind }),
            Parent::Element(id, _) => {
                let client = self.holder(at, id)?;
                let place = client.place(id.clock);
                if !client.holds_type(id.clock) || place.kind == PlaceKind::Nowhere {
                    Ok(Place::NOWHERE)
                } else if place.depth >= TYPE_NESTING_MAX {
                    Err(Stop::Refused(Cause::Depth))
                } else {
                    Ok(Place { depth: place.depth + 1, kind })
                }
            }
        }
    }

    /// Where an element hangs that a struct of the block `at` refers to.
    fn place_of(&self, at: usize, id: Id) -> Result<Place, Stop> {
        self.holder(at, id).map(|client| client.place(id.clock))
    }

    /// The client of an element that a struct of the block `at` refers to, if the element is there.
    fn holder(&self, at: usize, id: Id) -> Result<&Client, Stop> {
        // Most refer to their own client or to its neighbour.
        let near =
            [at, at + 1].into_iter().find(|near| self.walks.get(*near).is_some_and(|walk| walk.client == id.client));
        let other = near.or_else(|| walk_of(&self.walks, id.client));
        let slot = other.map_or_else(|| self.index.slot(id.client), |other| self.walks[other].slot);
        let held = slot.map(|slot| self.index.client(slot)).filter(|client| id.clock < client.end);
        held.ok_or_else(|| match other.map(|other| (other, self.walks[other].state)) {
            None | Some((_, State::Done)) => Stop::Missing(id),
            Some((other, State::Ready)) => Stop::Needs(other, id.clock),
            Some((_, State::Waiting)) => Stop::Refused(Cause::Cycle),
            Some((_, State::Stopped(stop))) => stop,
        })
    }

    /// Takes a struct; answers its client's clock behind it.
    fn take(&mut self, at: usize, came: Came<'_>, body: &mut Struct<'_>, place: Place) -> Result<Clock, Stop> {
        let Came { clock, bytes, mut encoded } = came;
        let expected = self.walks.len() - 1;
        let walk = &mut self.walks[at];
        let before = walk.slot.map_or(0, |slot| self.index.client(slot).end);
        // Of what overlaps the known only the rest is new.
        if clock < before {
            encoded = None;
            body.cut_front(Id { client: walk.client, clock }, before - clock);
        }
        if place.kind.corrects(body) {
            encoded = None;
        }
        let end = before + body.len();
        let gone = body.is_gone();
        let deleted_at = walk.taken.as_ref().map(|taken| taken.deleted_at);
        let deleted_at = deleted_at.unwrap_or_else(|| self.deleting.ahead_of(walk.client));
        let ahead = if gone { &[] } else { self.deleting.ahead(deleted_at) };
        let deleted = overlapping(ahead, before, end);
        let cuts = cuts(before, end, deleted, is_keyed(body));
        let weight = Weight { bytes: bytes.saturating_add(cuts.saturating_mul(PIECE_BYTES_MAX)), structs: 1 + cuts };
        if cuts > self.pieces {
            return Err(Stop::Refused(Cause::Pieces));
        }
        if self.room.bytes < weight.bytes || self.room.structs < weight.structs {
            return Err(Stop::Refused(Cause::Full));
        }
        let slot = match walk.slot {
            Some(slot) => slot,
            None => self.index.add_client(walk.client, expected).ok_or(Stop::Refused(Cause::Full))?,
        };
        walk.slot = Some(slot);
        self.pieces -= cuts;
        self.room.bytes -= weight.bytes;
        self.room.structs -= weight.structs;
        let is_first = walk.taken.is_none();
        walk.taken.get_or_insert(Taken { before, deleted_at });
        let piece = Piece { encoded, ..Piece::new(before, body, false) };
        let joined = self.index.take(slot, &piece, place, deleted);
        self.as_it_came &= encoded.is_some() && cuts == 0 && deleted.is_empty() && !gone && (is_first || !joined);
        if gone {
            match self.gone.last_mut() {
                Some(last) if last.0 == at && last.2 == before => last.2 = end,
                _ => self.gone.push((at, before, end)),
            }
        }
        Ok(end)
    }
}

/// How often the struct of these clocks is cut when it is written: where what is deleted of it begins and ends, and
/// between all values under a key that are not deleted.
fn cuts(from: Clock, to: Clock, deleted: &[(Clock, Clock)], keyed: bool) -> u64 {
    let at_edges =
        [deleted.first().is_some_and(|first| first.0 <= from), deleted.last().is_some_and(|last| last.1 >= to)];
    let edges = 2 * deleted.len() as u64 - at_edges.into_iter().map(u64::from).sum::<u64>();
    if !keyed {
        return edges;
    }
    let gone: u64 = deleted.iter().map(|range| range.1.min(to) - range.0.max(from)).sum();
    edges + (to - from - gone).saturating_sub(1)
}

/// Where the block of a client stands.
fn walk_of(walks: &[Walk], client: ClientId) -> Option<usize> {
    walks.binary_search_by(|walk| client.cmp(&walk.client)).ok()
}
