//! A room: the only owner of a document. It indexes, orders, keeps presence, feeds the outbox.
//!
//! - Owner: [`Rooms`](crate::rooms::Rooms). A room that fails is rebuilt from the log when its sessions rejoin, which
//!   they do by themselves; one that fails too often stays down for a while.
//! - In: [`RoomRef::join`], commands of its members, commits. Out: notices to its members' inboxes, the outbox, appends.
//! - Bound: a member's commands in flight (`session::flight`), `limits.journal_room_bytes` uncommitted, the ring.
//! - Invariant: nothing is acknowledged before its commit; a room retires only with nobody in it and nothing
//!   uncommitted.

mod authors;
pub mod command;
mod core;
mod derived;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod loading;
mod member;
pub mod notice;
pub mod outbox;
mod presence;
mod uncommitted;
mod unheard;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use serde::Serialize;
use tandem_model::log::{Loaded, LogError};
use tandem_model::{DocumentName, Limits, Right, WallClock};
use tandem_protocol::Refusal;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::command::{Commands, Join};
use self::core::{Reread, Room};
pub use self::loading::read;
use self::outbox::{MemberId, Outbox};
use self::unheard::Unheard;
use crate::blocking;
use crate::jobs::{Compacted, Jobs};
use crate::journal::{Append, Committed, Found, Journal, Reply};

/// How long a deletion waits for the first commit of its document, each time.
const DELETE_AGAIN: Duration = Duration::from_millis(20);

/// How long a document is not compacted after a compaction of it failed.
const COMPACT_AGAIN: Duration = Duration::from_secs(30);

/// How long the log is not read again after it could not be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// The way to one room; clones share it.
#[derive(Clone, Debug)]
pub struct RoomRef(ActorRef<Msg>);

/// A membership, as the session holds it.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Its name in the room.
    pub member: MemberId,
    /// Where it reads.
    pub outbox: Arc<Outbox>,
}

/// The room ended before it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomGone;

/// A room, for tests and administrators.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observed {
    /// Sessions in it.
    pub members: usize,
    /// Its document's structs.
    pub structs: u64,
    /// Its document's size, as the index counts it.
    pub bytes: u64,
    /// The newest committed position.
    pub head: i64,
    /// Bytes that are appended and not committed.
    pub uncommitted_bytes: u64,
    /// The document's state vector, as Yjs encodes one.
    pub vector: Vec<u8>,
}

/// What a room needs from its node.
#[derive(Clone)]
pub struct Surroundings {
    /// Where it appends.
    pub journal: Journal,
    /// Who compacts.
    pub jobs: Jobs,
    /// The node's limits.
    pub limits: Arc<Limits>,
    /// The time of day, for the rows.
    pub clock: Arc<dyn WallClock>,
}

