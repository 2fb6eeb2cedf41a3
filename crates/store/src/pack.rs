//! What several rows of one document are stored as: one row, at the position of the last of them.
//!
//! ```text
//! { length: u32, payload }*
//! ```
//! Numbers are little-endian. The row says which is the first of them; they follow one another without a gap.

use bytes::{Buf, BufMut, Bytes};
use tandem_model::log::Row;
use tandem_model::{DocumentId, Seq};

use crate::entities::document_update::Model;

/// The most bytes of one pack, but for a row that is larger alone: a read takes all of it for any of its rows.
const PACK_BYTES_MAX: usize = 64 << 10;

const HEADER_BYTES: usize = 4;

/// Packs rows, which are sorted by document and position, into as few as may be.
pub fn pack(mut rows: &[(DocumentId, Row)]) -> Vec<Model> {
    let mut packs = Vec::new();
    while let Some((document, first)) = rows.first() {
        let (run, rest) = rows.split_at(together(rows));
        packs.push(match run.last() {
            Some((_, last)) if last.seq != first.seq => {
                Model { document: document.0, seq: last.seq.0, first: Some(first.seq.0), payload: encode(run) }
            }
            _ => single(*document, first),
        });
        rows = rest;
    }
    packs
}

/// How many of the first rows are one pack: at least one.
fn together(rows: &[(DocumentId, Row)]) -> usize {
    let mut bytes = 0;
    let packed = rows.iter().zip(rows.iter().skip(1)).take_while(|((document, row), (next_document, next))| {
        bytes += HEADER_BYTES + row.payload.len();
        document == next_document && row.seq.next() == next.seq && bytes + next.payload.len() <= PACK_BYTES_MAX
    });
    1 + packed.count()
}

/// A row that stands alone.
pub fn single(document: DocumentId, row: &Row) -> Model {
    Model { document: document.0, seq: row.seq.0, first: None, payload: row.payload.to_vec() }
}

/// The rows that one holds, in their order.
///
/// # Errors
/// It holds others than it says.
pub fn unpack(stored: Model) -> Result<Vec<Row>, String> {
    let Some(first) = stored.first else {
        return Ok(vec![Row { seq: Seq(stored.seq), payload: stored.payload.into() }]);
    };
    let mut bytes = Bytes::from(stored.payload);
    let mut rows = Vec::new();
    for seq in first..=stored.seq {
        let payload = bytes.try_get_u32_le().ok().map(|length| length as usize).filter(|length| *length <= bytes.len());
        let Some(length) = payload else { break };
        rows.push(Row { seq: Seq(seq), payload: bytes.split_to(length) });
    }
    let whole = bytes.is_empty() && rows.last().is_some_and(|row| row.seq.0 == stored.seq);
    if whole { Ok(rows) } else { Err(format!("row {} does not hold the rows from {first} on, as it says", stored.seq)) }
}

fn encode(run: &[(DocumentId, Row)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.iter().map(|(_, row)| HEADER_BYTES + row.payload.len()).sum());
    for (_, row) in run {
        // Longer ones do not fit into a statement either.
        out.put_u32_le(u32::try_from(row.payload.len()).unwrap_or(u32::MAX));
        out.put_slice(&row.payload);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(document: i64, seq: i64, payload: &'static [u8]) -> (DocumentId, Row) {
        (DocumentId(document), Row { seq: Seq(seq), payload: Bytes::from_static(payload) })
    }

    fn spans(packs: &[Model]) -> Vec<(i64, Option<i64>, i64)> {
        packs.iter().map(|pack| (pack.document, pack.first, pack.seq)).collect()
    }

    fn unpacked(packs: Vec<Model>) -> Vec<(DocumentId, Row)> {
        let rows = |pack: Model| (DocumentId(pack.document), unpack(pack).expect("what was packed"));
        packs.into_iter().map(rows).flat_map(|(of, rows)| rows.into_iter().map(move |row| (of, row))).collect()
    }

    #[test]
    fn neighbours_are_one_and_come_out_as_they_went_in() {
        let rows =
            [row(1, 4, b"a"), row(1, 5, b""), row(1, 7, b"ccc"), row(2, 8, b"d"), row(2, 9, b"e"), row(2, 10, b"f")];
        let packs = pack(&rows);
        assert_eq!(spans(&packs), [(1, Some(4), 5), (1, None, 7), (2, Some(8), 10)]);
        assert_eq!(unpacked(packs), rows);
        assert!(pack(&[]).is_empty());
    }

    #[test]
    fn a_pack_is_bounded() {
        static LARGE: [u8; PACK_BYTES_MAX / 2] = [7; PACK_BYTES_MAX / 2];
        static HUGE: [u8; PACK_BYTES_MAX + 1] = [7; PACK_BYTES_MAX + 1];
        let rows =
            [row(1, 1, &LARGE), row(1, 2, b"x"), row(1, 3, &LARGE), row(1, 4, &HUGE), row(1, 5, b"x"), row(1, 6, b"")];
        let packs = pack(&rows);
        assert_eq!(spans(&packs), [(1, Some(1), 2), (1, None, 3), (1, None, 4), (1, Some(5), 6)]);
        assert_eq!(unpacked(packs), rows);
    }

    #[test]
    fn whatever_is_read_is_what_would_be_written() {
        let [good] = <[Model; 1]>::try_from(pack(&[row(1, 4, b"a"), row(1, 5, b""), row(1, 6, b"bc")])).expect("one");
        for at in 0..good.payload.len() {
            for byte in 0..=u8::MAX {
                let mut spoiled = good.clone();
                spoiled.payload[at] = byte;
                if let Ok(rows) = unpack(spoiled.clone()) {
                    let run: Vec<_> = rows.into_iter().map(|row| (DocumentId(1), row)).collect();
                    assert_eq!(encode(&run), spoiled.payload, "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn a_pack_that_is_none_is_noticed() {
        let [good] = <[Model; 1]>::try_from(pack(&[row(1, 4, b"a"), row(1, 5, b"bc")])).expect("one");
        for end in 0..good.payload.len() {
            assert!(unpack(Model { payload: good.payload[..end].to_vec(), ..good.clone() }).is_err(), "cut at {end}");
        }
        for first in [3, 5, 6, i64::MAX] {
            assert!(unpack(Model { first: Some(first), ..good.clone() }).is_err(), "from {first}");
        }
        let error = unpack(Model { first: Some(i64::MIN), ..good }).expect_err("none");
        assert_eq!(error, "row 5 does not hold the rows from -9223372036854775808 on, as it says");
    }
}
