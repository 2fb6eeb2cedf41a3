//! A keeper: tends the rooms that are small and told little, one after the other.
//!
//! - Owner: [`Rooms`](crate::rooms::Rooms), which has as many as there are threads. One that fails is replaced, and loses
//!   nothing: its rooms and what they are told lie in their doors.
//! - In: [`Keeper::call`]. Out: nothing of its own.
//! - Bound: a room waits once, however much it is told. Handling it is a turn; after [`TURNS`] others of its thread have
//!   theirs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr};

use crate::cell::Cell;
use crate::failpoint::failpoint;
use crate::intensity::Allowed;
use crate::room::{RoomRef, WeakRoom};

/// Rooms that are tended before anything else of the same thread.
pub const TURNS: usize = 32;

/// How often one keeper may fail; then Rooms fails, and with it all that keepers share is made anew.
pub const RESTARTS: Allowed = Allowed { restarts: 10, within: Duration::from_secs(60) };

/// The way to one keeper; clones share it.
#[derive(Clone, Default)]
pub struct Keeper {
    actor: Cell<Msg>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    /// Those that ended with an earlier life of Rooms are not kept from going.
    rooms: VecDeque<WeakRoom>,
    /// Whether the actor knows that somebody waits.
    called: bool,
}

/// What a keeper is told; private to this module but for ractor's sake.
pub enum Msg {
    /// Rooms wait.
    Tend,
}

impl Keeper {
    /// A room was told something.
    pub fn call(&self, room: WeakRoom) {
        let mut queue = self.lock();
        queue.rooms.push_back(room);
        if !std::mem::replace(&mut queue.called, true) {
            drop(queue);
            // One that is between two lives finds the room in its next.
            self.actor.cast(Msg::Tend);
        }
    }

    /// Starts the actor under `supervisor`, or puts a new one in the place of one that failed.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, supervisor: ActorCell) -> Result<ActorId, SpawnErr> {
        let (actor, _) = Actor::spawn_linked(None, KeeperActor, self.clone(), supervisor).await?;
        self.actor.set(actor.clone());
        // Whoever called meanwhile called the one that failed.
        self.actor.cast(Msg::Tend);
        Ok(actor.get_id())
    }

    fn next(&self) -> Option<WeakRoom> {
        let mut queue = self.lock();
        let room = queue.rooms.pop_front();
        if room.is_none() {
            *queue = Queue::default();
        }
        room
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct KeeperActor;

impl Actor for KeeperActor {
    type Msg = Msg;
    type State = Keeper;
    type Arguments = Keeper;

    async fn pre_start(&self, _: ActorRef<Msg>, keeper: Keeper) -> Result<Keeper, ActorProcessingErr> {
        Ok(keeper)
    }

    async fn handle(&self, myself: ActorRef<Msg>, _: Msg, keeper: &mut Keeper) -> Result<(), ActorProcessingErr> {
        failpoint!("keeper::handle");
        for _ in 0..TURNS {
            let Some(room) = keeper.next() else { return Ok(()) };
            // One that is gone has nothing to be done.
            room.upgrade().iter().for_each(RoomRef::tend);
        }
        myself.cast(Msg::Tend)?;
        // Else the next message would be taken in the same turn of the thread.
        tokio::task::yield_now().await;
        Ok(())
    }
}
