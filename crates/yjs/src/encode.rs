//! Writes updates.

use tandem_model::{ClientId, Clock};

use crate::lib0::write_var_uint;
use crate::runs::Runs;

/// Writes an update of these blocks and deletions, each the highest client first.
pub(crate) fn write_update<'r>(
    blocks: &[(ClientId, Clock, Runs)],
    deletions: impl ExactSizeIterator<Item = (ClientId, &'r [(Clock, Clock)])>,
) -> Vec<u8> {
    let bytes: usize = blocks.iter().map(|block| block.2.bytes.len() + 16).sum();
    let mut out = Vec::with_capacity(bytes + 16);
    write_var_uint(&mut out, blocks.len() as u64);
    for (client, clock, runs) in blocks {
        write_block(&mut out, *client, *clock, runs);
    }
    write_var_uint(&mut out, deletions.len() as u64);
    for (client, ranges) in deletions {
        write_deletions(&mut out, client, ranges);
    }
    out
}

/// Writes the structs of one client, from `clock` on.
pub(crate) fn write_block(out: &mut Vec<u8>, client: ClientId, clock: Clock, runs: &Runs) {
    write_var_uint(out, runs.structs);
    write_var_uint(out, client.0);
    write_var_uint(out, clock);
    out.extend_from_slice(&runs.bytes);
}

/// Writes the deleted ranges of one client.
pub(crate) fn write_deletions(out: &mut Vec<u8>, client: ClientId, ranges: &[(Clock, Clock)]) {
    write_var_uint(out, client.0);
    write_var_uint(out, ranges.len() as u64);
    for (from, to) in ranges {
        write_var_uint(out, *from);
        write_var_uint(out, to - from);
    }
}
