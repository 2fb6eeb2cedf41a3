//! The journal: groups the appends of all rooms into one commit, then answers every room with its committed `Seq`.
//!
//! - Owner: Root, which restarts it; while it fails the node is unready. Rooms keep what they appended until its
//!   commit returns, and give it again to a restarted journal (a repeat is harmless).
//! - In: [`Life::append`], [`Journal::load`]. Out: [`Committed`] to each room, one a commit.
//! - Bound: rooms stop reading their sessions while [`Journal::is_full`] (`limits.journal_bytes`).
//! - Invariant: one commit is in flight at a time, in a task of its own that nothing cancels, over all lives of the
//!   journal: a restarted one neither commits nor loads before its predecessor's commit ended. No [`Committed`] leaves
//!   before it ended well. A failed commit's outcome is unknown: the same is appended again. One that panics is one
//!   that failed.
//! - After a failure half as many rooms are in the next commit, and twice as many after one that went well. What fails by
//!   itself goes behind the others: what can never be stored holds up its own document alone.

mod arrivals;
mod batch;
mod loads;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use metrics::counter;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef};
use tandem_model::log::{Appended, Log, LogError};
use tandem_model::{DocumentName, Limits, Seq};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use self::arrivals::Arrivals;
use self::batch::Batch;
pub use self::batch::{Part, RoomLife, Target};
pub use self::loads::{Found, OnFound};
#[cfg(test)]
pub use self::loads::{LOAD_TURN, LOADS_AT_ONCE};
use self::loads::{Load, Loads};
use crate::cell::Cell;
use crate::counted;
use crate::failpoint::failpoint;
use crate::gathering::Gathering;

/// The first wait after a failed commit; doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: Duration = Duration::from_millis(50);

/// The longest wait between two attempts to commit.
pub const RETRY_MAX: Duration = Duration::from_secs(2);

/// What a commit did for one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All appends up to this number are durable.
    UpTo {
        /// The room's own number of its newest append in the commit.
        append: u64,
        /// Where the row stands.
        seq: Seq,
        /// Where the document stands in the log: a new one learns it here.
        target: Target,
    },
    /// The document was deleted under the room; what it appended will never be stored.
    Gone,
}

/// Tells a room what became of its appends.
pub type Reply = Arc<dyn Fn(Committed) + Send + Sync>;

/// What one room appends at once.
pub type Append = Part<Reply>;

/// The way to the journal; clones share it.
#[derive(Clone)]
pub struct Journal {
    actor: Cell<Msg>,
    shared: Arc<Shared>,
}

struct Shared {
    log: Arc<dyn Log>,
    arrivals: Arrivals,
    waiting_bytes: AtomicU64,
    waiting_bytes_max: u64,
    healthy: AtomicBool,
    commit_apart: Duration,
    /// Held by the commit in flight.
    committing: Arc<Mutex<()>>,
    loads: Arc<Loads>,
}

impl Journal {
    /// The handle of a journal that is not started yet.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, limits: &Limits) -> Self {
        let shared = Shared {
            log,
            arrivals: Arrivals::default(),
            waiting_bytes: AtomicU64::new(0),
            waiting_bytes_max: limits.journal_bytes,
            healthy: AtomicBool::new(true),
            commit_apart: Duration::from_millis(limits.commit_milliseconds),
            committing: Arc::default(),
            loads: Arc::default(),
        };
        Self { actor: Cell::default(), shared: Arc::new(shared) }
    }

    /// The life that takes appends now, if the journal was ever started. One that ended forgets what it is given.
    #[must_use]
    pub fn life(&self) -> Option<Life> {
        Some(Life { actor: self.actor.get()?, shared: self.shared.clone() })
    }

    /// Loads a document, once all that the journal holds of it is settled. A journal between two lives forgets it, and
    /// drops `on_found` without a word.
    pub fn load(&self, name: DocumentName, on_found: OnFound) {
        self.actor.cast(Msg::Load(Load::new(name, on_found)));
    }

    /// Whether no more should be read from clients until something is committed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting_bytes() >= self.shared.waiting_bytes_max
    }

    /// Bytes that wait for a commit.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        self.shared.waiting_bytes.load(Ordering::Relaxed) + self.shared.arrivals.bytes()
    }

    /// Whether the last commit went well.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed)
    }

    /// Waits until nothing is left to commit.
    pub async fn drained(&self) {
        let (reply, answer) = oneshot::channel();
        self.actor.cast(Msg::Drain(reply));
        // A journal that died has nothing left that a wait would help.
        let _ = answer.await;
    }

    /// The log that it writes, for what reads it apart from rooms.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.shared.log
    }

    /// Starts the actor under `supervisor`, or puts a new one in the place of one that failed.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, supervisor: ractor::ActorCell) -> Result<ActorRef<Msg>, ractor::SpawnErr> {
        self.shared.waiting_bytes.store(0, Ordering::Relaxed);
        let (actor, _) = Actor::spawn_linked(None, JournalActor, self.shared.clone(), supervisor).await?;
        self.shared.arrivals.begin(actor.get_id());
        self.actor.set(actor.clone());
        Ok(actor)
    }
}

