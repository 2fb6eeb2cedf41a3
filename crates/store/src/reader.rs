//! The connections that read.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tandem_model::log::{Document, Loaded, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch, Seq};
use tokio::time::timeout;

use crate::fault::{Fault, describe, log_error};
use crate::pack::unpack;
use crate::pool;
use crate::queries::{self, documents, snapshots, updates};
use crate::statistics::PoolStatistics;
use crate::tail::Tail;

/// How many rows, or packs of rows, one statement reads: each statement has its own timeout, and holds the reader's thread so long.
const ROWS_A_PAGE: usize = 1_000;

/// So often a name is looked for again because rows went to their documents meanwhile. They do after a thousand rows, a
/// MiB or 20 s: once is rare.
const FINDS_MAX: u32 = 100;

/// A snapshot is one row of up to a whole document: it may take as long as this many pages.
const SNAPSHOT_PAGES: u32 = 5;

/// Reads, each within its time.
pub struct Reader {
    connection: DatabaseConnection,
    /// The rows that are not yet at their documents.
    tail: Arc<Tail>,
    turn_timeout: Duration,
    page_timeout: Duration,
}

/// Why a read gave nothing.
#[derive(Debug)]
enum ReadError {
    TooSlow(Duration),
    Database(DbErr),
    Contradiction(String),
}

impl Reader {
    /// A connection becomes free within `turn_timeout`, or is not waited for.
    pub fn new(
        connection: DatabaseConnection,
        tail: Arc<Tail>,
        turn_timeout: Duration,
        page_timeout: Duration,
    ) -> Self {
        Self { connection, tail, turn_timeout, page_timeout }
    }

    pub fn connections(&self) -> PoolStatistics {
        pool::figures(&self.connection)
    }

    pub async fn trim(&self) {
        pool::trim(&self.connection).await;
    }

    pub async fn close(&self) {
        pool::close(&self.connection).await;
    }

    pub async fn find(&self, name: &DocumentName) -> Result<Option<Document>, LogError> {
        for _ in 0..FINDS_MAX {
            let moves = self.tail.moves();
            let found = within(self.turn_and_page(), documents::by_name(&self.connection, name.as_str())).await;
            let Some(mut found) = found.map_err(ReadError::into_log)? else { return Ok(None) };
            found.raise(self.tail.newest(DocumentId(found.id)));
            // Its number was not known before: rows that left meanwhile were seen in neither place.
            if self.tail.moves() == moves {
                return document(&found).map(Some);
            }
        }
        Err(LogError::Unavailable(format!(
            "rows went to their documents {FINDS_MAX} times while a name was looked for"
        )))
    }

    /// Touches the database.
    pub async fn ping(&self) -> Result<(), LogError> {
        let found = within(self.turn_and_page(), documents::by_id(&self.connection, DocumentId(0))).await;
        found.map(drop).map_err(ReadError::into_log)
    }

    /// Reads a document in one snapshot of the database: what is committed or compacted meanwhile does not show.
    pub async fn load(&self, id: DocumentId) -> Result<Loaded, LogError> {
        let (transaction, found, tail) = self.begin(id).await?;
        self.whole(&transaction, &found, &tail).await
    }

    /// Reads the rows behind `after`, if all of them are there; else as a load.
    pub async fn since(&self, id: DocumentId, after: Seq) -> Result<Loaded, LogError> {
        let (transaction, found, tail) = self.begin(id).await?;
        if after.0 < found.base {
            return self.whole(&transaction, &found, &tail).await;
        }
        let rows = self.rows(&transaction, id, after).await.map_err(|error| error.into_log_of(id))?;
        let rows = joined(rows, after, &tail).map_err(|reason| LogError::Unreadable { document: id, reason })?;
        let document = document(&found)?;
        if whole(after, &rows, document.head).is_err() {
            return self.whole(&transaction, &found, &tail).await;
        }
        Ok(Loaded { document, snapshot: None, rows })
    }

