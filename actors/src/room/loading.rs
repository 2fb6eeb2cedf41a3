//! From what the log holds to a room.

use std::sync::Arc;

use tandem_model::log::{Document, Loaded, LogError, Row};
use tandem_model::{ClientId, DocumentId, DocumentName, Limits, Seq, Subject};
use tandem_yjs::{Admission, Collect, Index, IndexLimits, StateVector, Update, Verdict};

use super::authors::Authors;
use super::core::Room;
use crate::journal::{Found, Target};
use crate::row::{Contribution, Snapshot, decode_row, decode_snapshot};

/// A document's content as the log tells it, before anybody is in it.
#[derive(Debug)]
pub struct Content {
    /// The index of all that is stored.
    pub index: Index,
    /// Whose each bound client id is.
    pub owners: Vec<(ClientId, Subject)>,
    /// The position of the newest row.
    pub head: Seq,
    /// Rows and bytes after the snapshot.
    pub since_snapshot: (u64, u64),
}

/// How a snapshot becomes an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshots {
    /// Taken back as it was, with its outline.
    Restored,
    /// Admitted like an edit: what it refers to is looked for, what can be joined is.
    Admitted,
}

/// Reads a snapshot and the rows after it.
///
/// # Errors
/// [`LogError::Unreadable`] names the row that contradicts the format or needs what is not there.
pub fn read(loaded: &Loaded, snapshots: Snapshots, limits: IndexLimits) -> Result<Content, LogError> {
    let mut owners = Vec::new();
    let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
    if let Some(row) = &loaded.snapshot {
        let snapshot = snapshot_of(loaded.document.id, row, &mut owners)?;
        let outline = snapshot.outline.as_ref().filter(|_| snapshots == Snapshots::Restored);
        let taken = match outline {
            Some(outline) => Index::restore(&snapshot.update, outline, Collect::Collected)
                .map(|restored| index = restored)
                .map_err(|error| error.to_string()),
            None => admit(&mut index, &snapshot.update).map(drop),
        };
        taken.map_err(|reason| unreadable(loaded.document.id, row.seq, &reason))?;
    }
    take_rows(loaded, &mut index, &mut owners, &mut |_| {})?;
    index.set_limits(limits);
    let since_snapshot =
        (loaded.rows.len() as u64, loaded.rows.iter().map(|row| row.payload.len() as u64).sum::<u64>());
    Ok(Content { index, owners, head: loaded.document.head, since_snapshot })
}

