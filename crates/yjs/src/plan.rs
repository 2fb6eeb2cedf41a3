//! Finds what of an update can be taken, and in which order.
//!
//! A struct can be taken when its clock is its client's next and its origin, right origin and parent are there. The
//! blocks of an update are walked as Yjs walks them: a struct that needs another block's waits on a stack until that
//! block has come so far. A block that is needed while it waits itself is part of a cycle. Each struct is looked at
//! once for each of its references, so the cost is linear.

use tandem_model::{ClientId, Clock, Id};

use crate::TYPE_NESTING_MAX;
use crate::admission::{Admission, Cause, Verdict};
use crate::client::{Place, PlaceKind};
use crate::content::reference;
use crate::index::Index;
use crate::structs::{Item, Parent, Struct};
use crate::update::{Structs, Update};

/// Why a block cannot go on.
#[derive(Clone, Copy, Debug)]
enum Stop {
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
struct Walk<'a> {
    client: ClientId,
    structs: Structs<'a>,
    slot: Option<usize>,
    state: State,
    judged: bool,
    /// Where the first new struct stands, once one was taken, and the client's clock before.
    taken: Option<(Structs<'a>, Clock)>,
}

/// Where the new structs of one client stand in the update.
pub(crate) struct Taken<'a> {
    pub(crate) slot: usize,
    /// Starts with the first struct of which something is new.
    pub(crate) structs: Structs<'a>,
    /// The client's clock before.
    pub(crate) before: Clock,
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
    walks: Vec<Walk<'a>>,
    judge: &'j mut dyn FnMut(Id) -> Verdict,
    pub(crate) admission: Admission,
    bytes: u64,
    structs: u64,
    /// What was taken as deleted already: who holds its content has to hear of its deletion.
    gone: Vec<(ClientId, Clock, Clock)>,
}

impl<'i, 'a, 'j> Plan<'i, 'a, 'j> {
    pub(crate) fn new(index: &'i mut Index, update: &Update<'a>, judge: &'j mut dyn FnMut(Id) -> Verdict) -> Self {
        let walks = update
            .filled()
            .map(|block| Walk {
                client: block.client,
                structs: update.structs(block),
                slot: index.slot(block.client),
                state: State::Ready,
                judged: false,
                taken: None,
            })
            .collect();
        Self { index, walks, judge, admission: Admission::default(), bytes: 0, structs: 0, gone: Vec::new() }
    }

    /// Walks all blocks; notes in the index the clocks and places of what can be taken.
    pub(crate) fn run(&mut self) {
        let mut stack: Vec<(usize, Option<Clock>)> = Vec::new();
        for first in 0..self.walks.len() {
            if !matches!(self.walks[first].state, State::Ready) {
                continue;
            }
            stack.push((first, None));
            while let Some(&(walk, until)) = stack.last() {
                match self.advance(walk, until) {
                    Step::Needs(other, clock) => {
                        self.walks[walk].state = State::Waiting;
                        stack.push((other, Some(clock)));
                    }
                    Step::Back => {
                        stack.pop();
                        if let Some(&(waiting, _)) = stack.last() {
                            self.walks[waiting].state = State::Ready;
                        }
                    }
                }
            }
        }
    }

    /// Notes what the deleted range lacks; answers how far it is known.
    pub(crate) fn known_until(&mut self, client: ClientId, from: Clock, to: Clock) -> Clock {
        let end = self.index.slot(client).map_or(0, |slot| self.index.client(slot).end);
        if to > end {
            let needed = Id { client, clock: from.max(end) };
            // What is withheld or refused is not missing.
            if !self.is_held_back(client) {
                self.miss(needed);
            }
        }
        to.min(end)
    }

    /// The new elements that came as deleted.
    pub(crate) fn take_gone(&mut self) -> Vec<(ClientId, Clock, Clock)> {
        std::mem::take(&mut self.gone)
    }

