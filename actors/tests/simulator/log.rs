//! The store's double in bad weather: slow, failing, and failing although everything was stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tandem_model::log::{Append, Appended, Document, Installed, Loaded, Log, LogError, Row};
use tandem_model::memory::MemoryLog;
use tandem_model::{DocumentId, DocumentName, Epoch};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::other::OtherNode;
use crate::story::Story;

/// How the store behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// The longest time of a call, in milliseconds, half of it before and half of it after it takes effect.
    pub slow_ms: u64,
    /// Appends of a hundred that fail.
    pub appends_fail: u64,
    /// Other calls of a hundred that fail.
    pub others_fail: u64,
    /// Appends of a hundred before which another node writes.
    pub others_write: u64,
}

/// How one call that writes fails, whatever the weather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An error of input or output: nothing is stored.
    Refused,
    /// The disk is full, and stays so for a while: nothing is stored.
    Full,
    /// All is stored, and yet the answer is an error: a sync that failed.
    Unheard,
    /// What calls it panics.
    Panics,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Full, Self::Unheard, Self::Panics];
}

/// How long a disk is full.
const FULL_FOR: Duration = Duration::from_secs(3);

/// The log as one node sees it. Clones share it; a node that starts anew gets a [successor](Self::successor).
#[derive(Clone)]
pub struct StormyLog {
    shared: Arc<Shared>,
    /// A process that was killed is answered no more, and writes no more.
    killed: Arc<Mutex<bool>>,
}

struct Shared {
    inner: MemoryLog,
    state: Mutex<State>,
    ledger: Ledger,
    story: Story,
}

struct State {
    weather: Weather,
    dice: Dice,
    names: BTreeMap<DocumentName, DocumentId>,
    snapshots: u64,
    failures: u64,
    /// Calls that write, since the beginning.
    writes: u64,
    /// Which of them fails, and how.
    due: Option<(u64, Failure)>,
    full_until: Option<Instant>,
    other: OtherNode,
    others_rows: u64,
}

impl StormyLog {
    /// An empty log in fine weather.
    pub fn new(dice: Dice, ledger: Ledger, story: Story) -> Self {
        let state = State {
            weather: Weather::default(),
            dice,
            names: BTreeMap::new(),
            snapshots: 0,
            failures: 0,
            writes: 0,
            due: None,
            full_until: None,
            other: OtherNode::default(),
            others_rows: 0,
        };
        let shared = Shared { inner: MemoryLog::new(), state: Mutex::new(state), ledger, story };
        Self { shared: Arc::new(shared), killed: Arc::default() }
    }

    /// The process that used this log was killed: the same log for the next one.
    pub fn successor(&self) -> Self {
        *self.killed.lock().expect("nobody panics while holding it") = true;
        Self { shared: self.shared.clone(), killed: Arc::default() }
    }

    /// Changes the weather.
    pub fn weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// Makes the `n`-th call from now on that writes fail so, the next one if `n` is 1.
    pub fn fail_write(&self, n: u64, failure: Failure) {
        let mut state = self.lock();
        state.due = Some((state.writes + n, failure));
    }

    /// No call fails but by the weather.
    pub fn fail_no_more(&self) {
        let mut state = self.lock();
        (state.due, state.full_until) = (None, None);
    }

    /// Calls so far that wrote or were to write.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// A document's number, once it has one.
    pub fn number(&self, name: &DocumentName) -> Option<DocumentId> {
        self.lock().names.get(name).copied()
    }

    /// What a cold start would read.
    pub async fn cold(&self, name: &DocumentName) -> Result<Option<Loaded>, LogError> {
        match self.number(name) {
            Some(document) => self.shared.inner.load(document).await.map(Some),
            None => Ok(None),
        }
    }

    /// Snapshots that were installed, calls that failed, and rows that another node wrote.
    pub fn counts(&self) -> (u64, u64, u64) {
        let state = self.lock();
        (state.snapshots, state.failures, state.others_rows)
    }

    /// Waits as long as the weather says, and says how a call that reads ends.
    async fn endure(&self, what: &str) -> Fate {
        let (before, after, fails) = {
            let State { weather, dice, .. } = &mut *self.lock();
            let half = weather.slow_ms / 2;
            (dice.millis(half), dice.millis(half), dice.percent(weather.others_fail))
        };
        self.wait(before).await;
        self.fate(what, after, fails.then_some(Failure::Unheard))
    }

    /// The same of a call that writes.
    async fn endure_write(&self, what: &str, often: impl Fn(&Weather) -> u64) -> Fate {
        let (before, after, failure) = {
            let state = &mut *self.lock();
            let half = state.weather.slow_ms / 2;
            let (before, after) = (state.dice.millis(half), state.dice.millis(half));
            let (fails, stored) = (state.dice.percent(often(&state.weather)), state.dice.percent(50));
            let stormy = fails.then_some(if stored { Failure::Unheard } else { Failure::Refused });
            (before, after, state.failure().or(stormy))
        };
        self.wait(before).await;
        self.fate(what, after, failure)
    }

