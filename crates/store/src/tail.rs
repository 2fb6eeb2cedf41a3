//! The newest rows: durable in segments, not yet at their documents.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tandem_model::log::Row;
use tandem_model::{DocumentId, Seq};

/// What a reader must add to what it reads at a document. The writer fills it with each commit and empties it when it
/// moved the rows to their documents; always empty where commits go to their documents at once.
///
/// A reader looks here *before* it opens its snapshot of the database: rows that are moved in between are then found at
/// their documents, and no committed row is missed. Those found in both places are the same.
#[derive(Debug, Default)]
pub struct Tail(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    of: HashMap<DocumentId, Vec<Row>>,
    count: usize,
    bytes: usize,
    /// How often rows left.
    moves: u64,
}

impl Tail {
    /// The rows of one document, in their order.
    pub fn of(&self, document: DocumentId) -> Vec<Row> {
        self.lock().of.get(&document).cloned().unwrap_or_default()
    }

    /// The newest position of one document, if any row of it is here.
    pub fn newest(&self, document: DocumentId) -> Option<Seq> {
        self.lock().of.get(&document).and_then(|rows| rows.last()).map(|row| row.seq)
    }

    /// How often rows left: whoever looks only after reading the database reads it again if this changed.
    pub fn moves(&self) -> u64 {
        self.lock().moves
    }

    /// How many rows are in segments, those of forgotten documents included.
    pub fn rows(&self) -> usize {
        self.lock().count
    }

    /// Bytes of what those rows hold.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Adds what was committed; a document's rows come in their order.
    pub fn extend(&self, rows: Vec<(DocumentId, Row)>) {
        self.lock().extend(rows);
    }

    /// A document's rows are not needed any more. Until all rows leave, its segments keep their room.
    pub fn forget(&self, document: DocumentId) {
        let mut held = self.lock();
        held.of.remove(&document);
        held.moves += 1;
    }

    /// Holds these rows and no others.
    pub fn replace(&self, rows: Vec<(DocumentId, Row)>) {
        let mut held = self.lock();
        *held = Rows { moves: held.moves + 1, ..Rows::default() };
        held.extend(rows);
    }

    /// All rows, by document and position.
    pub fn sorted(&self) -> Vec<(DocumentId, Row)> {
        let held = self.lock();
        let mut documents: Vec<_> = held.of.iter().collect();
        documents.sort_unstable_by_key(|(document, _)| **document);
        documents.into_iter().flat_map(|(document, rows)| rows.iter().map(|row| (*document, row.clone()))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn extend(&mut self, rows: Vec<(DocumentId, Row)>) {
        self.count += rows.len();
        for (document, row) in rows {
            self.bytes += row.payload.len();
            self.of.entry(document).or_default().push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn row(document: i64, seq: i64) -> (DocumentId, Row) {
        (DocumentId(document), Row { seq: Seq(seq), payload: Bytes::from_static(b"four") })
    }

    #[test]
    fn rows_are_found_by_document_and_counted() {
        let tail = Tail::default();
        tail.extend(vec![row(2, 7), row(1, 1), row(2, 8)]);
        assert_eq!((tail.rows(), tail.bytes(), tail.moves()), (3, 12, 0));
        assert_eq!(tail.of(DocumentId(2)), [row(2, 7).1, row(2, 8).1]);
        assert_eq!((tail.newest(DocumentId(2)), tail.newest(DocumentId(3))), (Some(Seq(8)), None));
        assert_eq!(tail.sorted(), [row(1, 1), row(2, 7), row(2, 8)]);
    }

    #[test]
    fn what_leaves_is_told() {
        let tail = Tail::default();
        tail.extend(vec![row(1, 1), row(2, 1)]);
        tail.forget(DocumentId(1));
        assert_eq!((tail.of(DocumentId(1)), tail.rows(), tail.bytes(), tail.moves()), (Vec::new(), 2, 8, 1));
        tail.replace(vec![row(3, 1)]);
        assert_eq!((tail.rows(), tail.bytes(), tail.moves()), (1, 4, 2));
        assert_eq!(tail.of(DocumentId(2)), []);
    }
}
