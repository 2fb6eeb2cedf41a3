//! Cuts structs into the pieces in which they are held.

use tandem_model::{ClientId, Clock, Id};

use crate::index::Collect;
use crate::ranges::overlapping;
use crate::runs::{Piece, RUN_BYTES_MAX};
use crate::structs::Struct;

/// Hands over the pieces in which a struct is held, by what becomes of the content of what is deleted.
pub(crate) fn cut_as(
    collect: Collect,
    id: Id,
    body: &Struct<'_>,
    deleted: &[(Clock, Clock)],
    sink: &mut impl FnMut(&Piece<'_>),
) {
    match collect {
        Collect::Collected => cut(id, body, deleted, sink),
        Collect::Kept => cut_kept(id, body, deleted, sink),
    }
}

/// Hands over the pieces of a struct of which `deleted` holds the deleted ranges (merged, in order): what is deleted
/// is collected, what is not stays.
///
/// Values under a key that are not deleted stay single: see [`crate::runs`].
pub(crate) fn cut(id: Id, body: &Struct<'_>, deleted: &[(Clock, Clock)], sink: &mut impl FnMut(&Piece<'_>)) {
    if deleted.is_empty() && is_whole(body) {
        return sink(&Piece::new(id.clock, body, false));
    }
    each_part(id, body, deleted, &mut |piece| match piece.body.collected() {
        Some(body) if piece.deleted => sink(&Piece::new(piece.clock, &body, true)),
        _ if piece.deleted => sink(piece),
        _ => singles(id, piece, sink),
    });
}

/// As [`cut`], but what is deleted keeps its content, and only what stands under a key is cut at all.
pub(crate) fn cut_kept(id: Id, body: &Struct<'_>, deleted: &[(Clock, Clock)], sink: &mut impl FnMut(&Piece<'_>)) {
    if is_keyed(body) {
        each_part(id, body, deleted, &mut |piece| if piece.deleted { sink(piece) } else { singles(id, piece, sink) });
    } else {
        sink(&Piece::new(id.clock, body, false));
    }
}

/// Hands over a piece as pieces of text or values that are not much longer than runs grow.
pub(crate) fn short(client: ClientId, piece: &Piece<'_>, sink: &mut impl FnMut(&Piece<'_>)) {
    let Some(mut at) = piece.body.behind_bytes(RUN_BYTES_MAX) else { return sink(piece) };
    let (mut clock, mut rest) = (piece.clock, *piece.body);
    loop {
        let front = rest.cut_front(Id { client, clock }, at);
        sink(&Piece::new(clock, &front, piece.deleted));
        clock += at;
        let Some(next) = rest.behind_bytes(RUN_BYTES_MAX) else { break };
        at = next;
    }
    sink(&Piece::new(clock, &rest, piece.deleted));
}

fn each_part(id: Id, body: &Struct<'_>, deleted: &[(Clock, Clock)], sink: &mut impl FnMut(&Piece<'_>)) {
    let end = id.clock + body.len();
    let (mut clock, mut rest) = (id.clock, *body);
    for (from, to) in overlapping(deleted, clock, end) {
        for (until, deleted) in [(*from, false), (*to, true)] {
            if until >= end {
                return sink(&Piece::new(clock, &rest, deleted));
            }
            if until > clock {
                let front = rest.cut_front(Id { clock, ..id }, until - clock);
                sink(&Piece::new(clock, &front, deleted));
                clock = until;
            }
        }
    }
    sink(&Piece::new(clock, &rest, false));
}

fn singles(id: Id, piece: &Piece<'_>, sink: &mut impl FnMut(&Piece<'_>)) {
    if !is_keyed(piece.body) {
        return sink(piece);
    }
    let (mut clock, mut rest) = (piece.clock, *piece.body);
    while rest.len() > 1 {
        let single = rest.cut_front(Id { clock, ..id }, 1);
        sink(&Piece::new(clock, &single, false));
        clock += 1;
    }
    sink(&Piece::new(clock, &rest, false));
}

/// Whether a struct of which nothing is deleted is held as it comes.
pub(crate) fn is_whole(body: &Struct<'_>) -> bool {
    !is_keyed(body) || body.len() == 1
}

/// Whether it holds values under a key, of which each that is not deleted is a struct of its own.
pub(crate) fn is_keyed(body: &Struct<'_>) -> bool {
    matches!(body, Struct::Item(item) if item.keyed && !item.content.is_deleted())
}
