//! The door of a room: where it is reached, whether its actor runs or not.
//!
//! A room in which nothing happens needs no actor, which takes more memory than most documents: after
//! `limits.room_sleep_seconds` it lies down in its door, members and all. The next who says something to it has
//! [`Rooms`](crate::rooms::Rooms) start an actor that takes it up where it was. What is said meanwhile waits, in order.
//!
//! - Bound: what waits is what its members may have in flight, as in a mailbox.
//! - Invariant: a message reaches the room once and in order, or its sender learns that the room is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use metrics::{counter, gauge};
use ractor::{ActorId, ActorRef, ActorStatus};
use tandem_model::DocumentName;
use tokio::time::Instant;

use super::carrier::{Live, Timer};
use super::{Msg, RoomGone, RoomRef};
use crate::cell::Cell;
use crate::rooms;

/// See the module.
pub(super) struct Door {
    name: DocumentName,
    rooms: Cell<rooms::Msg>,
    place: Mutex<Place>,
}

enum Place {
    /// An actor starts: to load the document, or to take up what slept.
    Starting(Option<Asleep>, Vec<Msg>),
    /// Its actor runs.
    Awake(ActorRef<Msg>),
    /// Its actor handles what it was told, to lie down if nothing more comes.
    Settling(ActorRef<Msg>, Vec<Msg>),
    /// No actor has it.
    Asleep(Asleep),
    /// It ended.
    Gone,
}

/// A room that sleeps: what its next actor goes on with.
pub(super) struct Asleep {
    pub(super) live: Box<Live>,
    /// Not compacted before then.
    pub(super) compact_at: Instant,
    /// What wakes it if nobody does.
    _alarm: Option<Timer>,
    _counted: Counted,
}

/// One room in the gauge.
struct Counted;

impl Counted {
    fn new() -> Self {
        gauge!("tandem_rooms_asleep").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!("tandem_rooms_asleep").decrement(1.0);
    }
}

impl Door {
    /// A door behind which an actor is about to start.
    pub(super) fn new(name: DocumentName, rooms: Cell<rooms::Msg>) -> Self {
        Self { name, rooms, place: Mutex::new(Place::Starting(None, Vec::new())) }
    }

    /// The document's name.
    pub(super) fn name(&self) -> &DocumentName {
        &self.name
    }

    /// Says something to the room, which is woken for it.
    ///
    /// # Errors
    /// [`RoomGone`] if it ended.
    pub(super) fn cast(self: &Arc<Self>, message: Msg) -> Result<(), RoomGone> {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Awake(actor) => {
                let sent = actor.cast(message).map_err(|_| RoomGone);
                *place = Place::Awake(actor);
                return sent;
            }
            Place::Settling(actor, mut waiting) => {
                waiting.push(message);
                *place = Place::Settling(actor, waiting);
            }
            Place::Starting(asleep, mut waiting) => {
                waiting.push(message);
                *place = Place::Starting(asleep, waiting);
            }
            Place::Asleep(asleep) => {
                *place = Place::Starting(Some(asleep), vec![message]);
                drop(place);
                counter!("tandem_rooms_woken_total").increment(1);
                // If Rooms is between two lives its next one ends all rooms, this one too.
                self.rooms.cast(rooms::Msg::Wake(RoomRef(self.clone())));
            }
            Place::Gone => return Err(RoomGone),
        }
        Ok(())
    }

    /// Says something to the room unless it sleeps.
    pub(super) fn cast_if_awake(&self, message: Msg) {
        if let Place::Awake(actor) | Place::Settling(actor, _) = &*self.lock() {
            // One that ended needs to be told nothing.
            let _ = actor.cast(message);
        }
    }

    /// Its actor starts: gives it what slept and, in its mailbox, what waits. False if the room ended meanwhile.
    pub(super) fn take_up(&self, actor: &ActorRef<Msg>) -> Result<Option<Asleep>, RoomGone> {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Starting(asleep, waiting) => {
                for message in waiting {
                    actor.cast(message).map_err(|_| RoomGone)?;
                }
                *place = Place::Awake(actor.clone());
                Ok(asleep)
            }
            other => {
                *place = other;
                Err(RoomGone)
            }
        }
    }

    /// Its actor wants to lie down: what comes from now on waits until that is decided.
    pub(super) fn settle(&self) {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Awake(actor) => *place = Place::Settling(actor, Vec::new()),
            other => *place = other,
        }
    }

    /// Its actor stays: gives back what waits, to be handled before what its mailbox is sent from now on.
    pub(super) fn stay(&self) -> Vec<Msg> {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Settling(actor, waiting) => {
                *place = Place::Awake(actor);
                waiting
            }
            other => {
                *place = other;
                Vec::new()
            }
        }
    }

    /// The room lies down, to be woken at `alarm` at the latest; given back if something came meanwhile.
    pub(super) fn lie_down(
        self: &Arc<Self>,
        live: Box<Live>,
        compact_at: Instant,
        alarm: Option<Instant>,
    ) -> Result<(), Box<Live>> {
        let mut place = self.lock();
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Settling(_, waiting) if waiting.is_empty() => {
                let alarm = alarm.map(|at| wake(Arc::downgrade(self), at));
                *place = Place::Asleep(Asleep { live, compact_at, _alarm: alarm, _counted: Counted::new() });
                Ok(())
            }
            other => {
                *place = other;
                Err(live)
            }
        }
    }

    /// This actor ended. Whether the room ended with it.
    pub(super) fn ended(&self, ended: ActorId) -> bool {
        let its = match &*self.lock() {
            Place::Awake(actor) | Place::Settling(actor, _) => actor.get_id() == ended,
            Place::Starting(..) | Place::Asleep(_) | Place::Gone => false,
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

    /// Whether it can be reached.
    pub(super) fn is_open(&self) -> bool {
        match &*self.lock() {
            Place::Awake(actor) | Place::Settling(actor, _) => {
                matches!(actor.get_status(), ActorStatus::Unstarted | ActorStatus::Starting | ActorStatus::Running)
            }
            Place::Starting(..) | Place::Asleep(_) => true,
            Place::Gone => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(door: Weak<Door>, at: Instant) -> Timer {
    let alarm = tokio::spawn(async move {
        tokio::time::sleep_until(at).await;
        if let Some(door) = door.upgrade() {
            // A room that ended has nothing to do.
            let _ = door.cast(Msg::Tick);
        }
    });
    Timer::new(alarm.abort_handle())
}
