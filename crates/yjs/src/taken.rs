//! What was taken of an update, written as an update.

use tandem_model::{ClientId, Clock, Id};

use crate::client::Client;
use crate::cut::cut_as;
use crate::deleting::ByClient;
use crate::encode::{write_block, write_deletions};
use crate::index::{Collect, Index};
use crate::lib0::write_var_uint;
use crate::runs::Runs;
use crate::structs::Struct;
use crate::update::{Block, Update};

/// Whether as much is deleted as the update says. That it is nothing else must be known: what comes without content is
/// deleted without being said.
pub(crate) fn deletes_all(update: &Update<'_>, deleted: &ByClient) -> bool {
    let said: u64 = update.deletions().map(|(_, from, to)| to - from).fold(0, u64::saturating_add);
    let done: u64 = deleted.iter().flat_map(|(_, ranges)| ranges).map(|(from, to)| to - from).sum();
    said == done
}

/// Writes what was taken: of each client all behind its clock before, and what is deleted.
///
/// Costs what the update is long, however long the runs are that it goes on.
pub(crate) fn write_taken(
    index: &Index,
    update: &Update<'_>,
    before: &[(ClientId, Clock)],
    deleted: &ByClient,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    let mut blocks = update.filled();
    write_var_uint(&mut out, before.len() as u64);
    for &(id, clock) in before {
        let (Some(slot), Some(block)) = (index.slot(id), blocks.find(|block| block.client == id)) else { continue };
        let client = index.client(slot);
        if clock == 0 {
            client.write_since(&mut out, 0);
        } else {
            write_block(&mut out, id, clock, &again(client, update, block, clock, index.collects()));
        }
    }
    write_var_uint(&mut out, deleted.len() as u64);
    deleted.iter().for_each(|(client, ranges)| write_deletions(&mut out, *client, ranges));
    out
}

/// The structs of a block that were taken, as they were: those from `before` up to the client's end.
fn again(client: &Client, update: &Update<'_>, block: &Block, before: Clock, collect: Collect) -> Runs {
    let (mut runs, mut tail) = (Runs::default(), None);
    for (mut clock, mut body) in update.structs(block.start) {
        if clock >= client.end {
            break;
        }
        if matches!(body, Struct::Skip(_)) || clock + body.len() <= before {
            continue;
        }
        if clock < before {
            body.cut_front(Id { client: client.id, clock }, before - clock);
            clock = before;
        }
        client.place(clock).kind.corrects(&mut body);
        cut_as(collect, Id { client: client.id, clock }, &body, client.deleted.as_slice(), &mut |piece| {
            runs.push(client.id, &mut tail, piece);
        });
    }
    runs
}
