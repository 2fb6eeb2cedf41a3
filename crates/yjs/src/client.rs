//! All that is held of one client: its structs as encoded chunks, and what admission asks about them.

mod collecting;
mod restoring;

use tandem_model::{ClientId, Clock, Id};

use self::collecting::Start;
use crate::content::Trust;
use crate::cut::{cut_as, is_whole};
use crate::index::Collect;
use crate::lib0::{Reader, write_var_uint};
use crate::ranges::Ranges;
use crate::runs::{Piece, Runs, Tail};
use crate::structs::Struct;

/// A chunk that has reached this many bytes takes no further struct (a single struct may be longer): what touches the
/// middle of a client's structs reads and moves one chunk.
const CHUNK_BYTES: usize = 512;

/// Where an element hangs, as far as admission asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// How many types, one in the other, it hangs in; 0 on a root type.
    pub(crate) depth: u16,
    /// How it hangs there.
    pub(crate) kind: PlaceKind,
}

/// How an element hangs in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    /// Nowhere: its parent or a neighbour is collected, Yjs makes GC of it.
    Nowhere,
    /// In the sequence.
    Listed,
    /// Under a key.
    Keyed,
}

impl PlaceKind {
    /// Lets a struct that hangs so say whether it stands under a key; what hangs nowhere is held as it says: whoever has
    /// what is collected here may hang it under its key. Whether it had said otherwise: no Yjs does.
    pub(crate) fn corrects(self, body: &mut Struct<'_>) -> bool {
        self != Self::Nowhere && body.say_keyed(self == Self::Keyed)
    }
}

impl Place {
    /// The place of what hangs nowhere.
    pub(crate) const NOWHERE: Self = Self { depth: 0, kind: PlaceKind::Nowhere };
}

/// A stretch of structs, encoded.
#[derive(Clone, Debug)]
struct Chunk {
    /// Clock of its first element.
    start: Clock,
    runs: Runs,
}

/// All that is held of one client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    /// The next clock: all below is there.
    pub(crate) end: Clock,
    /// What is deleted.
    pub(crate) deleted: Ranges,
    /// Where the first element hangs.
    first_place: Place,
    /// From which later clock on elements hang elsewhere; adjacent entries differ.
    places: Vec<(Clock, Place)>,
    /// The elements that hold a type, in order.
    types: Vec<Clock>,
    chunks: Vec<Chunk>,
    /// Of the last chunk's last struct.
    tail: Option<Tail>,
    /// Where content was dropped last.
    near: Start,
}

/// How much a change added to a client's encoding and took away from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) bytes: u64,
    pub(crate) structs: u64,
}

impl Client {
    pub(crate) fn new(id: ClientId) -> Self {
        Self {
            id,
            end: 0,
            deleted: Ranges::default(),
            first_place: Place::NOWHERE,
            places: Vec::new(),
            types: Vec::new(),
            // Most clients of a large document brought little: room for one chunk, not for four.
            chunks: Vec::with_capacity(1),
            tail: None,
            near: Start::default(),
        }
    }

    /// Where the element at `clock` hangs; the element must be there.
    pub(crate) fn place(&self, clock: Clock) -> Place {
        match self.places.last() {
            None => self.first_place,
            Some(last) if last.0 <= clock => last.1,
            Some(_) => {
                let behind = self.places.partition_point(|entry| entry.0 <= clock);
                behind.checked_sub(1).map_or(self.first_place, |at| self.places[at].1)
            }
        }
    }

    /// Whether the element at `clock` holds a type.
    pub(crate) fn holds_type(&self, clock: Clock) -> bool {
        self.types.binary_search(&clock).is_ok()
    }

    /// Notes that `length` elements follow which hang at `place`.
    pub(crate) fn extend(&mut self, length: Clock, place: Place, holds_type: bool) {
        if self.end == 0 {
            self.first_place = place;
        } else if self.places.last().map_or(self.first_place, |last| last.1) != place {
            self.places.push((self.end, place));
        }
        if holds_type {
            self.types.push(self.end);
        }
        self.end += length;
    }

    /// How many bytes and structs are held.
    pub(crate) fn weight(&self) -> Weight {
        weigh(&self.chunks)
    }

    /// Writes a whole struct behind what is there; its clocks were noted by [`extend`](Self::extend). `deleted` holds what
    /// is deleted of it, and maybe more.
    pub(crate) fn write(&mut self, piece: &Piece<'_>, collect: Collect, deleted: &[(Clock, Clock)]) -> Weight {
        let (client, clock, body) = (self.id, piece.clock, piece.body);
        let (chunks, tail) = (&mut self.chunks, &mut self.tail);
        if deleted.is_empty() && is_whole(body) {
            return push_chunked(chunks, client, tail, piece);
        }
        let mut added = Weight::default();
        cut_as(collect, Id { client, clock }, body, deleted, &mut |piece| {
            add(&mut added, push_chunked(chunks, client, tail, piece));
        });
        added
    }

