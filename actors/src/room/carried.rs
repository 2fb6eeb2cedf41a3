//! A room with all that it carries its rules with: what is due goes to the journal, to jobs, to time. Whoever tends it, a
//! keeper or an actor of its own, hands it what it is told.

use std::sync::Arc;

use metrics::counter;
use tandem_model::Limits;
use tandem_model::log::LogError;
use tandem_protocol::Refusal;
use tokio::time::Instant;

use super::burden::{Burden, LARGE_DOCUMENT, LARGE_MESSAGE, MANY_MEMBERS};
use super::core::Room;
use super::door::{Door, Timer};
use super::unheard::Unheard;
use super::{Joined, Msg, Observed, loading};
use crate::blocking;
use crate::journal::{Append, Committed, Found, Reply};
use crate::row::has_outline;

/// See the module.
pub(super) struct Carried {
    pub(super) phase: Phase,
    unheard: Arc<Unheard>,
    /// When the timer that runs will tick, and the timer.
    armed: Option<(Instant, Timer)>,
    idle_since: Option<Instant>,
    burden: Burden,
    /// Whether an actor of its own has it.
    risen: bool,
    ended: bool,
    pub(super) compacting: bool,
    /// Not before then, because the last compaction failed.
    pub(super) compact_at: Instant,
    pub(super) rereading: bool,
    /// Not before then, because the log could not be read.
    pub(super) reread_at: Instant,
}

pub(super) enum Phase {
    /// The document is loaded; what is said waits.
    Loading(Vec<Msg>),
    /// It is there.
    Live(Live),
}

/// A room whose end its sessions notice.
pub(super) struct Live(pub(super) Box<Room>);

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

impl Carried {
    /// A room that begins to load.
    pub(super) fn load(door: &Arc<Door>) -> Self {
        let now = Instant::now();
        AwaitsDocument::start(door.clone());
        Self {
            phase: Phase::Loading(Vec::new()),
            unheard: Arc::default(),
            armed: None,
            idle_since: None,
            burden: Burden::new(now),
            risen: false,
            ended: false,
            compacting: false,
            compact_at: now,
            rereading: false,
            reread_at: now,
        }
    }

    /// Handles messages, in order, until one ends it.
    pub(super) fn handle_all(&mut self, door: &Arc<Door>, messages: Vec<Msg>) {
        for message in messages {
            if self.ended {
                return;
            }
            self.handle(door, message);
        }
    }

    /// Handles a message.
    pub(super) fn handle(&mut self, door: &Arc<Door>, message: Msg) {
        match (&mut self.phase, message) {
            (Phase::Loading(_), Msg::Loaded(loaded)) => self.loaded(door, loaded),
            (Phase::Loading(waiting), message) => waiting.push(message),
            (Phase::Live(_), message) => self.live(door, message),
        }
    }

    /// It is over: its document was deleted or cannot be read, or nobody needs it.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether it is over.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether something is appended that is not committed.
    pub(super) fn has_uncommitted(&self) -> bool {
        matches!(&self.phase, Phase::Live(live) if !live.0.uncommitted.is_empty())
    }

    /// Whether what it is told now, or within a second, is too much for a keeper that has others to tend.
    pub(super) fn is_worth_an_actor(&self, told: &[Msg], limits: &Limits, now: Instant) -> bool {
        let large = matches!(&self.phase, Phase::Live(live) if live.0.index().bytes() >= LARGE_DOCUMENT);
        self.has_many_members()
            || self.burden.is_more_than(limits.room_keep_messages, now)
            || told.iter().any(Msg::brings_a_large_document)
            || told.iter().map(Msg::bytes).sum::<usize>() >= LARGE_MESSAGE
            || (large && told.iter().any(Msg::concerns_the_document))
    }

    /// An actor of its own has it from here on.
    pub(super) fn rise(&mut self, door: &Arc<Door>) {
        self.risen = true;
        self.after(door);
    }

