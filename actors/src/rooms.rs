//! Rooms: finds a document's room, or starts it.
//!
//! - Owner: Root. If it ends, its rooms end with it, their outboxes close, and sessions rejoin through its successor.
//! - In: [`Rooms::open`]. Out: room addresses.
//! - Bound: a room without sessions retires by itself (`limits.room_idle_seconds`).
//! - Who tends them: [keepers](crate::keeper) those that are small and told little, an actor of its own each other.
//! - Invariant: at most one living room a document.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use metrics::{counter, gauge};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tandem_model::DocumentName;
use tandem_protocol::Refusal;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::cell::Cell;
use crate::downtime::Downtime;
use crate::failpoint::failpoint;
use crate::intensity::Intensity;
use crate::keeper::{self, Keeper};
use crate::room::{RoomRef, Surroundings};

/// The way to all rooms; clones share it.
#[derive(Clone, Default)]
pub struct Rooms {
    actor: Cell<Msg>,
    living: Arc<Living>,
}

/// The rooms that were started and did not end: written by the actor alone, read by whoever looks for one.
#[derive(Default)]
struct Living(RwLock<BTreeMap<DocumentName, RoomRef>>);

impl Living {
    fn find(&self, name: &DocumentName) -> Option<RoomRef> {
        self.read().get(name).filter(|room| room.is_alive()).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<DocumentName, RoomRef>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<DocumentName, RoomRef>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a room, not its successor.
    fn forget(&self, room: &RoomRef) {
        let mut living = self.write();
        if living.get(room.name()).is_some_and(|current| current.is(room)) {
            living.remove(room.name());
        }
    }

    fn all(&self) -> Vec<RoomRef> {
        self.read().values().cloned().collect()
    }

    fn count(&self) -> usize {
        self.read().len()
    }
}

impl Rooms {
    /// Finds the document's room, or starts it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] while the document is down, or while this actor is between two lives.
    pub async fn open(&self, name: DocumentName) -> Result<RoomRef, Refusal> {
        if let Some(room) = self.living.find(&name) {
            return Ok(room);
        }
        let (reply, answer) = oneshot::channel();
        self.actor.cast(Msg::Open(name, reply));
        answer.await.unwrap_or(Err(Refusal::Unavailable))
    }

    /// Finds the document's room, if it is live.
    #[must_use]
    pub fn find(&self, name: &DocumentName) -> Option<RoomRef> {
        self.living.find(name)
    }

    /// Tells every room that the journal was restarted.
    pub fn journal_restarted(&self) {
        self.actor.cast(Msg::JournalRestarted);
    }

    /// How many rooms there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.living.count()
    }

    /// Starts the actor under `supervisor`, or puts a new one in the place of one that failed.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, around: Surroundings, supervisor: ActorCell) -> Result<ActorRef<Msg>, SpawnErr> {
        let (actor, _) = Actor::spawn_linked(None, RoomsActor, (self.clone(), around), supervisor).await?;
        self.actor.set(actor.clone());
        Ok(actor)
    }
}

/// What Rooms is told; private to this module but for ractor's sake.
pub enum Msg {
    /// See [`Rooms::open`].
    Open(DocumentName, oneshot::Sender<Result<RoomRef, Refusal>>),
    /// See [`Rooms::journal_restarted`].
    JournalRestarted,
    /// A room wants an actor of its own.
    Rise(RoomRef),
    /// A room ended in its keeper's hands: whether by a panic.
    Ended(RoomRef, bool),
}

/// What all rooms of one life of Rooms share.
pub struct Home {
    /// What a room needs from its node.
    pub around: Surroundings,
    /// Where a room asks for an actor.
    pub rooms: Cell<Msg>,
    keepers: Box<[Keeper]>,
}

impl Home {
    /// Who tends the rooms of this name.
    #[must_use]
    pub fn keeper_of(&self, name: &DocumentName) -> &Keeper {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let at = hasher.finish() % self.keepers.len() as u64;
        &self.keepers[usize::try_from(at).unwrap_or_default()]
    }
}

struct RoomsActor;

struct State {
    home: Arc<Home>,
    keepers: HashMap<ActorId, (Keeper, Intensity)>,
    living: Arc<Living>,
    names: HashMap<ActorId, DocumentName>,
    downtimes: HashMap<DocumentName, Downtime>,
}