    /// Where the new structs stand, the highest client first.
    pub(crate) fn finish(self) -> (Vec<Taken<'a>>, Admission) {
        let taken = self
            .walks
            .iter()
            .filter_map(|walk| {
                let (structs, before) = walk.taken?;
                Some(Taken { slot: walk.slot?, structs, before })
            })
            .collect();
        (taken, self.admission)
    }

    pub(crate) fn index(&mut self) -> &mut Index {
        self.index
    }

    fn is_held_back(&self, client: ClientId) -> bool {
        self.walk_of(client)
            .is_some_and(|walk| matches!(self.walks[walk].state, State::Stopped(Stop::Withheld | Stop::Refused(_))))
    }

    fn advance(&mut self, at: usize, until: Option<Clock>) -> Step {
        loop {
            let end = self.end_of_walk(at);
            if until.is_some_and(|until| end > until) {
                return Step::Back;
            }
            let here = self.walks[at].structs;
            let Some((clock, body)) = self.walks[at].structs.next() else {
                self.walks[at].state = State::Done;
                return Step::Back;
            };
            if matches!(body, Struct::Skip(_)) || clock + body.len() <= end {
                continue;
            }
            let stop = match self.examine(at, clock, &body, end) {
                Ok(Found::Place(place)) => match self.take(at, clock, &body, here, place) {
                    Ok(()) => continue,
                    Err(stop) => stop,
                },
                Ok(Found::Needs(other, needed)) => {
                    // It is read again when what it waits for has come.
                    self.walks[at].structs = here;
                    return Step::Needs(other, needed);
                }
                Err(stop) => stop,
            };
            return self.stop(at, end, stop);
        }
    }

    fn stop(&mut self, at: usize, end: Clock, stop: Stop) -> Step {
        let id = Id { client: self.walks[at].client, clock: end };
        self.walks[at].state = State::Stopped(stop);
        match stop {
            Stop::Missing(id) => self.miss(id),
            Stop::Withheld => {}
            Stop::Refused(cause) => {
                self.admission.refused.get_or_insert(id);
                self.admission.cause.get_or_insert(cause);
                self.admission.full |= cause == Cause::Full;
            }
        }
        Step::Back
    }

    fn miss(&mut self, id: Id) {
        self.admission.missing.get_or_insert(id);
    }

