//! The door of a room: where it is reached, whoever tends it.
//!
//! A room that is small and told little is tended by a [keeper](crate::keeper) among many others: an actor of its own
//! would take more memory than most documents. One that is told much, or is large, *rises*: it has
//! [`Rooms`](crate::rooms::Rooms) start an actor that takes it up where it was. After `limits.room_sleep_seconds`
//! without a word it goes back. What it is told meanwhile waits, in order.
//!
//! - Bound: what waits is what its members may have in flight, as in a mailbox.
//! - Invariant: a message reaches the room once and in order, or its sender learns that the room is gone.
//! - Invariant: a panic ends the room that it happens in, never the keeper.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ractor::{ActorId, ActorRef, ActorStatus};
use tandem_model::DocumentName;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::carried::Carried;
use super::{Msg, RoomGone, RoomRef, Surroundings, WeakRoom};
use crate::journal::RoomLife;
use crate::keeper::Keeper;
use crate::rooms::{self, Home};

/// See the module.
pub(super) struct Door {
    name: DocumentName,
    life: RoomLife,
    home: Arc<Home>,
    place: Mutex<Place>,
}

enum Place {
    /// A keeper tends it.
    Kept(Kept),
    /// An actor starts for it.
    Rising(Box<Carried>, Vec<Msg>),
    /// Its own actor has it.
    Risen(ActorRef<Msg>),
    /// Its own actor handles what it was told, to give it back if nothing more comes.
    Settling(ActorRef<Msg>, Vec<Msg>),
    /// It ended.
    Gone,
}

struct Kept {
    /// Nothing while the keeper has it in hand.
    room: Option<Box<Carried>>,
    waiting: Vec<Msg>,
    /// Whether the keeper was called, and did not finish.
    called: bool,
}

