//! The in-memory double of the log, with switches for faults.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::log::{Append, Appended, Document, Installed, Loaded, Log, LogError, Row};
use crate::{DocumentId, DocumentName, Epoch, Seq};

/// What the next appends do; see [`MemoryLog::fail_next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The append errs and nothing is stored.
    NotStored,
    /// The append errs although everything is stored: the outcome that a lost connection leaves.
    StoredAnyway,
    /// The append errs as on a full disk.
    Full,
}

/// A log that lives as long as its last clone. Clones share it, as connections share a database.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    documents: Vec<Stored>,
    names: HashMap<DocumentName, usize>,
    faults: Vec<Fault>,
    append_takes: Duration,
    appends: u64,
}

struct Stored {
    document: Document,
    base: Seq,
    snapshot: Option<Row>,
    rows: Vec<Row>,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes each coming append fail with the next of these, in order.
    pub fn fail_next(&self, faults: &[Fault]) {
        self.lock().faults.extend_from_slice(faults);
    }

    /// Makes each coming append take this long, by tokio's clock.
    pub fn append_takes(&self, time: Duration) {
        self.lock().append_takes = time;
    }

    /// How many appends were asked for, failed ones included.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.lock().appends
    }

    /// Replaces a stored row's payload: what a broken disk does.
    pub fn corrupt(&self, document: DocumentId, seq: Seq, payload: Bytes) {
        let mut state = self.lock();
        if let Some(stored) = state.stored(document) {
            stored.rows.iter_mut().filter(|row| row.seq == seq).for_each(|row| row.payload = payload.clone());
        }
    }

    /// Forgets a stored row: leaves a gap.
    pub fn lose(&self, document: DocumentId, seq: Seq) {
        let mut state = self.lock();
        if let Some(stored) = state.stored(document) {
            stored.rows.retain(|row| row.seq != seq);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stored(&mut self, document: DocumentId) -> Option<&mut Stored> {
        let at = usize::try_from(document.0.checked_sub(1)?).ok()?;
        self.documents.get_mut(at)
    }

    fn create(&mut self, name: &DocumentName) -> Document {
        if let Some(&at) = self.names.get(name) {
            self.documents[at].document.deleted = false;
            return self.documents[at].document.clone();
        }
        let number = i64::try_from(self.documents.len()).unwrap_or(i64::MAX) + 1;
        let document = Document {
            id: DocumentId(number),
            name: name.clone(),
            epoch: Epoch(1),
            head: Seq(0),
            deleted: false,
            tombstone: Bytes::new(),
        };
        self.names.insert(name.clone(), self.documents.len());
        self.documents.push(Stored { document: document.clone(), base: Seq(0), snapshot: None, rows: Vec::new() });
        document
    }

    fn append(&mut self, rows: Vec<Append>) -> Vec<Appended> {
        rows.into_iter()
            .map(|append| match self.stored(append.document) {
                Some(stored) if stored.document.epoch == append.epoch && !stored.document.deleted => {
                    let seq = stored.document.head.next();
                    stored.document.head = seq;
                    stored.rows.push(Row { seq, payload: append.payload });
                    Appended::At(seq)
                }
                _ => Appended::Gone,
            })
            .collect()
    }
}

impl Stored {
    fn load(&self) -> Result<Loaded, LogError> {
        let from = self.snapshot.as_ref().map_or(self.base, |snapshot| snapshot.seq);
        Ok(Loaded { document: self.document.clone(), snapshot: self.snapshot.clone(), rows: self.rows_behind(from)? })
    }

    fn since(&self, after: Seq) -> Result<Loaded, LogError> {
        match self.rows_behind(after) {
            Ok(rows) if after >= self.base => Ok(Loaded { document: self.document.clone(), snapshot: None, rows }),
            _ => self.load(),
        }
    }

    fn rows_behind(&self, from: Seq) -> Result<Vec<Row>, LogError> {
        let rows: Vec<Row> = self.rows.iter().filter(|row| row.seq > from).cloned().collect();
        let mut expected = from;
        for seq in rows.iter().map(|row| row.seq).chain([self.document.head.next()]) {
            expected = expected.next();
            if seq != expected {
                let reason = format!("row {expected} is missing");
                return Err(LogError::Unreadable { document: self.document.id, reason });
            }
        }
        Ok(rows)
    }
}

impl Log for MemoryLog {
    fn find<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Option<Document>, LogError>> {
        async move {
            let state = self.lock();
            Ok(state.names.get(name).map(|&at| state.documents[at].document.clone()))
        }
        .boxed()
    }

    fn create<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Document, LogError>> {
        async move { Ok(self.lock().create(name)) }.boxed()
    }

    fn append(&self, rows: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>, LogError>> {
        let (takes, fault) = {
            let mut state = self.lock();
            state.appends += 1;
            let fault = (!state.faults.is_empty()).then(|| state.faults.remove(0));
            (state.append_takes, fault)
        };
        async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            match fault {
                None => Ok(self.lock().append(rows)),
                Some(Fault::Full) => Err(LogError::Full("a fault was asked for".into())),
                Some(fault) => {
                    if fault == Fault::StoredAnyway {
                        self.lock().append(rows);
                    }
                    Err(LogError::Unavailable("a fault was asked for".into()))
                }
            }
        }
        .boxed()
    }

    fn load(&self, document: DocumentId) -> BoxFuture<'_, Result<Loaded, LogError>> {
        async move { self.lock().stored(document).ok_or(LogError::Absent)?.load() }.boxed()
    }

    fn since(&self, document: DocumentId, after: Seq) -> BoxFuture<'_, Result<Loaded, LogError>> {
        async move { self.lock().stored(document).ok_or(LogError::Absent)?.since(after) }.boxed()
    }

    fn install_snapshot(
        &self,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> BoxFuture<'_, Result<Installed, LogError>> {
        async move {
            let mut state = self.lock();
            let stored = state.stored(document).ok_or(LogError::Absent)?;
            let newest = stored.snapshot.as_ref().map_or(stored.base, |newest| newest.seq);
            let current = stored.document.epoch == epoch && !stored.document.deleted;
            if !current || snapshot.seq <= newest || snapshot.seq > stored.document.head {
                return Ok(Installed::Superseded);
            }
            stored.snapshot = Some(snapshot);
            Ok(Installed::Yes)
        }
        .boxed()
    }

    fn delete(&self, document: DocumentId, tombstone: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            let mut state = self.lock();
            let stored = state.stored(document).ok_or(LogError::Absent)?;
            stored.base = stored.document.head;
            stored.document.epoch = Epoch(stored.document.epoch.0 + 1);
            stored.document.deleted = true;
            stored.document.tombstone = tombstone;
            stored.snapshot = None;
            stored.rows.clear();
            Ok(())
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_double_conforms() {
        crate::conformance::all(&|| async { MemoryLog::new() }).await;
    }

    async fn document(log: &MemoryLog) -> Document {
        log.create(&DocumentName::new("a").expect("a name")).await.expect("a document")
    }

    async fn append(log: &MemoryLog, to: &Document) -> Result<Vec<Appended>, LogError> {
        log.append(vec![Append { document: to.id, epoch: to.epoch, payload: Bytes::from_static(b"x") }]).await
    }

    #[tokio::test]
    async fn faults_come_in_the_order_asked_for_and_then_end() {
        let log = MemoryLog::new();
        let a = document(&log).await;
        log.fail_next(&[Fault::NotStored, Fault::StoredAnyway, Fault::Full]);
        assert!(matches!(append(&log, &a).await, Err(LogError::Unavailable(_))));
        assert_eq!(log.load(a.id).await.map(|loaded| loaded.rows.len()), Ok(0), "not stored");
        assert!(matches!(append(&log, &a).await, Err(LogError::Unavailable(_))));
        assert_eq!(log.load(a.id).await.map(|loaded| loaded.rows.len()), Ok(1), "stored anyway");
        assert!(matches!(append(&log, &a).await, Err(LogError::Full(_))));
        assert_eq!(append(&log, &a).await, Ok(vec![Appended::At(Seq(2))]), "the faults are used up");
        assert_eq!(log.appends(), 4);
    }

    #[tokio::test]
    async fn a_lost_row_makes_its_document_unreadable_and_no_other() {
        let log = MemoryLog::new();
        let a = document(&log).await;
        for _ in 0..3 {
            append(&log, &a).await.expect("an append");
        }
        log.lose(a.id, Seq(2));
        let reason = "row 2 is missing".to_owned();
        assert_eq!(log.load(a.id).await.err(), Some(LogError::Unreadable { document: a.id, reason }));
        let b = log.create(&DocumentName::new("b").expect("a name")).await.expect("a document");
        assert!(log.load(b.id).await.is_ok());
    }

    #[tokio::test]
    async fn a_corrupted_row_comes_back_as_what_it_became() {
        let log = MemoryLog::new();
        let a = document(&log).await;
        append(&log, &a).await.expect("an append");
        log.corrupt(a.id, Seq(1), Bytes::from_static(b"broken"));
        assert_eq!(log.load(a.id).await.expect("a load").rows[0].payload, "broken");
    }

    #[tokio::test(start_paused = true)]
    async fn an_append_takes_the_time_asked_for() {
        let log = MemoryLog::new();
        let a = document(&log).await;
        log.append_takes(Duration::from_secs(3));
        let before = tokio::time::Instant::now();
        append(&log, &a).await.expect("an append");
        assert_eq!(before.elapsed(), Duration::from_secs(3));
    }
}
