//! Merges updates without a document.

use std::collections::BTreeMap;

use tandem_model::{ClientId, Clock, Id};

use crate::cut::cut_kept;
use crate::encode::write_update;
use crate::ranges::merge_in_place;
use crate::refusal::Refusal;
use crate::runs::{Piece, Runs, Tail};
use crate::structs::{Struct, write_skip};
use crate::update::{Structs, Update};

/// Merges updates into one that brings what all of them bring, in one pass.
///
/// What they lack between them stays open, as a Skip, and what they refer to need not be in them. Content is kept.
///
/// # Errors
/// The [`Refusal`] of the first update that cannot be decoded.
pub fn merge(updates: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
    let updates = updates.iter().map(|bytes| Update::decode(bytes)).collect::<Result<Vec<_>, _>>()?;
    let deletions = merge_deletions(&updates);
    let mut sources: BTreeMap<ClientId, Vec<Source<'_>>> = BTreeMap::new();
    for (at, update) in updates.iter().enumerate() {
        for block in update.filled() {
            let source = Source { first: block.first, at, structs: update.structs(block.start) };
            sources.entry(block.client).or_default().push(source);
        }
    }
    let mut blocks = Vec::with_capacity(sources.len());
    for (client, mut from) in sources.into_iter().rev() {
        from.sort_unstable_by_key(|source| (source.first, source.at));
        let deleted = deletions.get(&client).map_or(&[][..], Vec::as_slice);
        blocks.push(merge_client(client, &from, deleted));
    }
    let deletions: Vec<_> = deletions.iter().rev().map(|(client, ranges)| (*client, ranges.as_slice())).collect();
    Ok(write_update(&blocks, deletions.into_iter()))
}

/// What one update has of a client.
struct Source<'a> {
    first: Clock,
    /// Which update.
    at: usize,
    structs: Structs<'a>,
}

fn merge_deletions(updates: &[Update<'_>]) -> BTreeMap<ClientId, Vec<(Clock, Clock)>> {
    let mut merged: BTreeMap<ClientId, Vec<(Clock, Clock)>> = BTreeMap::new();
    for (client, from, to) in updates.iter().flat_map(Update::deletions) {
        merged.entry(client).or_default().push((from, to));
    }
    merged.values_mut().for_each(merge_in_place);
    merged
}

/// Lays the structs of one client in a row. Blocks come by their first clock; one that has a hole is laid as the
/// pieces between its holes.
fn merge_client(client: ClientId, from: &[Source<'_>], deleted: &[(Clock, Clock)]) -> (ClientId, Clock, Runs) {
    let mut pieces: Vec<(Clock, Struct<'_>)> = Vec::new();
    let mut ordered = true;
    for source in from {
        for (clock, body) in source.structs {
            if !matches!(body, Struct::Skip(_)) {
                ordered &= pieces.last().is_none_or(|last| last.0 <= clock);
                pieces.push((clock, body));
            }
        }
    }
    if !ordered {
        // Stable: of two that start together the one of the earlier update stays.
        pieces.sort_by_key(|piece| piece.0);
    }
    let first = pieces.first().map_or(0, |piece| piece.0);
    let mut row = Row { client, end: first, runs: Runs::default(), tail: None, deleted };
    for (clock, mut body) in pieces {
        row.lay(clock, &mut body);
    }
    (client, first, row.runs)
}

struct Row<'d> {
    client: ClientId,
    end: Clock,
    runs: Runs,
    tail: Option<Tail>,
    deleted: &'d [(Clock, Clock)],
}

impl Row<'_> {
    fn lay(&mut self, clock: Clock, body: &mut Struct<'_>) {
        let end = clock + body.len();
        if end <= self.end {
            return;
        }
        if clock > self.end {
            write_skip(&mut self.runs.bytes, clock - self.end);
            self.runs.structs += 1;
            self.tail = None;
        }
        let mut id = Id { client: self.client, clock };
        if clock < self.end {
            body.cut_front(id, self.end - clock);
            id.clock = self.end;
        }
        let Self { client, runs, tail, deleted, .. } = self;
        cut_kept(id, body, deleted, &mut |piece: &Piece<'_>| {
            runs.push(*client, tail, piece);
        });
        self.end = end;
    }
}