/// A timer that ends when it is dropped.
pub(super) struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    /// The door of a room that begins to load.
    pub(super) fn open(name: DocumentName, home: Arc<Home>) -> Arc<Self> {
        let kept = Kept { room: None, waiting: Vec::new(), called: true };
        let door = Arc::new(Self { name, life: RoomLife::begin(), home, place: Mutex::new(Place::Kept(kept)) });
        let room = Box::new(Carried::load(&door));
        door.put_back(room);
        door
    }

    /// The document's name.
    pub(super) fn name(&self) -> &DocumentName {
        &self.name
    }

    /// Which room of the document it is.
    pub(super) fn life(&self) -> RoomLife {
        self.life
    }

    /// What the room needs of its node.
    pub(super) fn around(&self) -> &Surroundings {
        &self.home.around
    }

    /// Says something to the room.
    ///
    /// # Errors
    /// [`RoomGone`] if it ended.
    pub(super) fn cast(self: &Arc<Self>, message: Msg) -> Result<(), RoomGone> {
        let mut place = self.lock();
        match &mut *place {
            Place::Kept(kept) => {
                if kept.waiting.is_empty() {
                    // One is usual: room for four would be as large as a room, and lie between rooms.
                    kept.waiting.reserve_exact(1);
                }
                kept.waiting.push(message);
                if !std::mem::replace(&mut kept.called, true) {
                    drop(place);
                    self.keeper().call(WeakRoom(Arc::downgrade(self)));
                }
                Ok(())
            }
            Place::Rising(_, waiting) | Place::Settling(_, waiting) => {
                waiting.push(message);
                Ok(())
            }
            Place::Risen(actor) => actor.cast(message).map_err(|_| RoomGone),
            Place::Gone => Err(RoomGone),
        }
    }

    /// Tells the room that the journal was restarted, unless it has nothing that the old one was given.
    pub(super) fn journal_restarted(self: &Arc<Self>) {
        let owes_nothing = match &*self.lock() {
            Place::Kept(Kept { room: Some(room), .. }) | Place::Rising(room, _) => !room.has_uncommitted(),
            _ => false,
        };
        if !owes_nothing {
            // One that ended needs to be told nothing.
            let _ = self.cast(Msg::JournalRestarted);
        }
    }

    /// Says something to the room at a time, unless the timer is dropped before.
    pub(super) fn cast_at(self: &Arc<Self>, at: Instant, message: Msg) -> Timer {
        let door = Arc::downgrade(self);
        Timer(tokio::spawn(cast_later(door, at, message)).abort_handle())
    }

    /// Says something to the room after a while.
    pub(super) fn cast_after(self: &Arc<Self>, pause: Duration, message: Msg) {
        tokio::spawn(cast_later(Arc::downgrade(self), Instant::now() + pause, message));
    }

    /// The keeper has time for it: it handles what waits.
    pub(super) fn tend(self: &Arc<Self>) {
        let Some((mut room, waiting)) = self.take() else { return };
        let handled = catch_unwind(AssertUnwindSafe(|| {
            if room.is_worth_an_actor(&waiting, &self.around().limits, Instant::now()) {
                return Some(waiting);
            }
            room.handle_all(self, waiting);
            None
        }));
        match handled {
            Ok(Some(waiting)) => self.rise(room, waiting),
            Ok(None) if room.has_ended() => {
                self.home.rooms.cast(rooms::Msg::Ended(RoomRef(self.clone()), false));
                self.end();
            }
            Ok(None) => self.put_back(room),
            // It was logged when it happened. Rooms hears of it before the room's sessions do, and look for another.
            Err(_) => {
                self.home.rooms.cast(rooms::Msg::Ended(RoomRef(self.clone()), true));
                self.end();
                drop(room);
            }
        }
    }

    fn keeper(&self) -> &Keeper {
        self.home.keeper_of(&self.name)
    }

    fn take(&self) -> Option<(Box<Carried>, Vec<Msg>)> {
        let mut place = self.lock();
        let Place::Kept(kept) = &mut *place else { return None };
        Some((kept.room.take()?, std::mem::take(&mut kept.waiting)))
    }

    fn put_back(self: &Arc<Self>, room: Box<Carried>) {
        let mut place = self.lock();
        let Place::Kept(kept) = &mut *place else {
            drop(place);
            // It ended meanwhile, and so does what was in hand.
            return drop(room);
        };
        kept.room = Some(room);
        kept.called = !kept.waiting.is_empty();
        let calls = kept.called;
        drop(place);
        if calls {
            self.keeper().call(WeakRoom(Arc::downgrade(self)));
        }
    }

    fn rise(self: &Arc<Self>, room: Box<Carried>, mut waiting: Vec<Msg>) {
        let mut place = self.lock();
        let Place::Kept(kept) = &mut *place else {
            drop(place);
            return drop(room);
        };
        waiting.append(&mut kept.waiting);
        *place = Place::Rising(room, waiting);
        drop(place);
        // If Rooms is between two lives its next one ends all rooms, this one too.
        self.home.rooms.cast(rooms::Msg::Rise(RoomRef(self.clone())));
    }

    /// Its own actor starts: gives it the room and, in its mailbox, what waits.
    ///
    /// # Errors
    /// [`RoomGone`] if it ended meanwhile.
    pub(super) fn take_up(&self, actor: &ActorRef<Msg>) -> Result<Box<Carried>, RoomGone> {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Rising(room, waiting) => {
                if waiting.into_iter().any(|message| actor.cast(message).is_err()) {
                    drop(place);
                    // Outside the lock, as in `end`.
                    drop(room);
                    return Err(RoomGone);
                }
                *place = Place::Risen(actor.clone());
                Ok(room)
            }
            other => {
                *place = other;
                Err(RoomGone)
            }
        }
    }

    /// Its own actor wants to give it back: what comes from now on waits until that is decided. Whether it is to be
    /// decided; not if it is already, or the room ended.
    pub(super) fn settle(&self) -> bool {
        let mut place = self.lock();
        let Place::Risen(actor) = &*place else { return false };
        *place = Place::Settling(actor.clone(), Vec::new());
        true
    }

    /// Its own actor keeps it: gives back what waits, to be handled before what its mailbox is sent from now on.
    pub(super) fn stay(&self) -> Vec<Msg> {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Settling(actor, waiting) => {
                *place = Place::Risen(actor);
                waiting
            }
            other => {
                *place = other;
                Vec::new()
            }
        }
    }

    /// Its own actor gives it to the keeper; it is given back if something came meanwhile.
    ///
    /// # Errors
    /// The room.
    pub(super) fn give_back(&self, room: Box<Carried>) -> Result<(), Box<Carried>> {
        let mut place = self.lock();
        if !matches!(&*place, Place::Settling(_, waiting) if waiting.is_empty()) {
            return Err(room);
        }
        *place = Place::Kept(Kept { room: Some(room), waiting: Vec::new(), called: false });
        Ok(())
    }

    /// This actor ended. Whether the room ended with it.
    pub(super) fn ended(&self, ended: ActorId) -> bool {
        let its = match &*self.lock() {
            Place::Risen(actor) | Place::Settling(actor, _) => actor.get_id() == ended,
            Place::Kept(_) | Place::Rising(..) | Place::Gone => false,
        };
        if its {
            self.end();
        }
        its
    }

    /// The room ends: its sessions learn it, and whoever waits.
    pub(super) fn end(&self) {
        let ended = std::mem::replace(&mut *self.lock(), Place::Gone);
        // Outside the lock: what ends with it may say something to it.
        drop(ended);
    }

    /// Whether it did not end.
    pub(super) fn is_open(&self) -> bool {
        match &*self.lock() {
            Place::Risen(actor) | Place::Settling(actor, _) => {
                matches!(actor.get_status(), ActorStatus::Unstarted | ActorStatus::Starting | ActorStatus::Running)
            }
            Place::Kept(_) | Place::Rising(..) => true,
            Place::Gone => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn cast_later(door: Weak<Door>, at: Instant, message: Msg) {
    tokio::time::sleep_until(at).await;
    if let Some(door) = door.upgrade() {
        // A room that ended has nothing to do, and whoever waits for an answer learns it by that.
        let _ = door.cast(message);
    }
}
