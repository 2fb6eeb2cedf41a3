//! Cuts structs into the pieces in which they are held.

use tandem_model::{ClientId, Clock, Id};

use crate::runs::{Piece, RUN_BYTES_MAX};
use crate::structs::Struct;

/// Hands over the pieces of a struct of which `deleted` holds the deleted ranges (merged, in order): what is deleted
/// is collected, what is not stays.
///
/// Values under a key that are not deleted stay single: see [`crate::runs`].
pub(crate) fn cut(id: Id, body: Struct<'_>, deleted: &[(Clock, Clock)], sink: &mut dyn FnMut(&Piece<'_>)) {
    if deleted.is_empty() && (body.len() == 1 || !is_keyed(&body)) {
        return sink(&Piece { clock: id.clock, body, deleted: false });
    }
    each_part(id, body, deleted, &mut |piece| {
        if piece.deleted { sink(&piece.collected()) } else { singles(id, piece, sink) }
    });
}

/// As [`cut`], but what is deleted keeps its content, and only what stands under a key is cut at all.
pub(crate) fn cut_kept(id: Id, body: Struct<'_>, deleted: &[(Clock, Clock)], sink: &mut dyn FnMut(&Piece<'_>)) {
    if is_keyed(&body) {
        each_part(id, body, deleted, &mut |piece| if piece.deleted { sink(piece) } else { singles(id, piece, sink) });
    } else {
        sink(&Piece { clock: id.clock, body, deleted: false });
    }
}

/// Hands over a piece as pieces of text or values that are not much longer than runs grow.
pub(crate) fn short(client: ClientId, piece: &Piece<'_>, sink: &mut dyn FnMut(&Piece<'_>)) {
    let mut rest = *piece;
    while let Some(at) = rest.body.behind_bytes(RUN_BYTES_MAX) {
        let id = Id { client, clock: rest.clock };
        let (body, behind) = rest.body.split(id, at);
        sink(&Piece { body, ..rest });
        rest = Piece { clock: rest.clock + at, body: behind, ..rest };
    }
    sink(&rest);
}

fn each_part(id: Id, body: Struct<'_>, deleted: &[(Clock, Clock)], sink: &mut dyn FnMut(&Piece<'_>)) {
    let end = id.clock + body.len();
    let first = deleted.partition_point(|range| range.1 <= id.clock);
    let mut rest = Some((id.clock, body));
    for (from, to) in &deleted[first..] {
        if *from >= end {
            break;
        }
        for (until, deleted) in [(*from, false), ((*to).min(end), true)] {
            if let Some((clock, body)) = rest
                && until > clock
            {
                let (piece, behind) = split_before(Id { clock, ..id }, body, until);
                sink(&Piece { clock, body: piece, deleted });
                rest = behind.map(|body| (until, body));
            }
        }
    }
    if let Some((clock, body)) = rest {
        sink(&Piece { clock, body, deleted: false });
    }
}

fn singles(id: Id, piece: &Piece<'_>, sink: &mut dyn FnMut(&Piece<'_>)) {
    if !is_keyed(&piece.body) {
        sink(piece);
        return;
    }
    let mut rest = Some((piece.clock, piece.body));
    while let Some((clock, body)) = rest {
        let (single, behind) = split_before(Id { clock, ..id }, body, clock + 1);
        sink(&Piece { clock, body: single, deleted: false });
        rest = behind.map(|body| (clock + 1, body));
    }
}

fn split_before<'a>(id: Id, body: Struct<'a>, until: Clock) -> (Struct<'a>, Option<Struct<'a>>) {
    if until < id.clock + body.len() {
        let (left, right) = body.split(id, until - id.clock);
        (left, Some(right))
    } else {
        (body, None)
    }
}

fn is_keyed(body: &Struct<'_>) -> bool {
    matches!(body, Struct::Item(item) if item.keyed && !item.content.is_deleted())
}
