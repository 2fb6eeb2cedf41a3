//! Who gets which position.

use std::collections::HashMap;

use tandem_model::log::{Append, Appended, Row};
use tandem_model::{DocumentId, Epoch, Seq};

/// How many documents' heads are held, a quarter of a MiB; beyond it all are forgotten, and read again as they are needed.
const HEADS_MAX: usize = 7_000;

/// Where a document's log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest position.
    pub seq: Seq,
    /// The name's epoch.
    pub epoch: Epoch,
    /// Whether rows may be appended.
    pub life: Life,
}

/// Whether a name is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It is.
    Live,
    /// It is deleted and not used again since.
    Deleted,
}

/// The heads of the documents that were lately written to. True as long as no write failed: after a failure its owner
/// drops it and begins with an empty one.
#[derive(Debug, Default)]
pub struct Heads(HashMap<DocumentId, Head>);

impl Heads {
    /// The documents of `rows` whose heads must be read first, each once.
    pub fn unknown(&mut self, rows: &[Append]) -> Vec<DocumentId> {
        if self.0.len() > HEADS_MAX {
            self.0.clear();
        }
        let mut unknown: Vec<DocumentId> =
            rows.iter().map(|row| row.document).filter(|document| !self.0.contains_key(document)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// Notes what was read.
    pub fn learn(&mut self, document: DocumentId, head: Head) {
        self.0.insert(document, head);
    }

    /// Forgets one document: something else than an append changed it.
    pub fn forget(&mut self, document: DocumentId) {
        self.0.remove(&document);
    }

    /// Gives each row its position, or says that its document is gone.
    ///
    /// All of their documents that exist must be known. The positions count as given: if the commit fails, the heads
    /// are void.
    pub fn give(&mut self, rows: Vec<Append>) -> (Vec<Appended>, Vec<(DocumentId, Row)>) {
        let mut written = Vec::with_capacity(rows.len());
        let outcomes = rows
            .into_iter()
            .map(|row| match self.0.get_mut(&row.document) {
                Some(head) if head.epoch == row.epoch && head.life == Life::Live => {
                    head.seq = head.seq.next();
                    written.push((row.document, Row { seq: head.seq, payload: row.payload }));
                    Appended::At(head.seq)
                }
                _ => Appended::Gone,
            })
            .collect();
        (outcomes, written)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn row(document: i64, epoch: i64) -> Append {
        Append { document: DocumentId(document), epoch: Epoch(epoch), payload: Bytes::from_static(b"x") }
    }

    fn live(seq: i64, epoch: i64) -> Head {
        Head { seq: Seq(seq), epoch: Epoch(epoch), life: Life::Live }
    }

    #[test]
    fn each_row_gets_the_next_position_of_its_document() {
        let mut heads = Heads::default();
        heads.learn(DocumentId(1), live(4, 1));
        heads.learn(DocumentId(2), live(0, 1));
        let (outcomes, written) = heads.give(vec![row(1, 1), row(2, 1), row(1, 1)]);
        assert_eq!(outcomes, [Appended::At(Seq(5)), Appended::At(Seq(1)), Appended::At(Seq(6))]);
        assert_eq!(
            written.iter().map(|(document, row)| (document.0, row.seq.0)).collect::<Vec<_>>(),
            [(1, 5), (2, 1), (1, 6)]
        );
    }

    #[test]
    fn a_row_of_another_epoch_or_of_nothing_is_gone_and_takes_no_position() {
        let mut heads = Heads::default();
        heads.learn(DocumentId(1), live(4, 2));
        heads.learn(DocumentId(2), Head { life: Life::Deleted, ..live(4, 2) });
        let (outcomes, written) = heads.give(vec![row(1, 1), row(2, 2), row(3, 1), row(1, 2)]);
        assert_eq!(outcomes, [Appended::Gone, Appended::Gone, Appended::Gone, Appended::At(Seq(5))]);
        assert_eq!(written.len(), 1);
    }

    #[test]
    fn each_unknown_document_is_asked_for_once() {
        let mut heads = Heads::default();
        heads.learn(DocumentId(1), live(0, 1));
        assert_eq!(heads.unknown(&[row(2, 1), row(1, 1), row(2, 1), row(3, 1)]), [DocumentId(2), DocumentId(3)]);
        heads.forget(DocumentId(1));
        assert_eq!(heads.unknown(&[row(1, 1)]), [DocumentId(1)]);
    }

    #[test]
    fn the_heads_held_are_bounded() {
        let mut heads = Heads::default();
        for document in 0..=100_000 {
            heads.learn(DocumentId(document), live(0, 1));
        }
        assert_eq!(heads.unknown(&[row(7, 1)]), [DocumentId(7)]);
        assert_eq!(heads.len(), 0);
    }
}