    /// A keeper tends it from here on.
    pub(super) fn settle(&mut self) {
        self.risen = false;
        if let Phase::Live(live) = &mut self.phase {
            live.0.rest();
        }
    }

    /// Whether it was told nothing for so long that its actor is wasted on it.
    pub(super) fn is_quiet(&self, limits: &Limits, now: Instant) -> bool {
        self.settles_at(limits) <= now && !self.has_many_members()
    }

    fn has_many_members(&self) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.0.members() >= MANY_MEMBERS)
    }

    fn settles_at(&self, limits: &Limits) -> Instant {
        self.burden.told() + Limits::seconds(limits.room_sleep_seconds)
    }

    fn loaded(&mut self, door: &Arc<Door>, loaded: Result<Box<Room>, LogError>) {
        let waiting = match &mut self.phase {
            Phase::Loading(waiting) => std::mem::take(waiting),
            Phase::Live(_) => Vec::new(),
        };
        match loaded {
            Ok(room) => {
                counter!("tandem_rooms_loaded_total").increment(1);
                self.phase = Phase::Live(Live(room));
                waiting.into_iter().for_each(|message| self.live(door, message));
                self.after(door);
            }
            Err(error) => {
                tracing::error!(document = %door.name(), %error, "a document could not be loaded");
                waiting.into_iter().for_each(|message| refuse(message, &error));
                self.end();
            }
        }
    }

    fn live(&mut self, door: &Arc<Door>, message: Msg) {
        let Phase::Live(live) = &mut self.phase else { return };
        live.hear(&self.unheard);
        let room = &mut live.0;
        let now = Instant::now();
        if !matches!(message, Msg::Tick) {
            self.burden.add(now);
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
                self.end();
            }
            // What is appended and not committed is given to it below.
            Msg::JournalRestarted => {}
            Msg::Compacted(done) => self.compacted(done, now),
            Msg::Reread(read) => self.reread(door, read, now),
            Msg::Delete(reply) => self.delete(door, reply),
            Msg::Deleted(result) => self.deleted(&result),
            Msg::Observe(reply) => drop(reply.send(observed(room))),
            Msg::Tick => self.tick(door, now),
            Msg::Loaded(_) | Msg::Settled => {}
        }
        self.after(door);
    }

    /// What every message may have made due: appends, compaction, the timer.
    fn after(&mut self, door: &Arc<Door>) {
        let settles_at = self.settles_at(&door.around().limits);
        let Phase::Live(live) = &mut self.phase else { return };
        while !self.unheard.rest(!live.0.waits_for_a_commit(), live.0.head) {
            live.hear(&self.unheard);
        }
        let room = &mut live.0;
        hand_over(door, room, &self.unheard);
        let now = Instant::now();
        if let Some(target) = room.target.filter(|_| !self.compacting && self.compact_at <= now)
            && door.around().jobs.wants(&door.around().limits, room.since_snapshot, room.index().bytes())
        {
            self.compacting = true;
            let door_of_it = door.clone();
            // The room may have retired meanwhile: the snapshot stands all the same.
            let done = move |done| {
                let _ = door_of_it.cast(Msg::Compacted(done));
            };
            door.around().jobs.compact(door.name().clone(), target, Box::new(done));
        }
        let lacks = room.lacks().filter(|_| !self.rereading);
        if let Some((target, head)) = lacks.filter(|_| self.reread_at <= now) {
            self.rereading = true;
            let (log, door) = (door.around().journal.log().clone(), door.clone());
            tokio::spawn(async move {
                let read = log.since(target.document, head).await;
                // The room may have retired meanwhile.
                let _ = door.cast(Msg::Reread(read));
            });
        }
        let reads_again = lacks.map(|_| self.reread_at).filter(|_| !self.rereading);
        self.idle_since = if room.is_idle() { self.idle_since.or(Some(now)) } else { None };
        let retires = self.idle_since.map(|since| since + Limits::seconds(door.around().limits.room_idle_seconds));
        let settles = Some(settles_at).filter(|at| self.risen && *at > now);
        if let Some(at) = room.deadline().into_iter().chain(retires).chain(reads_again).chain(settles).min() {
            self.arm(door, at);
        }
    }

    fn arm(&mut self, door: &Arc<Door>, at: Instant) {
        if self.armed.as_ref().is_none_or(|(armed, _)| at < *armed) {
            self.armed = Some((at, door.cast_at(at, Msg::Tick)));
        }
    }

    fn tick(&mut self, door: &Arc<Door>, now: Instant) {
        let Phase::Live(live) = &mut self.phase else { return };
        if self.armed.as_ref().is_some_and(|(armed, _)| *armed <= now) {
            self.armed = None;
        }
        live.0.tick(now);
        let idle_for = Limits::seconds(door.around().limits.room_idle_seconds);
        if live.0.is_idle() && self.idle_since.is_some_and(|since| since + idle_for <= now) {
            counter!("tandem_rooms_retired_total").increment(1);
            self.end();
        }
    }
}

