//! One scenario with its numbers, ready to be run against any server.

use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::scenarios::{Trace, capacity, cold, cursors, idle, join, replay, typing};
use crate::servers::{Kind, Programs, Server};

/// A scenario and its load.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Many small rooms in which everybody types.
    Rooms(typing::Load),
    /// The most such rooms that a server carries.
    Capacity(capacity::Search),
    /// One room with few writers and many readers.
    Hot(typing::Load),
    /// Cursors that move in one room.
    Cursors(cursors::Load),
    /// Many sockets that come at once.
    Join(join::Load),
    /// What idle sockets and documents take of memory.
    Idle(idle::Load),
    /// One client sends a trace as fast as the server takes it.
    Replay,
    /// The traced document to somebody new.
    Cold(cold::Load),
}

impl Plan {
    /// How it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rooms(_) => "rooms",
            Self::Capacity(_) => "capacity",
            Self::Hot(_) => "hot",
            Self::Cursors(_) => "cursors",
            Self::Join(_) => "join",
            Self::Idle(_) => "idle",
            Self::Replay => "replay",
            Self::Cold(_) => "cold",
        }
    }

    /// Whether it replays a trace.
    pub fn wants_trace(&self) -> bool {
        matches!(self, Self::Replay | Self::Cold(_))
    }

    /// Whether it says something about a server: the floor holds no document that could be cold.
    pub fn suits(&self, kind: Kind) -> bool {
        !matches!((self, kind), (Self::Cold(_), Kind::Floor))
    }

    /// Starts a server and runs against it.
    ///
    /// # Errors
    /// What the scenario tells; there is no trace for one that wants it.
    pub fn run(&self, kind: Kind, programs: &Programs, trace: Option<&Trace>) -> Result<Outcome> {
        let start = || Server::start(kind, programs);
        let trace = || trace.ok_or_else(|| Error::Usage(format!("{} wants a trace", self.name())));
        match self {
            Self::Rooms(load) | Self::Hot(load) => typing::run(self.name(), &start()?, *load),
            Self::Capacity(search) => capacity::run(kind, programs, search, |told| eprintln!("  {told}")),
            Self::Cursors(load) => cursors::run(&start()?, *load),
            Self::Join(load) => join::run(&start()?, *load),
            Self::Idle(load) => idle::run(kind, programs, load),
            Self::Replay => replay::run(&start()?, trace()?),
            Self::Cold(load) => cold::run(start()?, trace()?, *load),
        }
    }
}
