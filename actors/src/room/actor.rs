//! The actor of a room that has one of its own.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use super::carried::Carried;
use super::door::Door;
use super::{Msg, RoomRef};

pub(super) struct RoomActor;

pub(super) struct State {
    door: Arc<Door>,
    /// Nothing once it was given back.
    room: Option<Box<Carried>>,
}

impl Actor for RoomActor {
    type Msg = Msg;
    type State = State;
    type Arguments = RoomRef;

    async fn pre_start(&self, myself: ActorRef<Msg>, RoomRef(door): RoomRef) -> Result<State, ActorProcessingErr> {
        let mut room = door.take_up(&myself).map_err(|_| "the room ended before its actor started")?;
        room.rise(&door);
        Ok(State { door, room: Some(room) })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        let State { door, room: slot } = state;
        let Some(room) = slot else { return Ok(()) };
        if matches!(message, Msg::Settled) {
            return settled(&myself, door, slot);
        }
        room.handle(door, message);
        go_on(&myself, door, room)
    }
}

/// Stops if the room is over, and prepares to give it back if it is quiet.
fn go_on(myself: &ActorRef<Msg>, door: &Arc<Door>, room: &Carried) -> Result<(), ActorProcessingErr> {
    if room.has_ended() {
        myself.stop(None);
    } else if room.is_quiet(&door.around().limits, Instant::now()) && door.settle() {
        // Behind all that it was told before.
        myself.cast(Msg::Settled)?;
    }
    Ok(())
}

/// All that was said before is handled: the room is given back, unless more was said meanwhile.
fn settled(
    myself: &ActorRef<Msg>,
    door: &Arc<Door>,
    slot: &mut Option<Box<Carried>>,
) -> Result<(), ActorProcessingErr> {
    let Some(mut room) = slot.take() else { return Ok(()) };
    if room.is_quiet(&door.around().limits, Instant::now()) {
        room.settle();
        match door.give_back(room) {
            Ok(()) => {
                myself.stop(None);
                return Ok(());
            }
            Err(back) => room = back,
        }
    }
    let room = slot.insert(room);
    room.rise(door);
    room.handle_all(door, door.stay());
    go_on(myself, door, room)
}