/// Takes a snapshot and the rows after it into an index that has no limits: what is stored was admitted once, and is
/// believed. Tells `admitted` what was new.
///
/// # Errors
/// As [`read`].
pub fn take(
    loaded: &Loaded,
    index: &mut Index,
    owners: &mut Vec<(ClientId, Subject)>,
    admitted: &mut dyn FnMut(Admission<'_>),
) -> Result<(), LogError> {
    if let Some(row) = &loaded.snapshot {
        let snapshot = snapshot_of(loaded.document.id, row, owners)?;
        let taken = admit(index, &snapshot.update);
        admitted(taken.map_err(|reason| unreadable(loaded.document.id, row.seq, &reason))?);
    }
    take_rows(loaded, index, owners, admitted)
}

/// A snapshot, whose owners go to `owners`.
fn snapshot_of(document: DocumentId, row: &Row, owners: &mut Vec<(ClientId, Subject)>) -> Result<Snapshot, LogError> {
    let mut snapshot = decode_snapshot(&row.payload).map_err(|error| unreadable(document, row.seq, &error))?;
    owners.append(&mut snapshot.owners);
    Ok(snapshot)
}

fn take_rows(
    loaded: &Loaded,
    index: &mut Index,
    owners: &mut Vec<(ClientId, Subject)>,
    admitted: &mut dyn FnMut(Admission<'_>),
) -> Result<(), LogError> {
    let document = loaded.document.id;
    for row in &loaded.rows {
        let contributions = decode_row(&row.payload).map_err(|error| unreadable(document, row.seq, &error))?;
        owners.extend(contributions.iter().filter_map(|one| Some((one.bound?, one.subject.clone()))));
        admit_row(index, &contributions, admitted).map_err(|reason| unreadable(document, row.seq, &reason))?;
    }
    Ok(())
}

/// Makes the room of what a load found.
///
/// # Errors
/// As [`read`].
pub fn room(name: DocumentName, found: &Found, limits: Arc<Limits>) -> Result<Box<Room>, LogError> {
    let bounds = index_limits(&limits);
    match found {
        Found::Nothing(document) => {
            let authors = Authors::new([], tombstone(document.as_ref())?);
            let mut room = Box::new(Room::new(name, Index::new(Collect::Collected, bounds), authors, limits));
            // A name that is used again goes on behind what was deleted.
            room.head = document.as_ref().map_or(Seq::default(), |document| document.head);
            Ok(room)
        }
        Found::Content(loaded) => {
            let content = read(loaded, Snapshots::Restored, bounds)?;
            let authors = Authors::new(content.owners, tombstone(Some(&loaded.document))?);
            let mut room = Box::new(Room::new(name, content.index, authors, limits));
            room.target = Some(Target { document: loaded.document.id, epoch: loaded.document.epoch });
            room.head = content.head;
            room.since_snapshot = content.since_snapshot;
            Ok(room)
        }
    }
}

/// Pieces that one update may fall into beyond its structs: far more than what people wrote comes to, and few enough that
/// cutting them costs hardly more than an update without any.
pub const UPDATE_PIECES_MAX: u64 = 100_000;

/// The index's share of a node's limits.
#[must_use]
pub fn index_limits(limits: &Limits) -> IndexLimits {
    IndexLimits {
        bytes: limits.document_bytes,
        clients: limits.document_clients,
        structs: limits.document_structs,
        pieces: UPDATE_PIECES_MAX,
    }
}

fn tombstone(document: Option<&Document>) -> Result<StateVector, LogError> {
    let Some(document) = document.filter(|document| !document.tombstone.is_empty()) else {
        return Ok(StateVector::default());
    };
    StateVector::decode(&document.tombstone)
        .map_err(|error| LogError::Unreadable { document: document.id, reason: format!("its tombstone: {error}") })
}

/// What the authors of one row brought may depend on one another both ways: it is taken together.
fn admit_row(
    index: &mut Index,
    contributions: &[Contribution],
    admitted: &mut dyn FnMut(Admission<'_>),
) -> Result<(), String> {
    if let [one] = contributions {
        return admit(index, &one.update).map(admitted);
    }
    let updates: Vec<&[u8]> = contributions.iter().map(|one| &*one.update).collect();
    let merged = tandem_yjs::merge(&updates).map_err(|refusal| refusal.to_string())?;
    admit(index, &merged).map(admitted)
}

fn admit<'a>(index: &mut Index, update: &'a [u8]) -> Result<Admission<'a>, String> {
    let update = Update::decode(update).map_err(|refusal| refusal.to_string())?;
    let admission = index.admit(&update, &mut |_| Verdict::Take);
    match (admission.missing, admission.refused) {
        (None, None) => Ok(admission),
        (Some(missing), _) => Err(format!("it needs {missing}, which is not stored")),
        (None, Some(refused)) => Err(format!("{refused} can never be taken")),
    }
}

fn unreadable(document: DocumentId, seq: Seq, reason: &dyn std::fmt::Display) -> LogError {
    LogError::Unreadable { document, reason: format!("row {seq}: {reason}") }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tandem_model::Epoch;

    use super::*;
    use crate::row::encode_snapshot;

    /// A text of client 7 that says `hi`.
    const HI: [u8; 12] = [1, 1, 7, 0, 4, 1, 1, b't', 2, b'h', b'i', 0];

    fn loaded(snapshot: Bytes) -> Loaded {
        let document = Document {
            id: DocumentId(1),
            name: DocumentName::new("a").expect("a name"),
            epoch: Epoch(1),
            head: Seq(5),
            deleted: false,
            tombstone: Bytes::new(),
        };
        Loaded { document, snapshot: Some(Row { seq: Seq(5), payload: snapshot }), rows: Vec::new() }
    }

    #[test]
    fn a_snapshot_is_the_same_document_however_it_is_read() {
        let owners = [(ClientId(7), Subject::new("ann"))];
        let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
        admit(&mut index, &HI).expect("sound");
        let today = encode_snapshot(&owners, &index.outline(), &index.encode());
        // As it was written before there were outlines.
        let former = Bytes::from([&[2, 1, 7, 3, b'a', b'n', b'n', 12][..], &HI].concat());
        for payload in [today, former] {
            for snapshots in [Snapshots::Restored, Snapshots::Admitted] {
                let content = read(&loaded(payload.clone()), snapshots, IndexLimits::NONE).expect("a document");
                assert_eq!((content.index.encode(), &content.owners[..]), (index.encode(), &owners[..]));
                assert_eq!(content.index.outline(), index.outline());
            }
        }
    }

    #[test]
    fn a_snapshot_that_is_no_pair_with_its_outline_is_unreadable() {
        let payload = encode_snapshot(&[], &[], &HI);
        let read = read(&loaded(payload), Snapshots::Restored, IndexLimits::NONE);
        assert!(matches!(&read, Err(LogError::Unreadable { reason, .. }) if reason.starts_with("row 5: ")), "{read:?}");
    }
}