    /// Opens a snapshot of the database on a document; answers the rows too that were not at it before.
    async fn begin(&self, id: DocumentId) -> Result<(DatabaseTransaction, documents::Found, Vec<Row>), LogError> {
        let of_document = |error: ReadError| error.into_log_of(id);
        let tail = self.tail.of(id);
        let begin = queries::begin_snapshot(&self.connection);
        let transaction = within(self.turn_and_page(), begin).await.map_err(of_document)?;
        let found = within(self.page_timeout, documents::by_id(&transaction, id)).await.map_err(of_document)?;
        let mut found = found.ok_or(LogError::Absent)?;
        found.raise(tail.last().map(|row| row.seq));
        Ok((transaction, found, tail))
    }

    async fn whole(
        &self,
        transaction: &DatabaseTransaction,
        found: &documents::Found,
        tail: &[Row],
    ) -> Result<Loaded, LogError> {
        let id = DocumentId(found.id);
        let of_document = |error: ReadError| error.into_log_of(id);
        let snapshot = within(self.page_timeout * SNAPSHOT_PAGES, snapshots::newest(transaction, id)).await;
        let snapshot = snapshot.map_err(of_document)?.map(|row| Row { seq: Seq(row.seq), payload: row.payload.into() });
        let after = snapshot.as_ref().map_or(Seq(found.base), |snapshot| snapshot.seq);
        let unreadable = |reason| LogError::Unreadable { document: id, reason };
        let rows = self.rows(transaction, id, after).await.map_err(of_document)?;
        let rows = joined(rows, after, tail).map_err(unreadable)?;
        let document = document(found)?;
        whole(after, &rows, document.head).map_err(unreadable)?;
        Ok(Loaded { document, snapshot, rows })
    }

    async fn rows(
        &self,
        transaction: &DatabaseTransaction,
        id: DocumentId,
        mut after: Seq,
    ) -> Result<Vec<Row>, ReadError> {
        let mut rows = Vec::new();
        loop {
            let page = updates::page(transaction, id, after.0, ROWS_A_PAGE as u64);
            let page = within(self.page_timeout, page).await?;
            let last = page.len() < ROWS_A_PAGE;
            for stored in page {
                rows.extend(
                    unpack(stored).map_err(ReadError::Contradiction)?.into_iter().filter(|row| row.seq > after),
                );
            }
            match rows.last() {
                Some(row) if !last => after = row.seq,
                _ => return Ok(rows),
            }
        }
    }

    fn turn_and_page(&self) -> Duration {
        self.turn_timeout + self.page_timeout
    }
}

impl ReadError {
    fn into_log(self) -> LogError {
        match self {
            Self::TooSlow(limit) => LogError::Unavailable(format!("a read took longer than {limit:?}")),
            Self::Database(error) => log_error(&error),
            Self::Contradiction(reason) => LogError::Unavailable(reason),
        }
    }

    /// Tells what is wrong with one document from what is wrong with the store.
    fn into_log_of(self, document: DocumentId) -> LogError {
        match self {
            Self::Database(error) if Fault::of(&error) == Fault::Damaged => {
                LogError::Unreadable { document, reason: describe(&error) }
            }
            Self::Contradiction(reason) => LogError::Unreadable { document, reason },
            other => other.into_log(),
        }
    }
}

/// A name's row as the port shows it.
pub fn document(found: &documents::Found) -> Result<Document, LogError> {
    let id = DocumentId(found.id);
    let name = DocumentName::new(&found.name)
        .map_err(|error| LogError::Unreadable { document: id, reason: format!("its name is none: {error}") })?;
    Ok(Document {
        id,
        name,
        epoch: Epoch(found.epoch),
        head: Seq(found.head()),
        deleted: found.deleted_at.is_some(),
        tombstone: found.tombstone.clone().into(),
    })
}

