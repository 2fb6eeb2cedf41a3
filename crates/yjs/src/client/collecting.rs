//! Dropping the content of what is deleted.

use tandem_model::{ClientId, Clock, Id};

use super::{CHUNK_BYTES, Chunk, Client, Weight, push_chunked, weigh};
use crate::content::Trust;
use crate::cut::{cut, short};
use crate::lib0::Reader;
use crate::runs::{Piece, Runs};
use crate::structs::{Struct, is_gone};

/// Most of what replaces the structs around a single range fits into so many bytes.
const REPLACED_BYTES: usize = 128;

/// Where a chunk begins to be written again: before this struct. Whoever deletes goes on near to where it deleted last, so
/// the search begins there.
///
/// The clock says which chunk that is. Whoever writes a chunk anew, other than behind its last struct, forgets it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Start {
    clock: Clock,
    position: usize,
    /// How many structs stand before it.
    structs: u64,
    /// Where the last of those starts.
    last_at: usize,
}

impl Client {
    /// Drops the content of what is deleted in `ranges`, which are merged, in order and below the end.
    ///
    /// Answers the weight of what was touched, before and after.
    pub(crate) fn collect(&mut self, ranges: &[(Clock, Clock)]) -> (Weight, Weight) {
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return Default::default() };
        if let [range] = ranges
            && let Some(weights) = self.collect_in_place(*range)
        {
            return weights;
        }
        self.near = Start::default();
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

    /// Does it in the one chunk that holds the range, if no other is concerned: nothing is at a side of it that could
    /// join, nothing is to be divided, and what goes is so little that its room may stay.
    fn collect_in_place(&mut self, range: (Clock, Clock)) -> Option<(Weight, Weight)> {
        let (client, at) = (self.id, self.chunk_of(range.0));
        let chunk = self.chunks.get(at)?;
        let next = self.chunks.get(at + 1);
        if chunk.runs.bytes.len() > 2 * CHUNK_BYTES || next.is_some_and(|next| next.start <= range.1) {
            return None;
        }
        let start = self.near.before(chunk, range.0).or_else(|| Start::first(chunk).before(chunk, range.0));
        let start = start.filter(|start| at == 0 || start.position > 0)?;
        let (mut put, mut tail) = (Runs::with_capacity(REPLACED_BYTES), None);
        let behind = start.write_again(client, chunk, &[range], &mut |piece| {
            put.push(client, &mut tail, piece);
        });
        let (until, is_last) = (behind.position, at + 1 == self.chunks.len());
        let bytes = chunk.runs.bytes.len() - (until - start.position) + put.bytes.len();
        let fits = |other: Option<&Chunk>| other.is_some_and(|other| other.runs.bytes.len() + bytes <= CHUNK_BYTES);
        let before = at.checked_sub(1).and_then(|before| self.chunks.get(before));
        if bytes > 2 * CHUNK_BYTES || fits(before) || fits(next) {
            return None;
        }
        let chunk = &mut self.chunks[at];
        let was = chunk.weight();
        chunk.runs.replace(start.position..until, behind.structs - start.structs, &put);
        let is = chunk.weight();
        if is_last {
            self.tail = chunk.runs.tail();
        }
        self.near = start;
        Some((was, is))
    }
}

impl Start {
    fn first(chunk: &Chunk) -> Self {
        Self { clock: chunk.start, ..Self::default() }
    }

    /// The last struct of the chunk that ends at or below `clock`, if it is this one or a later one; or the chunk's first,
    /// wherever it ends.
    fn before(self, chunk: &Chunk, clock: Clock) -> Option<Self> {
        if self.clock < chunk.start {
            return None;
        }
        let mut start = (self.position == 0 && self.clock == chunk.start).then_some(self);
        let mut next = self;
        let mut reader = Reader::at(&chunk.runs.bytes, self.position);
        while next.clock < clock
            && let Ok(body) = Struct::read(&mut reader, Trust::Own)
        {
            if next.clock + body.len() > clock {
                break;
            }
            start = Some(next);
            next = next.behind(&body, &reader);
        }
        start
    }

    /// Hands over the pieces of the structs from here up to the first behind the ranges, which may join what is before it,
    /// with the content of the ranges collected. Answers where the next one starts.
    fn write_again(
        self,
        client: ClientId,
        chunk: &Chunk,
        ranges: &[(Clock, Clock)],
        sink: &mut impl FnMut(&Piece<'_>),
    ) -> Self {
        let last = ranges.last().map_or(0, |range| range.1);
        let (mut at, mut behind) = (self, false);
        let mut reader = Reader::at(&chunk.runs.bytes, self.position);
        while !behind && let Ok(body) = Struct::read(&mut reader, Trust::Own) {
            behind = at.clock >= last;
            let from = ranges.partition_point(|range| range.1 <= at.clock);
            let here = &ranges[from..];
            let here = if here.first().is_some_and(|range| range.0 < at.clock + body.len()) { here } else { &[] };
            cut(Id { client, clock: at.clock }, &body, here, &mut |piece| short(client, piece, sink));
            at = at.behind(&body, &reader);
        }
        at
    }

    /// The struct behind this one, which `reader` has read.
    fn behind(self, body: &Struct<'_>, reader: &Reader<'_>) -> Self {
        let clock = self.clock + body.len();
        Self { clock, position: reader.position(), structs: self.structs + 1, last_at: self.position }
    }
}

/// Writes a chunk again with the content of `ranges` collected, as one chunk or several behind `out`.
///
/// Structs before and behind the ranges are copied as they are, but for one neighbour on each side, which may join.
fn rewrite(client: ClientId, chunk: &Chunk, ranges: &[(Clock, Clock)], out: &mut Vec<Chunk>) {
    let Some(start) = ranges.first().and_then(|first| Start::first(chunk).before(chunk, first.0)) else { return };
    let runs = Runs::prefix_of(&chunk.runs, start.position, start.last_at, start.structs);
    out.push(Chunk { start: chunk.start, runs });
    let mut tail = None;
    let behind = start.write_again(client, chunk, ranges, &mut |piece| {
        push_chunked(out, client, &mut tail, piece);
    });
    let rest = chunk.runs.bytes.len() - behind.position;
    if rest == 0 {
        return;
    }
    if out.last().is_none_or(|last| last.runs.bytes.len() + rest > 2 * CHUNK_BYTES) {
        out.push(Chunk { start: behind.clock, runs: Runs::default() });
    }
    if let Some(last) = out.last_mut() {
        last.runs.append_raw(&chunk.runs, behind.position, chunk.runs.structs - behind.structs);
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

#[cfg(test)]
mod tests {
    use crate::lib0::write_buf;
    use crate::{Collect, Index, IndexLimits, Update, Verdict};

    #[test]
    fn what_is_dropped_holds_no_room() {
        let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
        let mut image = vec![1, 1, 7, 0, 3, 1, 1, b't'];
        write_buf(&mut image, &vec![0; 1 << 20]);
        image.push(0);
        for bytes in [&image[..], &[0, 1, 7, 1, 0, 1]] {
            index.admit(&Update::decode(bytes).expect("sound"), &mut |_| Verdict::Take);
        }
        let room: usize = index.client(0).chunks.iter().map(|chunk| chunk.runs.bytes.capacity()).sum();
        assert_eq!(index.bytes(), 5);
        assert!(room < 1024, "{room} bytes are kept room for");
    }
}
