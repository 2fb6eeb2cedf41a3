//! All that is held of one client: its structs as encoded chunks, and what admission asks about them.

use tandem_model::{ClientId, Clock, Id};

use crate::content::Trust;
use crate::cut::{cut, cut_kept};
use crate::index::Collect;
use crate::lib0::{Reader, write_var_uint};
use crate::ranges::Ranges;
use crate::runs::{Piece, Runs, Tail};
use crate::structs::Struct;

/// A chunk that has reached this many bytes takes no further struct (a single struct may be longer): what touches the
/// middle of a client's structs reads and moves one chunk.
const CHUNK_BYTES: usize = 1024;

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
    /// From which clock on elements hang where; adjacent entries differ.
    places: Vec<(Clock, Place)>,
    /// The elements that hold a type, in order.
    types: Vec<Clock>,
    chunks: Vec<Chunk>,
    /// Of the last chunk's last struct.
    tail: Option<Tail>,
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
            places: Vec::new(),
            types: Vec::new(),
            chunks: Vec::new(),
            tail: None,
        }
    }

    /// Where the element at `clock` hangs; the element must be there.
    pub(crate) fn place(&self, clock: Clock) -> Place {
        let behind = self.places.partition_point(|entry| entry.0 <= clock);
        behind.checked_sub(1).map_or(Place::NOWHERE, |at| self.places[at].1)
    }

    /// Whether the element at `clock` holds a type.
    pub(crate) fn holds_type(&self, clock: Clock) -> bool {
        self.types.binary_search(&clock).is_ok()
    }

    /// Notes that `length` elements follow which hang at `place`.
    pub(crate) fn extend(&mut self, length: Clock, place: Place, holds_type: bool) {
        if self.places.last().is_none_or(|last| last.1 != place) {
            self.places.push((self.end, place));
        }
        if holds_type {
            self.types.push(self.end);
        }
        self.end += length;
    }

    /// How many bytes and structs are held.
    pub(crate) fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        for chunk in &self.chunks {
            weight.bytes += chunk.runs.bytes.len() as u64;
            weight.structs += chunk.runs.structs;
        }
        weight
    }

    /// Writes a struct behind what is there, and behind `copy` too; its clocks were noted by
    /// [`extend`](Self::extend), what is deleted of it in [`deleted`](Self::deleted).
    pub(crate) fn write(
        &mut self,
        clock: Clock,
        body: Struct<'_>,
        collect: Collect,
        copy: &mut Runs,
        copy_tail: &mut Option<Tail>,
    ) -> Weight {
        let keyed = self.place(clock).kind == PlaceKind::Keyed;
        let body = Piece { clock, body, deleted: false }.keyed(keyed).body;
        let client = self.id;
        let deleted = self.deleted.overlapping(clock, clock + body.len());
        let (chunks, tail, mut added) = (&mut self.chunks, &mut self.tail, Weight::default());
        let mut sink = |piece: Piece<'_>| {
            copy.push(client, copy_tail, piece);
            add(&mut added, push_chunked(chunks, client, tail, piece));
        };
        match collect {
            Collect::Collected => cut(Id { client, clock }, body, deleted, &mut sink),
            Collect::Kept => cut_kept(Id { client, clock }, body, deleted, &mut sink),
        }
        added
    }

    /// Drops the content of what is deleted in `ranges`, which are merged, in order and below the end.
    ///
    /// Answers the weight of what was touched, before and after.
    pub(crate) fn collect(&mut self, ranges: &[(Clock, Clock)]) -> (Weight, Weight) {
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return Default::default() };
        let (low, high) = (self.chunk_of(first.0), self.chunk_of(last.1 - 1));
        let (mut before, mut after) = (Weight::default(), Weight::default());
        let behind_all = self.chunks.get(high + 1).map_or(self.end, |chunk| chunk.start);
        let reaches_tail = high + 1 == self.chunks.len();
        let touched: Vec<Chunk> = self.chunks.splice(low..=high, []).collect();
        let mut rewritten = Vec::with_capacity(touched.len() + 1);
        let mut tail = self.tail;
        let mut at = 0;
        let behind: Vec<Clock> = touched.iter().skip(1).map(|chunk| chunk.start).chain([behind_all]).collect();
        for (chunk, behind) in touched.into_iter().zip(behind) {
            let count = ranges[at..].partition_point(|range| range.0 < behind);
            let here = &ranges[at..at + count];
            if here.is_empty() {
                rewritten.push(chunk);
                continue;
            }
            add(&mut before, chunk.weight());
            let made = rewritten.len();
            tail = rewrite(self.id, chunk, here, &mut rewritten, self.tail);
            rewritten[made..].iter().for_each(|chunk| add(&mut after, chunk.weight()));
            // A range that goes on behind this chunk is met again in the next.
            at += count - usize::from(here.last().is_some_and(|range| range.1 > behind));
        }
        self.chunks.splice(low..low, rewritten);
        if reaches_tail {
            self.tail = tail;
        }
        (before, after)
    }

    /// Writes the client's block of an update: all from `since` on, which is below the end.
    pub(crate) fn write_since(&self, out: &mut Vec<u8>, since: Clock) {
        let at = self.chunk_of(since);
        let Some(chunk) = self.chunks.get(at) else { return };
        let later = &self.chunks[at + 1..];
        let mut structs = Reader::new(&chunk.runs.bytes);
        let (mut clock, mut passed, mut position) = (chunk.start, 0, 0);
        let mut cut = None;
        while clock < since {
            let Ok(body) = Struct::read(&mut structs, Trust::Own) else { break };
            if clock + body.len() > since {
                cut = Some(body.split(Id { client: self.id, clock }, since - clock).1);
            } else {
                passed += 1;
                position = structs.position();
            }
            clock += body.len();
        }
        let count = chunk.runs.structs - passed + later.iter().map(|chunk| chunk.runs.structs).sum::<u64>();
        write_var_uint(out, count);
        write_var_uint(out, self.id.0);
        write_var_uint(out, since);
        if let Some(body) = cut {
            let mut one = Runs::default();
            one.push(self.id, &mut None, Piece { clock: since, body, deleted: false });
            out.extend_from_slice(&one.bytes);
            position = structs.position();
        }
        out.extend_from_slice(&chunk.runs.bytes[position..]);
        for chunk in later {
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
fn push_chunked(chunks: &mut Vec<Chunk>, client: ClientId, tail: &mut Option<Tail>, piece: Piece<'_>) -> Weight {
    let full = chunks.last().is_none_or(|last| last.runs.bytes.len() >= CHUNK_BYTES);
    if full && !tail.as_ref().is_some_and(|tail| tail.takes(client, &piece)) {
        if let Some(last) = chunks.last_mut() {
            last.runs.bytes.shrink_to_fit();
        }
        chunks.push(Chunk { start: piece.clock, runs: Runs::default() });
        *tail = None;
    }
    let Some(last) = chunks.last_mut() else { return Weight::default() };
    let before = last.runs.bytes.len();
    let added = last.runs.push(client, tail, piece);
    Weight { bytes: (last.runs.bytes.len() - before) as u64, structs: u64::from(added) }
}

/// Writes a chunk again with the content of `ranges` collected, as one chunk or several behind `out`.
///
/// Structs before and behind the ranges are copied as they are, but for one neighbour on each side, which may join.
/// `old` is the tail of the client's last chunk; what is answered is the tail if this was that chunk.
fn rewrite(
    client: ClientId,
    chunk: Chunk,
    ranges: &[(Clock, Clock)],
    out: &mut Vec<Chunk>,
    old: Option<Tail>,
) -> Option<Tail> {
    let bytes = &chunk.runs.bytes;
    let mut reader = Reader::new(bytes);
    let mut clock = chunk.start;
    let mut tail = None;
    out.push(Chunk { start: clock, runs: Runs::default() });
    while let Ok(body) = Struct::read(&mut reader, Trust::Own) {
        cut(Id { client, clock }, body, ranges, &mut |piece| {
            push_chunked(out, client, &mut tail, piece);
        });
        clock += body.len();
    }
    let _ = old;
    tail
}

fn add(sum: &mut Weight, weight: Weight) {
    sum.bytes += weight.bytes;
    sum.structs += weight.structs;
}