    /// Writes the client's block of an update: all from `since` on, which is below the end.
    pub(crate) fn write_since(&self, out: &mut Vec<u8>, since: Clock) {
        let at = self.chunk_of(since);
        let Some(chunk) = self.chunks.get(at) else { return };
        let mut structs = Reader::new(&chunk.runs.bytes);
        let (mut clock, mut passed, mut position) = (chunk.start, 0, 0);
        let mut cut = None;
        while clock < since {
            let Ok(mut body) = Struct::read(&mut structs, Trust::Own) else { break };
            let end = clock + body.len();
            if end > since {
                body.cut_front(Id { client: self.id, clock }, since - clock);
                cut = Some(body);
            } else {
                passed += 1;
                position = structs.position();
            }
            clock = end;
        }
        let held = weigh(&self.chunks[at..]);
        out.reserve(usize::try_from(held.bytes).unwrap_or(0) - structs.position() + 24);
        write_var_uint(out, held.structs - passed);
        write_var_uint(out, self.id.0);
        write_var_uint(out, since);
        if let Some(body) = cut {
            let mut one = Runs::default();
            one.push(self.id, &mut None, &Piece::new(since, &body, false));
            out.extend_from_slice(&one.bytes);
            position = structs.position();
        }
        out.extend_from_slice(&chunk.runs.bytes[position..]);
        for chunk in &self.chunks[at + 1..] {
            out.extend_from_slice(&chunk.runs.bytes);
        }
    }

    fn chunk_of(&self, clock: Clock) -> usize {
        self.chunks.partition_point(|chunk| chunk.start <= clock).saturating_sub(1)
    }

    /// Panics when what is held contradicts itself.
    pub(crate) fn check_invariants(&self) {
        let mut clock = 0;
        for chunk in &self.chunks {
            assert_eq!(chunk.start, clock, "chunks follow one another");
            let mut reader = Reader::new(&chunk.runs.bytes);
            let mut structs = 0;
            while !reader.is_empty() {
                let read = Struct::read(&mut reader, Trust::Foreign);
                let Ok(body) = read else { panic!("a chunk holds structs: {read:?}") };
                if let Struct::Item(item) = body
                    && item.content.reference() == crate::content::reference::TYPE
                {
                    assert!(self.holds_type(clock), "types are noted");
                }
                clock += body.len();
                structs += 1;
            }
            assert_eq!(structs, chunk.runs.structs, "structs are counted");
            assert!(structs > 0, "no chunk is empty");
        }
        assert_eq!(clock, self.end, "structs reach the end");
        assert!(self.deleted.as_slice().iter().all(|range| range.0 < range.1 && range.1 <= self.end));
        assert!(self.deleted.as_slice().windows(2).all(|pair| pair[0].1 < pair[1].0), "ranges are merged");
        assert!(self.places.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
    }
}

impl Chunk {
    fn weight(&self) -> Weight {
        Weight { bytes: self.runs.bytes.len() as u64, structs: self.runs.structs }
    }
}

/// Writes `piece` behind the last chunk's last struct, whose tail `tail` is; answers what that added.
fn push_chunked(chunks: &mut Vec<Chunk>, client: ClientId, tail: &mut Option<Tail>, piece: &Piece<'_>) -> Weight {
    let bytes = chunks.last().map_or(CHUNK_BYTES, |last| last.runs.bytes.len());
    if bytes >= CHUNK_BYTES && !tail.as_ref().is_some_and(|tail| tail.takes(client, piece, bytes)) {
        if let Some(last) = chunks.last_mut() {
            last.runs.bytes.shrink_to_fit();
        }
        // Whoever fills one chunk is likely to fill the next: it is shrunk when it is full.
        let runs = if chunks.is_empty() { Runs::default() } else { Runs::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4) };
        chunks.push(Chunk { start: piece.clock, runs });
        *tail = None;
    }
    let Some(last) = chunks.last_mut() else { return Weight::default() };
    let before = last.runs.bytes.len();
    let added = last.runs.push(client, tail, piece);
    Weight { bytes: (last.runs.bytes.len() - before) as u64, structs: u64::from(added) }
}

fn weigh(chunks: &[Chunk]) -> Weight {
    let mut weight = Weight::default();
    chunks.iter().for_each(|chunk| add(&mut weight, chunk.weight()));
    weight
}

fn add(sum: &mut Weight, weight: Weight) {
    sum.bytes += weight.bytes;
    sum.structs += weight.structs;
}
