//! All that is held of one client: its structs as encoded chunks, and what admission asks about them.

mod restoring;

use tandem_model::{ClientId, Clock, Id};

use crate::content::Trust;
use crate::cut::{cut, cut_kept, is_whole, short};
use crate::index::Collect;
use crate::lib0::{Reader, write_var_uint};
use crate::ranges::Ranges;
use crate::runs::{Piece, Runs, Tail};
use crate::structs::{Struct, is_gone};

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
}

/// A client's new structs, written once more: as an update of their own.
#[derive(Debug, Default)]
pub(crate) struct Relayed {
    pub(crate) runs: Runs,
    /// Of its last struct.
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
            first_place: Place::NOWHERE,
            places: Vec::new(),
            types: Vec::new(),
            // Most clients of a large document brought little: room for one chunk, not for four.
            chunks: Vec::with_capacity(1),
            tail: None,
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

    /// Writes a whole struct behind what is there, and behind `copy` too if there is one; its clocks were noted by
    /// [`extend`](Self::extend). `deleted` holds what is deleted of it, and maybe more.
    pub(crate) fn write(
        &mut self,
        piece: &Piece<'_>,
        collect: Collect,
        deleted: &[(Clock, Clock)],
        copy: Option<&mut Relayed>,
    ) -> Weight {
        let (client, clock, body) = (self.id, piece.clock, piece.body);
        let (chunks, tail, mut copy) = (&mut self.chunks, &mut self.tail, copy);
        if deleted.is_empty() && is_whole(body) {
            if let Some(copy) = copy {
                copy.runs.push(client, &mut copy.tail, piece);
            }
            return push_chunked(chunks, client, tail, piece);
        }
        let mut added = Weight::default();
        let mut sink = |piece: &Piece<'_>| {
            if let Some(copy) = &mut copy {
                copy.runs.push(client, &mut copy.tail, piece);
            }
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
        // One neighbour more on each side: what becomes a mere length may join one there.
        let low = self.chunk_of(first.0).saturating_sub(1);
        let high = (self.chunk_of(last.1 - 1) + 2).min(self.chunks.len());
        let behind_all = self.chunks.get(high).map_or(self.end, |chunk| chunk.start);
        let touched: Vec<Chunk> = self.chunks.splice(low..high, []).collect();
        let behind: Vec<Clock> = touched.iter().skip(1).map(|chunk| chunk.start).chain([behind_all]).collect();
        let before = weigh(&touched);
        let mut rewritten = Vec::with_capacity(touched.len() + 1);
        let mut at = 0;
        for (chunk, behind) in touched.into_iter().zip(behind) {
            let count = ranges[at..].partition_point(|range| range.0 < behind);
            let here = &ranges[at..at + count];
            let made = rewritten.len();
            if here.is_empty() {
                rewritten.push(chunk);
            } else {
                rewrite(self.id, &chunk, here, &mut rewritten);
            }
            // A range that goes on behind this chunk is met again in the next.
            at += count - usize::from(here.last().is_some_and(|range| range.1 > behind));
            join(self.id, &mut rewritten, made);
        }
        let after = weigh(&rewritten);
        let reaches_end = low == self.chunks.len();
        self.chunks.splice(low..low, rewritten);
        if reaches_end {
            self.tail = self.chunks.last().and_then(|chunk| chunk.runs.tail());
        }
        (before, after)
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
        out.reserve(usize::try_from(held.bytes).unwrap_or(0) + 24);
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

/// Writes a chunk again with the content of `ranges` collected, as one chunk or several behind `out`.
///
/// Structs before and behind the ranges are copied as they are, but for one neighbour on each side, which may join.
fn rewrite(client: ClientId, chunk: &Chunk, ranges: &[(Clock, Clock)], out: &mut Vec<Chunk>) {
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return };
    let start = Start::before(chunk, first.0);
    let runs = Runs::prefix_of(&chunk.runs, start.position, start.last_at, start.structs);
    out.push(Chunk { start: chunk.start, runs });
    let mut reader = Reader::at(&chunk.runs.bytes, start.position);
    let (mut clock, mut passed, mut tail) = (start.clock, start.structs, None);
    let mut behind = false;
    while !behind && let Ok(body) = Struct::read(&mut reader, Trust::Own) {
        behind = clock >= last.1;
        let end = clock + body.len();
        let from = ranges.partition_point(|range| range.1 <= clock);
        let here = &ranges[from..];
        let here = if here.first().is_some_and(|range| range.0 < end) { here } else { &[] };
        cut(Id { client, clock }, &body, here, &mut |piece| {
            short(client, piece, &mut |piece| {
                push_chunked(out, client, &mut tail, piece);
            });
        });
        clock = end;
        passed += 1;
    }
    if reader.is_empty() {
        return;
    }
    if out.last().is_none_or(|last| last.runs.bytes.len() + reader.remaining() > 2 * CHUNK_BYTES) {
        out.push(Chunk { start: clock, runs: Runs::default() });
    }
    if let Some(last) = out.last_mut() {
        last.runs.append_raw(&chunk.runs, reader.position(), chunk.runs.structs - passed);
    }
}

/// Where a chunk begins to be written again.
struct Start {
    position: usize,
    clock: Clock,
    structs: u64,
    /// Where the last struct before starts.
    last_at: usize,
}

impl Start {
    /// Stands before the last struct that ends at or below `clock`.
    fn before(chunk: &Chunk, clock: Clock) -> Self {
        let mut reader = Reader::new(&chunk.runs.bytes);
        let mut next = Self { position: 0, clock: chunk.start, structs: 0, last_at: 0 };
        let mut start = Self { ..next };
        while let Ok(body) = Struct::read(&mut reader, Trust::Own) {
            let end = next.clock + body.len();
            if end > clock {
                break;
            }
            let last_at = start.position;
            start = Self { last_at, ..next };
            next = Self { position: reader.position(), clock: end, structs: next.structs + 1, last_at: 0 };
        }
        start
    }
}

/// Joins what the chunks from `at` on leave open to the chunk before: a mere length, or a chunk that fits in.
fn join(client: ClientId, chunks: &mut Vec<Chunk>, at: usize) {
    let mut at = at.max(1);
    while at < chunks.len() {
        let (left, right) = chunks.split_at_mut(at);
        let (Some(left), Some(right)) = (left.last_mut(), right.first_mut()) else { return };
        pull(client, left, right);
        let fits = left.runs.bytes.len() + right.runs.bytes.len() <= CHUNK_BYTES;
        if fits && right.runs.structs > 0 {
            left.runs.append_raw(&right.runs, 0, right.runs.structs);
        }
        if fits || right.runs.structs == 0 {
            chunks.remove(at);
        } else {
            at += 1;
        }
    }
}

/// Moves the first struct of `right` into the last of `left` if it is a mere length that can join.
fn pull(client: ClientId, left: &mut Chunk, right: &mut Chunk) {
    if !right.runs.bytes.first().is_some_and(|info| is_gone(*info)) {
        return;
    }
    let mut tail = left.runs.tail();
    let bytes = std::mem::take(&mut right.runs.bytes);
    let mut reader = Reader::new(&bytes);
    let read = Struct::read(&mut reader, Trust::Own).ok();
    let joined = read.filter(|body| {
        let piece = Piece::new(right.start, body, true);
        let joins = tail.as_ref().is_some_and(|tail| tail.takes(client, &piece, left.runs.bytes.len()));
        if joins {
            left.runs.push(client, &mut tail, &piece);
        }
        joins
    });
    let (length, taken) = (joined.map_or(0, |body| body.len()), reader.position());
    right.runs.bytes = bytes;
    if length > 0 {
        right.start += length;
        right.runs.remove_first(taken);
    }
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
