//! What stands in a log row and in a snapshot: opaque to the store, read by loads and by compaction.
//!
//! ```text
//! row       01 count { subject, at in ms, bound id + 1 or 0, update }*
//! snapshot  03 CRC-32 of what follows  count { client id, subject }* outline update
//!           02 count { client id, subject }* update       as it was written before
//! ```
//! Numbers are lib0 varUint, texts, outlines and updates are length-prefixed (lib0 varString, varUint8Array); the CRC is four
//! bytes, little endian. It is there because the outline is believed.

use bytes::Bytes;
use tandem_model::{ClientId, Subject};
use tandem_yjs::lib0::{Reader, write_buf, write_var_string, write_var_uint};
use thiserror::Error;

const ROW: u8 = 1;
const SNAPSHOT_WITHOUT_OUTLINE: u8 = 2;
const SNAPSHOT: u8 = 3;
const CRC_BYTES: usize = 4;

/// What one author brought to a document since its last row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The author.
    pub subject: Subject,
    /// The Yjs client id that the author's session bound with it.
    pub bound: Option<ClientId>,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The room's own encoding of what was taken.
    pub update: Bytes,
}

/// A snapshot's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose each bound client id is.
    pub owners: Vec<(ClientId, Subject)>,
    /// Where the document's elements hang ([`tandem_yjs::Index::outline`]); `None` in what was written before.
    pub outline: Option<Bytes>,
    /// The document, as one update.
    pub update: Bytes,
}

/// Why stored bytes cannot be read.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum RowError {
    /// The first byte is none that this version writes there.
    #[error("its format is {0}, which this version does not know")]
    Format(u8),
    /// The bytes end early or a length lies.
    #[error("its bytes are cut or damaged")]
    Damaged,
}

/// Encodes a log row.
#[must_use]
pub fn encode_row(contributions: &[Contribution]) -> Bytes {
    let length: usize = contributions.iter().map(|one| one.update.len() + one.subject.as_str().len() + 32).sum();
    let mut out = Vec::with_capacity(length + 4);
    out.push(ROW);
    write_var_uint(&mut out, contributions.len() as u64);
    for one in contributions {
        write_var_string(&mut out, one.subject.as_str());
        write_var_uint(&mut out, one.at_ms);
        write_var_uint(&mut out, one.bound.map_or(0, |client| client.0 + 1));
        write_buf(&mut out, &one.update);
    }
    out.into()
}

/// Decodes a log row.
///
/// # Errors
/// [`RowError`] when the bytes are none that [`encode_row`] wrote.
pub fn decode_row(payload: &Bytes) -> Result<Vec<Contribution>, RowError> {
    let (format, mut reader) = open(payload)?;
    if format != ROW {
        return Err(RowError::Format(format));
    }
    let count = number(&mut reader)?;
    let mut contributions = Vec::new();
    for _ in 0..count {
        let subject = Subject::new(reader.var_string().map_err(|_| RowError::Damaged)?);
        let at_ms = number(&mut reader)?;
        let bound = number(&mut reader)?.checked_sub(1).map(ClientId);
        let update = payload.slice_ref(reader.buf().map_err(|_| RowError::Damaged)?);
        contributions.push(Contribution { subject, bound, at_ms, update });
    }
    Ok(contributions)
}

/// Encodes a snapshot of a document whose encoding and outline these are.
#[must_use]
pub fn encode_snapshot(owners: &[(ClientId, Subject)], outline: &[u8], update: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(update.len() + outline.len() + owners.len() * 32 + 24);
    out.push(SNAPSHOT);
    out.extend_from_slice(&[0; CRC_BYTES]);
    write_var_uint(&mut out, owners.len() as u64);
    for (client, subject) in owners {
        write_var_uint(&mut out, client.0);
        write_var_string(&mut out, subject.as_str());
    }
    write_buf(&mut out, outline);
    write_buf(&mut out, update);
    let crc = crc32fast::hash(&out[1 + CRC_BYTES..]);
    out[1..=CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
    out.into()
}

/// Decodes a snapshot.
///
/// # Errors
/// [`RowError`] when the bytes are none that [`encode_snapshot`] wrote.
pub fn decode_snapshot(payload: &Bytes) -> Result<Snapshot, RowError> {
    let (format, mut reader) = open(payload)?;
    match format {
        SNAPSHOT => {
            let said = reader.take(CRC_BYTES).map_err(|_| RowError::Damaged)?;
            if said != crc32fast::hash(reader.rest()).to_le_bytes() {
                return Err(RowError::Damaged);
            }
        }
        SNAPSHOT_WITHOUT_OUTLINE => {}
        other => return Err(RowError::Format(other)),
    }
    let count = number(&mut reader)?;
    let mut owners = Vec::new();
    for _ in 0..count {
        let client = ClientId(number(&mut reader)?);
        owners.push((client, Subject::new(reader.var_string().map_err(|_| RowError::Damaged)?)));
    }
    let mut part = || reader.buf().map(|part| payload.slice_ref(part)).map_err(|_| RowError::Damaged);
    let outline = (format == SNAPSHOT).then(&mut part).transpose()?;
    Ok(Snapshot { owners, outline, update: part()? })
}

/// Whether a stored snapshot has the outline with which it is taken back by copying.
#[must_use]
pub fn has_outline(snapshot: &[u8]) -> bool {
    snapshot.first() == Some(&SNAPSHOT)
}

fn open(payload: &Bytes) -> Result<(u8, Reader<'_>), RowError> {
    let (format, rest) = payload.split_first().ok_or(RowError::Damaged)?;
    Ok((*format, Reader::new(rest)))
}

fn number(reader: &mut Reader<'_>) -> Result<u64, RowError> {
    reader.var_uint().map_err(|_| RowError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contribution(bound: Option<u64>) -> Contribution {
        let update = Bytes::from_static(&[0, 0]);
        Contribution { subject: Subject::new("ann"), bound: bound.map(ClientId), at_ms: 1_700_000_000_000, update }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let row = vec![contribution(Some(0)), contribution(None)];
        assert_eq!(decode_row(&encode_row(&row)), Ok(row));
        let owners = vec![(ClientId(7), Subject::new("ann")), (ClientId(9), Subject::new("bob"))];
        let snapshot = decode_snapshot(&encode_snapshot(&owners, &[5], &[0, 0])).expect("a snapshot");
        let (outline, update) = (Some(Bytes::from_static(&[5])), Bytes::from_static(&[0, 0]));
        assert_eq!(snapshot, Snapshot { owners, outline, update });
    }

    #[test]
    fn every_flipped_bit_of_a_snapshot_is_noticed() {
        let whole = encode_snapshot(&[(ClientId(7), Subject::new("ann"))], &[5], &[0, 0]);
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // One bit makes a snapshot without an outline of it, which the rest is none of.
            assert!(decode_snapshot(&flipped.into()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_snapshot_of_the_former_format_is_read() {
        let owners = vec![(ClientId(7), Subject::new("ann"))];
        let former = Bytes::from_static(b"\x02\x01\x07\x03ann\x02\x00\x00");
        let update = Bytes::from_static(&[0, 0]);
        assert_eq!(decode_snapshot(&former), Ok(Snapshot { owners, outline: None, update }));
    }

    #[test]
    fn every_cut_is_noticed() {
        let row = encode_row(&[contribution(Some(5))]);
        for end in 0..row.len() {
            assert!(decode_row(&row.slice(..end)).is_err(), "cut at {end}");
        }
        assert_eq!(decode_row(&Bytes::from_static(&[9])), Err(RowError::Format(9)));
    }
}