/// A document's rows behind `after`: those at it, and those that are not yet. What was moved meanwhile is in both; two that
/// differ are not the same row.
fn joined(mut rows: Vec<Row>, after: Seq, tail: &[Row]) -> Result<Vec<Row>, String> {
    rows.extend(tail.iter().filter(|row| row.seq > after).cloned());
    // In order already but for what was moved meanwhile.
    rows.sort_by_key(|row| row.seq);
    let same = |pair: &&[Row]| pair[0].seq == pair[1].seq && pair[0].payload != pair[1].payload;
    if let Some(twice) = rows.windows(2).find(same) {
        return Err(format!("row {} is stored twice, and differently", twice[0].seq));
    }
    rows.dedup_by_key(|row| row.seq);
    Ok(rows)
}

async fn within<T>(limit: Duration, read: impl Future<Output = Result<T, DbErr>>) -> Result<T, ReadError> {
    match timeout(limit, read).await {
        Ok(outcome) => outcome.map_err(ReadError::Database),
        Err(_) => Err(ReadError::TooSlow(limit)),
    }
}

/// Checks that the rows are those from behind `after` to `head`, each of them.
fn whole(after: Seq, rows: &[Row], head: Seq) -> Result<(), String> {
    let mut expected = after.next();
    for row in rows {
        if row.seq != expected {
            return Err(format!("row {expected} is missing, row {} follows", row.seq));
        }
        expected = expected.next();
    }
    if expected == head.next() { Ok(()) } else { Err(format!("row {expected} is missing, the log reached {head}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[tokio::test]
    async fn a_read_that_takes_too_long_is_unavailable() {
        let never = std::future::pending::<Result<(), DbErr>>();
        let error = within(Duration::from_millis(1), never).await.expect_err("no answer").into_log_of(DocumentId(1));
        assert_eq!(error, LogError::Unavailable("a read took longer than 1ms".into()));
    }

    #[test]
    fn rows_of_both_places_are_each_there_once() {
        let rows =
            |seqs: &[i64]| seqs.iter().map(|seq| Row { seq: Seq(*seq), payload: Bytes::new() }).collect::<Vec<_>>();
        for (at, tail, all) in [
            (&[3, 4][..], &[5, 6][..], &[3, 4, 5, 6][..]),
            (&[3, 4, 5], &[4, 5, 6], &[3, 4, 5, 6]),
            (&[3, 6], &[4, 5], &[3, 4, 5, 6]),
            (&[3], &[1, 2], &[3]),
            (&[], &[3], &[3]),
            (&[3], &[], &[3]),
        ] {
            assert_eq!(joined(rows(at), Seq(2), &rows(tail)), Ok(rows(all)), "{at:?} and {tail:?}");
        }
        let other = [Row { seq: Seq(4), payload: Bytes::from_static(b"other") }];
        assert_eq!(joined(rows(&[3, 4]), Seq(2), &other), Err("row 4 is stored twice, and differently".into()));
        assert_eq!(joined(rows(&[3, 4]), Seq(4), &other), Ok(rows(&[3, 4])), "who has it already does not look");
    }

    fn check(after: i64, seqs: &[i64], head: i64) -> Result<(), String> {
        let rows: Vec<Row> = seqs.iter().map(|seq| Row { seq: Seq(*seq), payload: Bytes::new() }).collect();
        whole(Seq(after), &rows, Seq(head))
    }

    #[test]
    fn rows_are_whole_from_the_snapshot_to_the_head() {
        assert_eq!(check(0, &[], 0), Ok(()));
        assert_eq!(check(0, &[1, 2, 3], 3), Ok(()));
        assert_eq!(check(7, &[8, 9], 9), Ok(()));
    }

    #[test]
    fn a_missing_row_is_named_wherever_it_is() {
        assert_eq!(check(0, &[2, 3], 3), Err("row 1 is missing, row 2 follows".into()));
        assert_eq!(check(7, &[8, 10], 10), Err("row 9 is missing, row 10 follows".into()));
        assert_eq!(check(0, &[1, 2], 3), Err("row 3 is missing, the log reached 3".into()));
        assert_eq!(check(7, &[], 9), Err("row 8 is missing, the log reached 9".into()));
    }
}