impl Actor for RoomsActor {
    type Msg = Msg;
    type State = State;
    type Arguments = (Rooms, Surroundings);

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        (Rooms { actor, living }, around): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        // The rooms of an earlier life ended with it.
        let earlier = std::mem::take(&mut *living.write());
        earlier.values().for_each(RoomRef::end);
        let workers = Handle::current().metrics().num_workers();
        let home = Home { around, rooms: actor, keepers: (0..workers).map(|_| Keeper::default()).collect() };
        let mut keepers = HashMap::new();
        for keeper in &home.keepers {
            let kept = (keeper.clone(), Intensity::new(keeper::RESTARTS));
            keepers.insert(keeper.start(myself.get_cell()).await?, kept);
        }
        Ok(State { home: Arc::new(home), keepers, living, names: HashMap::new(), downtimes: HashMap::new() })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        failpoint!("rooms::handle");
        match message {
            // Whoever asked may be gone; then there is nothing to do.
            Msg::Open(name, reply) => drop(reply.send(state.open(name))),
            Msg::Rise(room) => state.rise(&myself, &room).await,
            Msg::Ended(room, failed) => state.ended(&room, failed.then_some("it panicked")),
            Msg::JournalRestarted => state.living.all().iter().for_each(RoomRef::journal_restarted),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(actor, ..) => state.actor_ended(&myself, actor.get_id(), None).await,
            SupervisionEvent::ActorFailed(actor, error) => {
                state.actor_ended(&myself, actor.get_id(), Some(&error.to_string())).await
            }
            _ => Ok(()),
        }
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _: &mut State) -> Result<(), ActorProcessingErr> {
        // Without this ractor would kill the rooms instead of stopping them.
        myself.stop_children_and_wait(None, None).await;
        Ok(())
    }
}

impl State {
    fn open(&mut self, name: DocumentName) -> Result<RoomRef, Refusal> {
        if let Some(room) = self.living.find(&name) {
            return Ok(room);
        }
        let now = Instant::now();
        self.downtimes.retain(|_, downtime| !downtime.is_over(now) || downtime.is_down(now));
        if self.downtimes.get(&name).is_some_and(|downtime| downtime.is_down(now)) {
            return Err(Refusal::Unavailable);
        }
        let room = RoomRef::open(name.clone(), self.home.clone());
        self.living.write().insert(name, room.clone());
        self.count();
        Ok(room)
    }

    async fn rise(&mut self, myself: &ActorRef<Msg>, room: &RoomRef) {
        match room.rise(myself.get_cell()).await {
            Ok(actor) => {
                counter!("tandem_rooms_risen_total").increment(1);
                self.names.insert(actor, room.name().clone());
                self.count();
            }
            Err(error) => {
                tracing::error!(document = %room.name(), %error, "a room got no actor; its sessions rejoin");
                room.end();
                self.forget(room);
            }
        }
    }

    async fn actor_ended(
        &mut self,
        myself: &ActorRef<Msg>,
        actor: ActorId,
        failure: Option<&str>,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((keeper, mut intensity)) = self.keepers.remove(&actor) {
            if !intensity.may_restart(Instant::now()) {
                return Err("a keeper failed too often".into());
            }
            tracing::error!(error = failure.unwrap_or_default(), "a keeper ended; another goes on");
            counter!("tandem_actor_restarts_total", "actor" => "keeper").increment(1);
            self.keepers.insert(keeper.start(myself.get_cell()).await?, (keeper, intensity));
            return Ok(());
        }
        let Some(name) = self.names.remove(&actor) else { return Ok(()) };
        self.count();
        let room = self.living.read().get(&name).cloned();
        if let Some(room) = room.filter(|room| room.ended(actor)) {
            self.ended(&room, failure);
        } else if let Some(error) = failure {
            // Its sessions have found another room before it was heard of.
            self.failed(&name, error);
        }
        Ok(())
    }

    fn ended(&mut self, room: &RoomRef, failure: Option<&str>) {
        self.forget(room);
        if let Some(error) = failure {
            self.failed(room.name(), error);
        }
    }

    fn failed(&mut self, name: &DocumentName, error: &str) {
        tracing::error!(document = %name, error, "a room failed; its sessions rejoin");
        counter!("tandem_actor_restarts_total", "actor" => "room").increment(1);
        self.downtimes.entry(name.clone()).or_default().failed(Instant::now());
    }

    fn forget(&self, room: &RoomRef) {
        self.living.forget(room);
        self.count();
    }

    fn count(&self) {
        #[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
        let (all, risen) = (self.living.count() as f64, self.names.len() as f64);
        gauge!("tandem_rooms").set(all);
        gauge!("tandem_rooms_risen").set(risen);
    }
}