impl RoomRef {
    /// Starts a room under `supervisor`; it loads by itself and answers joins when it has.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(name: DocumentName, around: Surroundings, supervisor: ActorCell) -> Result<Self, SpawnErr> {
        let (actor, _) = Actor::spawn_linked(None, RoomActor, (name, around), supervisor).await?;
        Ok(Self(actor))
    }

    /// Joins; the answer comes when the document is loaded.
    ///
    /// # Errors
    /// [`RoomGone`] if the room ended meanwhile: ask for it again.
    pub async fn join(&self, join: Join) -> Result<Result<Joined, Refusal>, RoomGone> {
        self.call(|reply| Msg::Join(join, reply)).await
    }

    /// Leaves.
    pub fn leave(&self, member: MemberId) {
        self.cast(Msg::Leave(member));
    }

    /// Hands commands over.
    pub fn commands(&self, member: MemberId, commands: Commands) {
        self.cast(Msg::Commands(member, commands));
    }

    /// Asks for the difference that a lapped member misses; it comes to its inbox.
    pub fn catch_up(&self, member: MemberId) {
        self.cast(Msg::CatchUp(member));
    }

    /// Tells it that a member's right changed.
    pub fn right_changed(&self, member: MemberId, right: Right) {
        self.cast(Msg::RightChanged(member, right));
    }

    /// Deletes the document.
    ///
    /// # Errors
    /// [`RoomGone`] if the room ended meanwhile.
    pub async fn delete(&self) -> Result<Result<(), LogError>, RoomGone> {
        self.call(Msg::Delete).await
    }

    /// Looks at the room.
    ///
    /// # Errors
    /// [`RoomGone`] if the room ended meanwhile.
    pub async fn observe(&self) -> Result<Observed, RoomGone> {
        self.call(Msg::Observe).await
    }

    /// Tells it that the journal was restarted: it gives all that is not committed to the new one.
    pub fn journal_restarted(&self) {
        self.cast(Msg::JournalRestarted);
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        use ractor::ActorStatus;
        matches!(self.0.get_status(), ActorStatus::Unstarted | ActorStatus::Starting | ActorStatus::Running)
    }

    /// Its actor.
    #[must_use]
    pub fn actor(&self) -> ActorCell {
        self.0.get_cell()
    }

    fn cast(&self, message: Msg) {
        // A room that is gone has closed its outbox: the session learns it there and rejoins.
        let _ = self.0.cast(message);
    }

    async fn call<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Msg) -> Result<T, RoomGone> {
        let (reply, answer) = oneshot::channel();
        self.0.cast(ask(reply)).map_err(|_| RoomGone)?;
        answer.await.map_err(|_| RoomGone)
    }
}

type JoinReply = oneshot::Sender<Result<Joined, Refusal>>;

/// What a room is told; private to this module but for ractor's sake.
pub enum Msg {
    /// The load ended.
    Loaded(Box<Result<Room, LogError>>),
    /// See [`RoomRef::join`].
    Join(Join, JoinReply),
    /// See [`RoomRef::leave`].
    Leave(MemberId),
    /// See [`RoomRef::commands`].
    Commands(MemberId, Commands),
    /// See [`RoomRef::catch_up`].
    CatchUp(MemberId),
    /// See [`RoomRef::right_changed`].
    RightChanged(MemberId, Right),
    /// A commit ended.
    Committed(Committed),
    /// See [`RoomRef::journal_restarted`].
    JournalRestarted,
    /// A compaction ended: what loads start from now.
    Compacted(Option<Compacted>),
    /// What another wrote was read from the log.
    Reread(Result<Loaded, LogError>),
    /// See [`RoomRef::delete`].
    Delete(oneshot::Sender<Result<(), LogError>>),
    /// The log deleted the document, or not.
    Deleted(Result<(), LogError>, oneshot::Sender<Result<(), LogError>>),
    /// See [`RoomRef::observe`].
    Observe(oneshot::Sender<Observed>),
    /// Time passed.
    Tick,
}

struct RoomActor;

struct State {
    name: DocumentName,
    around: Surroundings,
    phase: Phase,
    unheard: Arc<Unheard>,
    /// When the timer that runs will tick, and the timer.
    armed: Option<(Instant, Timer)>,
    idle_since: Option<Instant>,
    compacting: bool,
    /// Not before then, because the last compaction failed.
    compact_at: Instant,
    rereading: bool,
    /// Not before then, because the log could not be read.
    reread_at: Instant,
}

/// A timer that ends when it is dropped: one that outlived its room would keep what the actor was sent in.
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

enum Phase {
    Loading(Vec<Msg>),
    Live(Box<Live>),
}

/// A room whose end its sessions notice.
struct Live(Room);

