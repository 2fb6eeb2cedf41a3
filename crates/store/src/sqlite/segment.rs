//! What a segment holds: the rows of one commit.
//!
//! ```text
//! 01 { document: i64, seq: i64, length: u32, payload }*
//! ```
//! Numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};
use tandem_model::log::Row;
use tandem_model::{DocumentId, Seq};

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 8 + 8 + 4;

/// The bytes are none that [`encode`] wrote.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged;

/// Encodes rows, each below 4 GiB, as SQLite's are.
pub fn encode(rows: &[(DocumentId, Row)]) -> Vec<u8> {
    let length: usize = rows.iter().map(|(_, row)| HEADER_BYTES + row.payload.len()).sum();
    let mut out = Vec::with_capacity(1 + length);
    out.put_u8(FORMAT);
    for (document, row) in rows {
        out.put_i64_le(document.0);
        out.put_i64_le(row.seq.0);
        // Longer ones do not fit into a statement either.
        out.put_u32_le(u32::try_from(row.payload.len()).unwrap_or(u32::MAX));
        out.put_slice(&row.payload);
    }
    out
}

/// Decodes rows, in their order.
pub fn decode(payload: Vec<u8>) -> Result<Vec<(DocumentId, Row)>, Damaged> {
    let mut bytes = Bytes::from(payload);
    if bytes.try_get_u8() != Ok(FORMAT) {
        return Err(Damaged);
    }
    let mut rows = Vec::new();
    while bytes.has_remaining() {
        let document = DocumentId(bytes.try_get_i64_le().map_err(|_| Damaged)?);
        let seq = Seq(bytes.try_get_i64_le().map_err(|_| Damaged)?);
        let length = bytes.try_get_u32_le().map_err(|_| Damaged)? as usize;
        if length > bytes.len() {
            return Err(Damaged);
        }
        // A copy: rows leave one by one, and none shall keep its whole segment.
        rows.push((document, Row { seq, payload: Bytes::copy_from_slice(&bytes.split_to(length)) }));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<(DocumentId, Row)> {
        let row = |document, seq, payload| (DocumentId(document), Row { seq: Seq(seq), payload });
        vec![row(1, 5, Bytes::from_static(b"one")), row(i64::MAX, 1, Bytes::new()), row(1, 6, Bytes::from_static(b"x"))]
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(decode(encode(&rows())), Ok(rows()));
        assert_eq!(decode(encode(&[])), Ok(Vec::new()));
    }

    #[test]
    fn whatever_is_read_is_what_would_be_written() {
        let whole = encode(&rows());
        for at in 0..whole.len() {
            for byte in 0..=u8::MAX {
                let mut spoiled = whole.clone();
                spoiled[at] = byte;
                if let Ok(rows) = decode(spoiled.clone()) {
                    assert_eq!(encode(&rows), spoiled, "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn a_cut_within_a_row_and_an_unknown_format_are_noticed() {
        let whole = encode(&rows());
        let ends = [24, 44, whole.len()];
        for end in 0..whole.len() {
            let between = end == 1 || ends.contains(&end);
            assert_eq!(decode(whole[..end].to_vec()).is_ok(), between, "cut at {end}");
        }
        assert_eq!(decode(vec![2]), Err(Damaged));
    }
}