/// One life of the journal: its actor, from a start to the next.
pub struct Life {
    actor: ActorRef<Msg>,
    shared: Arc<Shared>,
}

impl Life {
    /// Which life it is.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.actor.get_id()
    }

    /// Appends; the reply comes with the commit, or never when this life ends before.
    pub fn append(&self, append: Append) {
        if self.shared.arrivals.push(self.id(), append) {
            // A life that ended forgets it: its room gives it to the next one.
            let _ = self.actor.cast(Msg::Arrived);
        }
    }
}

type Parts = Vec<Append>;

/// What the journal is told; private to this module but for ractor's sake.
pub enum Msg {
    /// Something was appended, see [`Life::append`].
    Arrived,
    /// See [`Journal::load`].
    Load(Load),
    /// The commit in flight ended.
    Ended(Parts, Result<Vec<(Target, Appended)>, LogError>),
    /// The wait after a failed commit is over.
    Retry,
    /// Enough is gathered for the next commit.
    Gathered,
    /// The commit that an earlier life left in flight ended.
    Inherited,
    /// See [`Journal::drained`].
    Drain(oneshot::Sender<()>),
}

struct JournalActor;

struct State {
    shared: Arc<Shared>,
    waiting: Batch<Reply>,
    flying: Option<Flying>,
    retry_after: Duration,
    /// The most parts of the next commit.
    most: usize,
    pausing: bool,
    gathering: Gathering,
    /// Whether [`Msg::Gathered`] is on its way.
    armed: bool,
    /// Whether a commit of an earlier life is still in flight.
    inheriting: bool,
    loads: Vec<Load>,
    drains: Vec<oneshot::Sender<()>>,
}

struct Flying {
    documents: Vec<DocumentName>,
    bytes: u64,
    since: Instant,
}

impl Actor for JournalActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        let inheriting = shared.committing.try_lock().is_err();
        if inheriting {
            let committing = shared.committing.clone();
            tokio::spawn(async move {
                drop(committing.lock().await);
                // A journal that died again leaves the wait to the next one.
                let _ = myself.cast(Msg::Inherited);
            });
        }
        let gathering = Gathering::new(shared.commit_apart);
        Ok(State {
            shared,
            waiting: Batch::default(),
            flying: None,
            retry_after: RETRY_FIRST,
            most: usize::MAX,
            pausing: false,
            gathering,
            armed: false,
            inheriting,
            loads: Vec::new(),
            drains: Vec::new(),
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Arrived => {}
            Msg::Load(load) => state.loads.push(load),
            Msg::Ended(parts, Ok(rows)) => state.committed(&parts, &rows),
            Msg::Ended(parts, Err(error)) => state.failed(&myself, parts, &error),
            Msg::Retry => state.pausing = false,
            Msg::Gathered => state.armed = false,
            Msg::Inherited => state.inheriting = false,
            Msg::Drain(reply) => state.drains.push(reply),
        }
        failpoint!("journal::handle");
        state.go_on(&myself).await;
        Ok(())
    }
}

impl State {
    /// Takes in what arrived. What has not to be known yet is left there, and nobody has to tell of more.
    fn take_in(&mut self) {
        self.shared.arrivals.take().into_iter().for_each(|append| self.waiting.add(append));
    }