impl Live {
    /// Hears of the commits that it was not told of.
    fn hear(&mut self, unheard: &Unheard) {
        for committed in unheard.take() {
            if let Committed::UpTo { append, seq, target } = committed {
                self.0.committed(append, seq, target);
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.outbox.close();
    }
}

impl Actor for RoomActor {
    type Msg = Msg;
    type State = State;
    type Arguments = (DocumentName, Surroundings);

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        (name, around): (DocumentName, Surroundings),
    ) -> Result<State, ActorProcessingErr> {
        let (journal, limits, document) = (around.journal.clone(), around.limits.clone(), name.clone());
        tokio::spawn(async move {
            let loading = tokio::spawn(async move { load(&journal, document, limits).await });
            let loaded =
                loading.await.unwrap_or_else(|error| Err(LogError::Unavailable(format!("the load failed: {error}"))));
            // The room may have been stopped while it loaded.
            let _ = myself.cast(Msg::Loaded(Box::new(loaded)));
        });
        let phase = Phase::Loading(Vec::new());
        let now = Instant::now();
        Ok(State {
            name,
            around,
            phase,
            unheard: Arc::default(),
            armed: None,
            idle_since: None,
            compacting: false,
            compact_at: now,
            rereading: false,
            reread_at: now,
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match (&mut state.phase, message) {
            (Phase::Loading(_), Msg::Loaded(loaded)) => state.loaded(&myself, *loaded),
            (Phase::Loading(waiting), message) => waiting.push(message),
            (Phase::Live(_), message) => state.live(&myself, message),
        }
        Ok(())
    }
}

impl State {
    fn loaded(&mut self, myself: &ActorRef<Msg>, loaded: Result<Room, LogError>) {
        let waiting = match &mut self.phase {
            Phase::Loading(waiting) => std::mem::take(waiting),
            Phase::Live(_) => Vec::new(),
        };
        match loaded {
            Ok(room) => {
                counter!("tandem_rooms_loaded_total").increment(1);
                self.phase = Phase::Live(Box::new(Live(room)));
                waiting.into_iter().for_each(|message| self.live(myself, message));
                self.after(myself);
            }
            Err(error) => {
                tracing::error!(document = %self.name, %error, "a document could not be loaded");
                waiting.into_iter().for_each(|message| refuse(message, &error));
                myself.stop(Some("the document could not be loaded".into()));
            }
        }
    }

    fn live(&mut self, myself: &ActorRef<Msg>, message: Msg) {
        let Phase::Live(live) = &mut self.phase else { return };
        live.hear(&self.unheard);
        let room = &mut live.0;
        let now = Instant::now();
        match message {
            Msg::Join(join, reply) => {
                let member = room.join(join, now);
                if reply.send(Ok(Joined { member, outbox: room.outbox.clone() })).is_err() {
                    room.leave(member, now);
                }
            }
            Msg::Leave(member) => room.leave(member, now),
            Msg::Commands(member, commands) => room.commands(member, commands, now),
            Msg::CatchUp(member) => room.catch_up(member),
            Msg::RightChanged(member, right) => room.right_changed(member, right),
            Msg::Committed(Committed::UpTo { append, seq, target }) => room.committed(append, seq, target),
            Msg::Committed(Committed::Gone) => {
                room.close(Refusal::Gone);
                myself.stop(Some("the document was deleted".into()));
            }
            // What is appended and not committed is given to it below.
            Msg::JournalRestarted => {}
            Msg::Compacted(done) => self.compacted(done, now),
            Msg::Reread(read) => self.reread(myself, read, now),
            Msg::Delete(reply) => self.delete(myself, reply),
            Msg::Deleted(result, reply) => self.deleted(myself, result, reply),
            Msg::Observe(reply) => drop(reply.send(observed(room))),
            Msg::Tick => self.tick(myself, now),
            Msg::Loaded(_) => {}
        }
        self.after(myself);
    }

    /// What every message may have made due: appends, compaction, the timer.
    fn after(&mut self, myself: &ActorRef<Msg>) {
        let Phase::Live(live) = &mut self.phase else { return };
        while !self.unheard.rest(!live.0.waits_for_a_commit(), live.0.head) {
            live.hear(&self.unheard);
        }
        let room = &mut live.0;
        hand_over(room, &self.around, &self.unheard, myself);
        let now = Instant::now();
        if let Some(target) = room.target.filter(|_| !self.compacting && self.compact_at <= now)
            && self.around.jobs.wants(&self.around.limits, room.since_snapshot, room.index().bytes())
        {
            self.compacting = true;
            let myself = myself.clone();
            // The room may have retired meanwhile: the snapshot stands all the same.
            let done = move |done| drop(myself.cast(Msg::Compacted(done)));
            self.around.jobs.compact(self.name.clone(), target, Box::new(done));
        }
        let lacks = room.lacks().filter(|_| !self.rereading);
        if let Some((target, head)) = lacks.filter(|_| self.reread_at <= now) {
            self.rereading = true;
            let (log, myself) = (self.around.journal.log().clone(), myself.clone());
            tokio::spawn(async move {
                let read = log.since(target.document, head).await;
                // The room may have retired meanwhile.
                let _ = myself.cast(Msg::Reread(read));
            });
        }
        let reads_again = lacks.map(|_| self.reread_at).filter(|_| !self.rereading);
        self.idle_since = if room.is_idle() { self.idle_since.or(Some(now)) } else { None };
        let retires = self.idle_since.map(|since| since + Limits::seconds(self.around.limits.room_idle_seconds));
        if let Some(at) = room.deadline().into_iter().chain(retires).chain(reads_again).min() {
            self.arm(myself, at, now);
        }
    }

    fn arm(&mut self, myself: &ActorRef<Msg>, at: Instant, now: Instant) {
        if self.armed.as_ref().is_none_or(|(armed, _)| at < *armed) {
            let timer = myself.send_after(at.saturating_duration_since(now), || Msg::Tick);
            self.armed = Some((at, Timer(timer.abort_handle())));
        }
    }

    fn tick(&mut self, myself: &ActorRef<Msg>, now: Instant) {
        let Phase::Live(live) = &mut self.phase else { return };
        if self.armed.as_ref().is_some_and(|(armed, _)| *armed <= now) {
            self.armed = None;
        }
        live.0.tick(now);
        let idle_for = Limits::seconds(self.around.limits.room_idle_seconds);
        if live.0.is_idle() && self.idle_since.is_some_and(|since| since + idle_for <= now) {
            counter!("tandem_rooms_retired_total").increment(1);
            myself.stop(Some("retired".into()));
        }
    }

    fn compacted(&mut self, done: Option<Compacted>, now: Instant) {
        self.compacting = false;
        let Phase::Live(live) = &mut self.phase else { return };
        let Some(Compacted { upto, bytes }) = done else {
            // What failed is not tried again at once: the rows stay as they are meanwhile.
            self.compact_at = now + COMPACT_AGAIN;
            return;
        };
        // Counted from the position, not from what was taken out: an earlier compaction may have been stored although it
        // failed.
        let rows = u64::try_from(live.0.head.0 - upto.0).unwrap_or_default();
        let bytes = live.0.since_snapshot.1.saturating_sub(bytes);
        live.0.since_snapshot = (rows, if rows == 0 { 0 } else { bytes });
    }

    fn reread(&mut self, myself: &ActorRef<Msg>, read: Result<Loaded, LogError>, now: Instant) {
        self.rereading = false;
        let Phase::Live(live) = &mut self.phase else { return };
        let room = &mut live.0;
        match read.and_then(|loaded| room.reread(&loaded, now)) {
            Ok(Reread::Taken) => {}
            Ok(Reread::Gone) | Err(LogError::Absent) => {
                room.close(Refusal::Gone);
                myself.stop(Some("the document was deleted".into()));
            }
            Err(error @ LogError::Unreadable { .. }) => {
                tracing::error!(document = %self.name, %error, "what another wrote cannot be read");
                room.close(Refusal::Quarantined);
                myself.stop(Some("the document cannot be read".into()));
            }
            Err(error @ (LogError::Unavailable(_) | LogError::Full(_))) => {
                tracing::warn!(document = %self.name, %error, "what another wrote could not be read; it is tried again");
                self.reread_at = now + READ_AGAIN;
            }
        }
    }

    fn delete(&mut self, myself: &ActorRef<Msg>, reply: oneshot::Sender<Result<(), LogError>>) {
        let Phase::Live(live) = &mut self.phase else { return };
        let Some(target) = live.0.target else {
            if live.0.uncommitted.is_empty() {
                // Whoever asked may be gone.
                let _ = reply.send(Err(LogError::Absent));
            } else {
                // Its first commit is on its way, and tells where the document stands.
                myself.send_after(DELETE_AGAIN, || Msg::Delete(reply));
            }
            return;
        };
        let tombstone = Bytes::from(live.0.tombstone().encode());
        let (log, myself) = (self.around.journal.log().clone(), myself.clone());
        tokio::spawn(async move {
            let deleted = log.delete(target.document, tombstone).await;
            // A room that ended meanwhile has nobody left to tell.
            let _ = myself.cast(Msg::Deleted(deleted, reply));
        });
    }

    fn deleted(
        &mut self,
        myself: &ActorRef<Msg>,
        result: Result<(), LogError>,
        reply: oneshot::Sender<Result<(), LogError>>,
    ) {
        let Phase::Live(live) = &mut self.phase else { return };
        if result.is_ok() {
            live.0.close(Refusal::Gone);
            myself.stop(Some("the document was deleted".into()));
        }
        // Whoever asked may be gone.
        let _ = reply.send(result);
    }
}

async fn load(journal: &Journal, name: DocumentName, limits: Arc<Limits>) -> Result<Room, LogError> {
    let found = journal.load(name.clone()).await?;
    if loads_at_once(&found) {
        return loading::room(name, &found, limits);
    }
    blocking::run(move || loading::room(name, &found, limits))
        .await
        .unwrap_or_else(|error| Err(LogError::Unavailable(format!("the load failed: {error}"))))
}

/// Whether a load is so short that moving it to another thread would cost more.
fn loads_at_once(found: &Found) -> bool {
    const BYTES: usize = 64 * 1024;
    match found {
        Found::Nothing(_) => true,
        Found::Content(loaded) => {
            let rows = loaded.snapshot.iter().chain(&loaded.rows);
            rows.map(|row| row.payload.len()).sum::<usize>() < BYTES
        }
    }
}

fn hand_over(room: &mut Room, around: &Surroundings, unheard: &Arc<Unheard>, myself: &ActorRef<Msg>) {
    if room.uncommitted.is_empty() {
        return;
    }
    let Some(journal) = around.journal.life() else { return };
    let mut up_to = 0;
    let mut contributions = Vec::new();
    for pending in room.uncommitted.hand_over(journal.id()) {
        if pending.contribution.at_ms == 0 {
            pending.contribution.at_ms = around.clock.now_ms();
        }
        up_to = pending.number;
        contributions.push(pending.contribution.clone());
    }
    if contributions.is_empty() {
        return;
    }
    let (name, target, room, unheard) = (room.name.clone(), room.target, myself.clone(), unheard.clone());
    let reply: Reply = Arc::new(move |committed| {
        if let Some(committed) = unheard.leave(committed) {
            // A room that is gone is rebuilt from the log, which has it then.
            let _ = room.cast(Msg::Committed(committed));
        }
    });
    journal.append(Append { name, target, up_to, contributions, reply });
}

fn refuse(message: Msg, error: &LogError) {
    let refusal = match error {
        LogError::Unreadable { .. } => Refusal::Quarantined,
        LogError::Unavailable(_) | LogError::Full(_) | LogError::Absent => Refusal::Unavailable,
    };
    // Whoever asked may be gone.
    match message {
        Msg::Join(_, reply) => drop(reply.send(Err(refusal))),
        Msg::Delete(reply) => drop(reply.send(Err(error.clone()))),
        _ => {}
    }
}

fn observed(room: &Room) -> Observed {
    Observed {
        members: room.members(),
        structs: room.index().structs(),
        bytes: room.index().bytes(),
        head: room.head.0,
        uncommitted_bytes: room.uncommitted.bytes(),
        vector: room.index().state_vector().encode(),
    }
}