/// A room waits for its document. However that ends, the room is told.
struct AwaitsDocument(Option<Arc<Door>>);

impl AwaitsDocument {
    fn start(door: Arc<Door>) {
        let (journal, name) = (door.around().journal.clone(), door.name().clone());
        let room = Self(Some(door));
        journal.load(name, Box::new(move |found| room.found(found)));
    }

    fn found(self, found: Result<Found, LogError>) {
        let Some(door) = &self.0 else { return };
        let (name, limits) = (door.name().clone(), door.around().limits.clone());
        match found {
            Ok(found) if !is_short(&found) => {
                _ = tokio::spawn(async move {
                    let loaded = blocking::run(move || loading::room(name, &found, limits)).await;
                    self.end(
                        loaded.unwrap_or_else(|error| Err(LogError::Unavailable(format!("the load failed: {error}")))),
                    );
                })
            }
            found => self.end(found.and_then(|found| loading::room(name, &found, limits))),
        }
    }

    fn end(mut self, loaded: Result<Box<Room>, LogError>) {
        if let Some(door) = self.0.take() {
            // The room may have ended while it loaded.
            let _ = door.cast(Msg::Loaded(loaded));
        }
    }
}

impl Drop for AwaitsDocument {
    /// The journal is between two lives, or something panicked.
    fn drop(&mut self) {
        if let Some(door) = self.0.take() {
            let _ = door.cast(Msg::Loaded(Err(LogError::Unavailable("its load came to no end".into()))));
        }
    }
}

/// Whether a load is so short, a millisecond or two, that moving it to another thread would cost more.
fn is_short(found: &Found) -> bool {
    const ADMITTED_BYTES: usize = 64 * 1024;
    const COPIED_BYTES: usize = 512 * 1024;
    match found {
        Found::Nothing(_) => true,
        Found::Content(loaded) => {
            let rows: usize = loaded.rows.iter().map(|row| row.payload.len()).sum();
            let snapshot = loaded.snapshot.as_ref().map_or(&[][..], |row| &row.payload);
            let (copied, admitted) =
                if has_outline(snapshot) { (snapshot.len(), rows) } else { (0, snapshot.len() + rows) };
            copied < COPIED_BYTES && admitted < ADMITTED_BYTES
        }
    }
}

fn hand_over(door: &Arc<Door>, room: &mut Room, unheard: &Arc<Unheard>) {
    let around = door.around();
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
    let (name, life, target) = (room.name.clone(), door.life(), room.target);
    let (door, unheard) = (door.clone(), unheard.clone());
    let reply: Reply = Arc::new(move |committed| {
        if let Some(committed) = unheard.leave(committed) {
            // A room that is gone is rebuilt from the log, which has it then.
            let _ = door.cast(Msg::Committed(committed));
        }
    });
    journal.append(Append { name, room: life, target, up_to, contributions, reply });
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