    async fn go_on(&mut self, myself: &ActorRef<Msg>) {
        if !self.inheriting {
            if !(self.loads.is_empty() && self.drains.is_empty()) {
                self.take_in();
            }
            let nothing = self.waiting.is_empty() && self.shared.arrivals.is_empty();
            if self.flying.is_none() && !self.pausing && !nothing {
                self.commit_when_gathered(myself).await;
            }
            self.start_loads();
            if self.flying.is_none() && self.waiting.is_empty() {
                // Whoever waited may have given up.
                self.drains.drain(..).for_each(|reply| _ = reply.send(()));
            }
        }
        let bytes = self.waiting.bytes() + self.flying.as_ref().map_or(0, |flying| flying.bytes);
        self.shared.waiting_bytes.store(bytes, Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        counted::JOURNAL_WAITING.set(bytes as f64);
    }

    async fn commit_when_gathered(&mut self, myself: &ActorRef<Msg>) {
        let now = Instant::now();
        self.gathering.post();
        // Whoever waits for the end of it all waits for nothing more.
        if self.gathering.take(now) || !self.drains.is_empty() {
            self.take_in();
            self.commit(myself).await;
        } else if let Some(due) = self.gathering.due()
            && !std::mem::replace(&mut self.armed, true)
        {
            myself.send_after(due.saturating_duration_since(now), || Msg::Gathered);
        }
    }

    async fn commit(&mut self, myself: &ActorRef<Msg>) {
        let waiting = self.waiting.bytes();
        let parts = self.waiting.take(self.most);
        let bytes = waiting - self.waiting.bytes();
        let documents = parts.iter().map(|part| part.name.clone()).collect();
        self.flying = Some(Flying { documents, bytes, since: Instant::now() });
        let (shared, myself) = (self.shared.clone(), myself.clone());
        // Free: the only commit in flight would be ours.
        let one = shared.committing.clone().lock_owned().await;
        tokio::spawn(async move {
            let ended = AssertUnwindSafe(commit(&*shared.log, &parts)).catch_unwind().await;
            // One that panicked is one whose outcome is unknown, like any other that failed.
            let ended = ended.unwrap_or_else(|_| Err(LogError::Unavailable("the commit panicked".into())));
            drop(one);
            // A journal that died meanwhile does not hear it: rooms append the same again, a repeat is harmless.
            let _ = myself.cast(Msg::Ended(parts, ended));
        });
    }

    fn committed(&mut self, parts: &[Append], rows: &[(Target, Appended)]) {
        if let Some(flying) = self.flying.take() {
            counted::COMMIT_SECONDS.record(flying.since.elapsed().as_secs_f64());
        }
        counted::COMMITS.increment(1);
        counted::ROWS.increment(rows.len() as u64);
        self.shared.healthy.store(true, Ordering::Relaxed);
        self.retry_after = RETRY_FIRST;
        self.most = self.most.saturating_mul(2);
        for (part, (target, appended)) in parts.iter().zip(rows) {
            (part.reply)(match appended {
                Appended::At(seq) => Committed::UpTo { append: part.up_to, seq: *seq, target: *target },
                Appended::Gone => Committed::Gone,
            });
        }
    }

    fn failed(&mut self, myself: &ActorRef<Msg>, parts: Parts, error: &LogError) {
        self.flying = None;
        self.shared.healthy.store(false, Ordering::Relaxed);
        counter!("tandem_journal_commit_failures_total").increment(1);
        tracing::error!(%error, retry_ms = self.retry_after.as_millis(), "a commit failed; it is tried again");
        self.most = (parts.len() / 2).max(1);
        self.waiting.put_back(parts);
        self.pausing = true;
        myself.send_after(self.retry_after, || Msg::Retry);
        self.retry_after = (self.retry_after * 2).min(RETRY_MAX);
    }

    /// Starts the loads of documents that nothing is held of.
    fn start_loads(&mut self) {
        let (flying, waiting) = (&self.flying, &self.waiting);
        let held = |name: &DocumentName| {
            waiting.holds(name) || flying.as_ref().is_some_and(|flying| flying.documents.contains(name))
        };
        for load in self.loads.extract_if(.., |load| !held(load.name())) {
            self.shared.loads.begin(&self.shared.log, load);
        }
    }
}

async fn commit(log: &dyn Log, parts: &[Append]) -> Result<Vec<(Target, Appended)>, LogError> {
    let mut targets = Vec::with_capacity(parts.len());
    let mut rows = Vec::with_capacity(parts.len());
    for part in parts {
        let target = match part.target {
            Some(target) => target,
            None => {
                let document = log.create(&part.name).await?;
                Target { document: document.id, epoch: document.epoch }
            }
        };
        targets.push(target);
        rows.push(part.row(target));
    }
    failpoint!(aside "journal::before-commit");
    let appended = log.append(rows).await?;
    failpoint!(aside "journal::after-commit");
    Ok(targets.into_iter().zip(appended).collect())
}
