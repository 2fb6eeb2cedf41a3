//! Another node that writes into the same log: a row of its own between two of ours.

use std::collections::BTreeMap;

use bytes::Bytes;
use tandem_actors::row::{Contribution, encode_row};
use tandem_model::log::Append;
use tandem_model::{ClientId, DocumentId, Epoch, Subject};

/// Below it are the ids of the people.
const FIRST_ID: u64 = 1 << 40;

/// The node, as far as the log sees it.
#[derive(Debug, Default)]
pub struct OtherNode {
    written: BTreeMap<(DocumentId, Epoch), u64>,
}

impl OtherNode {
    /// The next row of its own client of a document, which types one letter after the other at the beginning.
    pub fn row(&mut self, beside: &Append) -> Append {
        let number = |number| u64::try_from(number).unwrap_or_default();
        let client = FIRST_ID + (number(beside.document.0) << 16) + number(beside.epoch.0);
        let clock = self.written.entry((beside.document, beside.epoch)).or_default();
        let contribution = Contribution {
            subject: Subject::new("another node"),
            bound: Some(ClientId(client)),
            at_ms: 1_800_000_000_000,
            update: insertion(client, *clock),
        };
        *clock += 1;
        Append { payload: encode_row(&[contribution]), ..beside.clone() }
    }
}

/// One letter at the beginning of the text `t`, as Yjs encodes it.
fn insertion(client: u64, clock: u64) -> Bytes {
    let mut update = vec![1, 1];
    number(&mut update, client);
    number(&mut update, clock);
    // A string without origins, whose parent is a root of this name; nothing deleted.
    update.extend([4, 1, 1, b't', 1, b'~', 0]);
    update.into()
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}