    async fn wait(&self, before: Duration) {
        pause(before).await;
        if *self.killed.lock().expect("nobody panics while holding it") {
            std::future::pending::<()>().await;
        }
    }

    fn fate(&self, what: &str, after: Duration, failure: Option<Failure>) -> Fate {
        if let Some(failure) = failure {
            self.lock().failures += 1;
            self.shared.story.tell(format_args!("the store fails: {what}, {failure:?}"), &[]);
            if failure == Failure::Panics {
                std::panic::resume_unwind(Box::new("the store was made to panic".to_owned()));
            }
        }
        Fate { failure, after }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("nobody panics while holding it")
    }

    async fn create_now(&self, name: &DocumentName) -> Result<Document, LogError> {
        let created = self.shared.inner.create(name).await;
        if let Ok(document) = &created {
            self.lock().names.insert(name.clone(), document.id);
        }
        created
    }

    async fn append_now(&self, rows: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        let rows = self.beside_another(rows);
        let written: Vec<(DocumentId, Bytes)> =
            rows.iter().map(|(_, row)| (row.document, row.payload.clone())).collect();
        let (whose, rows): (Vec<Whose>, Vec<Append>) = rows.into_iter().unzip();
        let appended = self.shared.inner.append(rows).await?;
        for ((document, payload), outcome) in written.iter().zip(&appended) {
            self.shared.story.tell(format_args!("the store: document {document} {outcome:?}"), payload);
            if let Appended::At(seq) = outcome {
                self.shared.ledger.stored(*document, *seq, payload);
            }
        }
        Ok(appended.into_iter().zip(whose).filter(|(_, whose)| *whose == Whose::Ours).map(|(one, _)| one).collect())
    }

    /// Puts rows of another node before some.
    fn beside_another(&self, rows: Vec<Append>) -> Vec<(Whose, Append)> {
        let State { weather, dice, other, others_rows, .. } = &mut *self.lock();
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            if dice.percent(weather.others_write) {
                *others_rows += 1;
                all.push((Whose::Another, other.row(&row)));
            }
            all.push((Whose::Ours, row));
        }
        all
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Another,
}

impl State {
    /// Counts one call that writes; says how it fails, if it is its turn.
    fn failure(&mut self) -> Option<Failure> {
        self.writes += 1;
        let now = Instant::now();
        match self.due.take_if(|(n, _)| *n <= self.writes) {
            Some((_, failure)) => {
                self.full_until = (failure == Failure::Full).then(|| now + FULL_FOR);
                Some(failure)
            }
            None => self.full_until.is_some_and(|until| now < until).then_some(Failure::Full),
        }
    }
}

struct Fate {
    failure: Option<Failure>,
    after: Duration,
}

impl Fate {
    /// Whether what was asked is done, whatever is said of it.
    fn happens(&self) -> bool {
        matches!(self.failure, None | Some(Failure::Unheard))
    }

    /// What is said of it.
    async fn end<T>(&self, result: Option<Result<T, LogError>>) -> Result<T, LogError> {
        pause(self.after).await;
        match (self.failure, result) {
            (None, Some(result)) => result,
            (Some(Failure::Full), _) => Err(LogError::Full("the disk is full".into())),
            _ => Err(LogError::Unavailable("stormy weather".into())),
        }
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Log for StormyLog {
    fn find<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Option<Document>, LogError>> {
        async move {
            let fate = self.endure("find").await;
            fate.end(Some(self.shared.inner.find(name).await)).await
        }
        .boxed()
    }

    fn create<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Document, LogError>> {
        async move {
            let fate = self.endure_write("create", |weather| weather.others_fail).await;
            let created = if fate.happens() { Some(self.create_now(name).await) } else { None };
            fate.end(created).await
        }
        .boxed()
    }

    fn append(&self, rows: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>, LogError>> {
        async move {
            let fate = self.endure_write("append", |weather| weather.appends_fail).await;
            let appended = if fate.happens() { Some(self.append_now(rows).await) } else { None };
            fate.end(appended).await
        }
        .boxed()
    }

    fn load(&self, document: DocumentId) -> BoxFuture<'_, Result<Loaded, LogError>> {
        async move {
            let fate = self.endure("load").await;
            fate.end(Some(self.shared.inner.load(document).await)).await
        }
        .boxed()
    }

    fn install_snapshot(
        &self,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> BoxFuture<'_, Result<Installed, LogError>> {
        async move {
            let fate = self.endure_write("install", |weather| weather.others_fail).await;
            if !fate.happens() {
                return fate.end(None).await;
            }
            self.shared
                .story
                .tell(format_args!("the store: snapshot of {document} at {}", snapshot.seq), &snapshot.payload);
            let installed = self.shared.inner.install_snapshot(document, epoch, snapshot).await;
            self.lock().snapshots += 1;
            fate.end(Some(installed)).await
        }
        .boxed()
    }

    fn delete(&self, document: DocumentId, tombstone: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            let fate = self.endure_write("delete", |weather| weather.others_fail).await;
            let deleted = if fate.happens() { Some(self.shared.inner.delete(document, tombstone).await) } else { None };
            fate.end(deleted).await
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }
}
