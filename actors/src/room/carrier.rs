//! The actor of a room: carries what it is told to the rules, and what these make due to the journal, to jobs, to time.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tandem_model::log::LogError;
use tandem_model::{DocumentName, Limits};
use tandem_protocol::Refusal;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::core::Room;
use super::door::{Asleep, Door};
use super::unheard::Unheard;
use super::{Joined, Msg, Observed, RoomRef, Surroundings, loading};
use crate::blocking;
use crate::journal::{Append, Committed, Found, Journal, Reply};

pub(super) struct RoomActor;

pub(super) struct State {
    pub(super) door: Arc<Door>,
    pub(super) around: Surroundings,
    pub(super) phase: Phase,
    unheard: Arc<Unheard>,
    /// When the timer that runs will tick, and the timer.
    armed: Option<(Instant, Timer)>,
    idle_since: Option<Instant>,
    /// When it lies down if nothing is said until then.
    settle_at: Instant,
    pub(super) compacting: bool,
    /// Not before then, because the last compaction failed.
    pub(super) compact_at: Instant,
    pub(super) rereading: bool,
    /// Not before then, because the log could not be read.
    pub(super) reread_at: Instant,
}

/// A timer that ends when it is dropped: one that outlived its room would keep what the actor was sent in.
pub(super) struct Timer(AbortHandle);

impl Timer {
    /// Owns the task that waits.
    pub(super) fn new(waits: AbortHandle) -> Self {
        Self(waits)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) enum Phase {
    /// The document is loaded; what is said waits.
    Loading(Vec<Msg>),
    /// It is there.
    Live(Box<Live>),
    /// It lies in the door, and the actor ends.
    Asleep,
}

/// A room whose end its sessions notice.
pub(super) struct Live(pub(super) Room);

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
    type Arguments = (RoomRef, Surroundings);

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        (RoomRef(door), around): (RoomRef, Surroundings),
    ) -> Result<State, ActorProcessingErr> {
        let now = Instant::now();
        let (phase, compact_at) = match door.take_up(&myself).map_err(|_| "the room ended before its actor started")? {
            Some(Asleep { live, compact_at, .. }) => (Phase::Live(live), compact_at),
            None => {
                start_loading(myself, &door, &around);
                (Phase::Loading(Vec::new()), now)
            }
        };
        let settle_at = now + sleeps_after(&around.limits);
        Ok(State {
            door,
            around,
            phase,
            unheard: Arc::default(),
            armed: None,
            idle_since: None,
            settle_at,
            compacting: false,
            compact_at,
            rereading: false,
            reread_at: now,
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match (&mut state.phase, message) {
            (Phase::Loading(_), Msg::Loaded(loaded)) => state.loaded(&myself, *loaded),
            (Phase::Loading(waiting), message) => waiting.push(message),
            (Phase::Live(_), message) => state.live(&myself, message),
            // Only its own timers and tasks still reach it.
            (Phase::Asleep, _) => {}
        }
        Ok(())
    }
}

impl State {
    fn loaded(&mut self, myself: &ActorRef<Msg>, loaded: Result<Room, LogError>) {
        let waiting = match &mut self.phase {
            Phase::Loading(waiting) => std::mem::take(waiting),
            Phase::Live(_) | Phase::Asleep => Vec::new(),
        };
        match loaded {
            Ok(room) => {
                counter!("tandem_rooms_loaded_total").increment(1);
                self.phase = Phase::Live(Box::new(Live(room)));
                waiting.into_iter().for_each(|message| self.live(myself, message));
                self.after(myself);
            }
            Err(error) => {
                tracing::error!(document = %self.door.name(), %error, "a document could not be loaded");
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
        if !matches!(message, Msg::Tick | Msg::Settled) {
            self.settle_at = now + sleeps_after(&self.around.limits);
        }
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
            Msg::Delete(reply) => self.delete(reply),
            Msg::Deleted(result, reply) => self.deleted(myself, result, reply),
            Msg::Observe(reply) => drop(reply.send(observed(room))),
            Msg::Tick => self.tick(myself, now),
            Msg::Settled => return self.settled(myself, now),
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
            self.around.jobs.compact(self.door.name().clone(), target, Box::new(done));
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
        let settles = self.idle_since.is_none().then_some(self.settle_at);
        if let Some(at) = room.deadline().into_iter().chain(retires).chain(reads_again).chain(settles).min() {
            self.arm(myself, at, now);
        }
    }

    fn arm(&mut self, myself: &ActorRef<Msg>, at: Instant, now: Instant) {
        if self.armed.as_ref().is_none_or(|(armed, _)| at < *armed) {
            let timer = myself.send_after(at.saturating_duration_since(now), || Msg::Tick);
            self.armed = Some((at, Timer::new(timer.abort_handle())));
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
        if self.idle_since.is_none() && self.settle_at <= now {
            if self.may_settle(now) {
                self.door.settle();
                // A room that ended has nothing to say to itself.
                let _ = myself.cast(Msg::Settled);
            }
            self.settle_at = now + sleeps_after(&self.around.limits);
        }
    }

    /// Whether nothing is under way that an actor has to wait for, and nothing due soon.
    fn may_settle(&self, now: Instant) -> bool {
        let Phase::Live(live) = &self.phase else { return false };
        let room = &live.0;
        let under_way = self.compacting || self.rereading || !room.uncommitted.is_empty() || room.lacks().is_some();
        let soon = now + sleeps_after(&self.around.limits);
        !under_way && room.members() > 0 && room.deadline().is_none_or(|at| at > soon)
    }

    /// All that was said before is handled: it lies down, unless that changed something or more was said meanwhile.
    fn settled(&mut self, myself: &ActorRef<Msg>, now: Instant) {
        if self.may_settle(now)
            && let Phase::Live(mut live) = std::mem::replace(&mut self.phase, Phase::Asleep)
        {
            live.0.rest();
            let alarm = live.0.deadline();
            match self.door.lie_down(live, self.compact_at, alarm) {
                Ok(()) => return myself.stop(Some("it sleeps".into())),
                Err(live) => self.phase = Phase::Live(live),
            }
        }
        self.door.stay().into_iter().for_each(|message| self.live(myself, message));
    }
}

/// How long nothing must be said before a room lies down.
fn sleeps_after(limits: &Limits) -> Duration {
    Limits::seconds(limits.room_sleep_seconds)
}

fn start_loading(myself: ActorRef<Msg>, door: &Door, around: &Surroundings) {
    let (journal, limits, document) = (around.journal.clone(), around.limits.clone(), door.name().clone());
    tokio::spawn(async move {
        let loading = tokio::spawn(async move { load(&journal, document, limits).await });
        let loaded =
            loading.await.unwrap_or_else(|error| Err(LogError::Unavailable(format!("the load failed: {error}"))));
        // The room may have been stopped while it loaded.
        let _ = myself.cast(Msg::Loaded(Box::new(loaded)));
    });
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
