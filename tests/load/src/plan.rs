//! One scenario with its numbers, ready to be run against any server.

use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::scenarios::{Trace, capacity, cold, cursors, idle, join, replay, typing};
use crate::servers::{Kind, Programs, Server};
use crate::steps::Sampler;

/// A scenario and its load.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Many small rooms in which everybody types.
    Rooms(typing::Load),
    /// The same, and where the server's time goes meanwhile.
    Steps(typing::Load),
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
            Self::Steps(_) => "steps",
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

    /// Whether it says something about a server: the floor holds no document that could be cold, and what the peers do
    /// has other names.
    pub fn suits(&self, kind: Kind) -> bool {
        match self {
            Self::Cold(_) => kind != Kind::Floor,
            Self::Steps(_) => kind == Kind::Floor || kind.is_tandem(),
            _ => true,
        }
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
            Self::Steps(load) => sampled(self.name(), &start()?, *load),
            Self::Capacity(search) => capacity::run(kind, programs, search, |told| eprintln!("  {told}")),
            Self::Cursors(load) => cursors::run(&start()?, *load),
            Self::Join(load) => join::run(&start()?, *load),
            Self::Idle(load) => idle::run(kind, programs, load),
            Self::Replay => replay::run(&start()?, trace()?),
            Self::Cold(load) => cold::run(start()?, trace()?, *load),
        }
    }
}

/// Runs a load while perf samples the server; tells each step's part of a delivery's processor time.
fn sampled(name: &str, server: &Server, load: typing::Load) -> Result<Outcome> {
    let sampler = Sampler::begin(server.process.id(), load.warm_up)?;
    let outcome = typing::run(name, server, load);
    let shares = sampler.end();
    let mut outcome = outcome?;
    let cpu_us = outcome.figure("cpu_us");
    for (step, share) in shares? {
        outcome.tell(step, share * cpu_us);
    }
    Ok(outcome)
}
