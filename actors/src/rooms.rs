//! Rooms: finds a document's room, or starts it.
//!
//! - Owner: Root. If it ends, its rooms end with it, their outboxes close, and sessions rejoin through its successor.
//! - In: [`Rooms::open`]. Out: room addresses.
//! - Bound: a room without sessions retires by itself (`limits.room_idle_seconds`).
//! - Invariant: at most one living room a document.

use std::collections::{BTreeMap, HashMap};

use metrics::{counter, gauge};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tandem_model::DocumentName;
use tandem_protocol::Refusal;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::cell::Cell;
use crate::downtime::Downtime;
use crate::failpoint::failpoint;
use crate::room::{RoomRef, Surroundings};

/// The way to all rooms; clones share it.
#[derive(Clone, Default)]
pub struct Rooms(Cell<Msg>);

impl Rooms {
    /// Finds the document's room, or starts it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] while the document is down, or while this actor is between two lives.
    pub async fn open(&self, name: DocumentName) -> Result<RoomRef, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.0.cast(Msg::Open(name, reply));
        answer.await.unwrap_or(Err(Refusal::Unavailable))
    }

    /// Finds the document's room, if it is live.
    pub async fn find(&self, name: DocumentName) -> Option<RoomRef> {
        let (reply, answer) = oneshot::channel();
        self.0.cast(Msg::Find(name, reply));
        answer.await.ok().flatten()
    }

    /// Tells every room that the journal was restarted.
    pub fn journal_restarted(&self) {
        self.0.cast(Msg::JournalRestarted);
    }

    /// How many rooms there are; `None` while this actor is between two lives.
    pub async fn count(&self) -> Option<usize> {
        let (reply, answer) = oneshot::channel();
        self.0.cast(Msg::Count(reply));
        answer.await.ok()
    }

    /// Starts the actor under `supervisor`, or puts a new one in the place of one that failed.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, around: Surroundings, supervisor: ActorCell) -> Result<ActorRef<Msg>, SpawnErr> {
        let (actor, _) = Actor::spawn_linked(None, RoomsActor, around, supervisor).await?;
        self.0.set(actor.clone());
        Ok(actor)
    }
}

/// What Rooms is told; private to this module but for ractor's sake.
pub enum Msg {
    /// See [`Rooms::open`].
    Open(DocumentName, oneshot::Sender<Result<RoomRef, Refusal>>),
    /// See [`Rooms::find`].
    Find(DocumentName, oneshot::Sender<Option<RoomRef>>),
    /// See [`Rooms::journal_restarted`].
    JournalRestarted,
    /// See [`Rooms::count`].
    Count(oneshot::Sender<usize>),
}

struct RoomsActor;

struct State {
    around: Surroundings,
    rooms: BTreeMap<DocumentName, RoomRef>,
    names: HashMap<ActorId, DocumentName>,
    downtimes: HashMap<DocumentName, Downtime>,
}

impl Actor for RoomsActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Surroundings;

    async fn pre_start(&self, _: ActorRef<Msg>, around: Surroundings) -> Result<State, ActorProcessingErr> {
        Ok(State { around, rooms: BTreeMap::new(), names: HashMap::new(), downtimes: HashMap::new() })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        failpoint!("rooms::handle");
        // In each answer whoever asked may be gone; then there is nothing to do.
        match message {
            Msg::Open(name, reply) => drop(reply.send(state.open(&myself, name).await)),
            Msg::Find(name, reply) => drop(reply.send(state.living(&name))),
            Msg::JournalRestarted => state.rooms.values().for_each(RoomRef::journal_restarted),
            Msg::Count(reply) => drop(reply.send(state.rooms.len())),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(room, ..) => state.ended(room.get_id(), None),
            SupervisionEvent::ActorFailed(room, error) => state.ended(room.get_id(), Some(error)),
            _ => {}
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _: &mut State) -> Result<(), ActorProcessingErr> {
        // Without this ractor would kill the rooms instead of stopping them.
        myself.stop_children_and_wait(None, None).await;
        Ok(())
    }
}

impl State {
    async fn open(&mut self, myself: &ActorRef<Msg>, name: DocumentName) -> Result<RoomRef, Refusal> {
        if let Some(room) = self.living(&name) {
            return Ok(room);
        }
        let now = Instant::now();
        self.downtimes.retain(|_, downtime| !downtime.is_over(now) || downtime.is_down(now));
        if self.downtimes.get(&name).is_some_and(|downtime| downtime.is_down(now)) {
            return Err(Refusal::Unavailable);
        }
        let started = RoomRef::start(name.clone(), self.around.clone(), myself.get_cell()).await;
        let room = started.map_err(|error| {
            tracing::error!(document = %name, %error, "a room could not be started");
            Refusal::Unavailable
        })?;
        self.names.insert(room.actor().get_id(), name.clone());
        self.rooms.insert(name, room.clone());
        self.count();
        Ok(room)
    }

    fn living(&self, name: &DocumentName) -> Option<RoomRef> {
        self.rooms.get(name).filter(|room| room.is_alive()).cloned()
    }

    fn ended(&mut self, room: ActorId, failure: Option<ActorProcessingErr>) {
        let Some(name) = self.names.remove(&room) else { return };
        if self.rooms.get(&name).is_some_and(|current| current.actor().get_id() == room) {
            self.rooms.remove(&name);
        }
        self.count();
        if let Some(error) = failure {
            tracing::error!(document = %name, %error, "a room failed; its sessions rejoin");
            counter!("tandem_actor_restarts_total", "actor" => "room").increment(1);
            self.downtimes.entry(name).or_default().failed(Instant::now());
        }
    }

    fn count(&self) {
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("tandem_rooms").set(self.rooms.len() as f64);
    }
}