    fn examine(&mut self, at: usize, clock: Clock, body: &Struct<'a>, end: Clock) -> Result<Found, Stop> {
        let client = self.walks[at].client;
        if clock > end {
            return Err(Stop::Missing(Id { client, clock: end }));
        }
        if !self.walks[at].judged {
            self.judge(at, Id { client, clock: end })?;
        }
        let Struct::Item(item) = body else { return Ok(Found::Place(Place::NOWHERE)) };
        // Of a struct whose front is known only the rest is taken: its origin is then its own client's last.
        let known = clock < end;
        let parent = match item.parent {
            Parent::Element(id, _) if !known => Some(id),
            _ => None,
        };
        let origin = if known { None } else { item.origin };
        for id in [origin, item.right, parent].into_iter().flatten() {
            if id.client != client && !self.holds(id) {
                return self.need(id);
            }
        }
        if known { Ok(Found::Place(self.sliced_place(at, item, end))) } else { self.place(item).map(Found::Place) }
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

    fn need(&self, id: Id) -> Result<Found, Stop> {
        let Some(other) = self.walk_of(id.client) else { return Err(Stop::Missing(id)) };
        match self.walks[other].state {
            State::Ready => Ok(Found::Needs(other, id.clock)),
            State::Waiting => Err(Stop::Refused(Cause::Cycle)),
            State::Done => Err(Stop::Missing(id)),
            State::Stopped(stop) => Err(stop),
        }
    }

    fn sliced_place(&self, at: usize, item: &Item<'_>, end: Clock) -> Place {
        let client = self.walks[at].client;
        let left = end.checked_sub(1).map_or(Place::NOWHERE, |clock| self.place_of(Id { client, clock }));
        match item.right.map(|right| self.place_of(right).kind) {
            Some(PlaceKind::Nowhere) => Place::NOWHERE,
            _ => left,
        }
    }

    /// Where Yjs hangs an item: where its origin hangs, else its right origin, else where it says; nowhere if one of
    /// them is collected, or if the parent holds no type.
    fn place(&self, item: &Item<'_>) -> Result<Place, Stop> {
        let left = item.origin.map(|id| self.place_of(id));
        let right = item.right.map(|id| self.place_of(id));
        if [left, right].into_iter().flatten().any(|place| place.kind == PlaceKind::Nowhere) {
            return Ok(Place::NOWHERE);
        }
        if let Some(place) = left.or(right) {
            return Ok(place);
        }
        let kind = if item.keyed { PlaceKind::Keyed } else { PlaceKind::Listed };
        match item.parent {
            Parent::Inherited => Ok(Place::NOWHERE),
            Parent::Root(..) => Ok(Place { depth: 0, kind }),
            Parent::Element(id, _) => match self.depth_in(id) {
                None => Ok(Place::NOWHERE),
                Some(depth) if depth > TYPE_NESTING_MAX => Err(Stop::Refused(Cause::Depth)),
                Some(depth) => Ok(Place { depth, kind }),
            },
        }
    }

    fn depth_in(&self, id: Id) -> Option<u16> {
        let client = self.index.client(self.index.slot(id.client)?);
        let place = client.place(id.clock);
        (client.holds_type(id.clock) && place.kind != PlaceKind::Nowhere).then(|| place.depth + 1)
    }

    fn place_of(&self, id: Id) -> Place {
        self.index.slot(id.client).map_or(Place::NOWHERE, |slot| self.index.client(slot).place(id.clock))
    }

    fn holds(&self, id: Id) -> bool {
        self.index.slot(id.client).is_some_and(|slot| id.clock < self.index.client(slot).end)
    }

    fn walk_of(&self, client: ClientId) -> Option<usize> {
        self.walks.binary_search_by(|walk| client.cmp(&walk.client)).ok()
    }

    fn end_of_walk(&self, at: usize) -> Clock {
        self.walks[at].slot.map_or(0, |slot| self.index.client(slot).end)
    }

    fn take(
        &mut self,
        at: usize,
        clock: Clock,
        body: &Struct<'_>,
        here: Structs<'a>,
        place: Place,
    ) -> Result<(), Stop> {
        let bytes = (self.walks[at].structs.position() - here.position()) as u64;
        if !self.index.has_room(self.bytes + bytes, self.structs + 1) {
            return Err(Stop::Refused(Cause::Full));
        }
        let slot = match self.walks[at].slot {
            Some(slot) => slot,
            None => self.index.add_client(self.walks[at].client).ok_or(Stop::Refused(Cause::Full))?,
        };
        self.bytes += bytes;
        self.structs += 1;
        let client = self.index.client_mut(slot);
        let before = client.end;
        let end = clock + body.len();
        client.extend(end - before, place, holds_type(body));
        if is_gone(body) {
            let client = self.walks[at].client;
            match self.gone.last_mut() {
                Some(last) if last.0 == client && last.2 == before => last.2 = end,
                _ => self.gone.push((client, before, end)),
            }
        }
        let walk = &mut self.walks[at];
        walk.slot = Some(slot);
        if walk.taken.is_none() {
            walk.taken = Some((here, before));
        }
        Ok(())
    }
}

enum Found {
    /// Everything that it needs is there: it hangs here.
    Place(Place),
    /// It waits until a block has come so far.
    Needs(usize, Clock),
}

fn holds_type(body: &Struct<'_>) -> bool {
    matches!(body, Struct::Item(item) if item.content.reference() == reference::TYPE)
}

/// Whether a struct comes without its content: it was deleted where it comes from.
fn is_gone(body: &Struct<'_>) -> bool {
    match body {
        Struct::Gc(_) => true,
        Struct::Item(item) => item.content.is_deleted(),
        Struct::Skip(_) => false,
    }
}
