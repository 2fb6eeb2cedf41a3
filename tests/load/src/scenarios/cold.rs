//! A long document to somebody new: from memory, and after a restart; and what it takes to hold it.

use std::thread;
use std::time::Duration;

use rand::RngExt as _;

use super::Trace;
use super::replay::Author;
use crate::clock::now;
use crate::error::Result;
use crate::histogram::{Histogram, milliseconds};
use crate::outcome::Outcome;
use crate::servers::{Kind, Server};
use crate::swarm::Swarm;

/// How often what is done.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Edits in an update while the document is written: what a client sends that gathers for a moment.
    pub batch: usize,
    /// Newcomers to the document in memory.
    pub newcomers: usize,
    /// Restarts, each with one newcomer; the memory that it takes is read at the first.
    pub restarts: usize,
    /// Before memory is read: allocators keep what they no longer need for some ten seconds, caches for twenty.
    pub rest: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self { batch: 50, newcomers: 21, restarts: 5, rest: Duration::from_secs(40) }
    }
}

/// How long servers that save later are given to save.
const SAVE: Duration = Duration::from_secs(12);
/// From a start to the newcomer whose wait is measured.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Runs against a server that has just been started.
///
/// # Errors
/// The server does not hold the trace, before or after a restart.
pub fn run(mut server: Server, trace: &Trace, load: Load) -> Result<Outcome> {
    let kind = server.kind;
    let run = rand::rng().random::<u32>();
    let (name, other) = (format!("load-cold-{run:08x}"), format!("load-other-{run:08x}"));
    server.make(&name)?;
    server.make(&other)?;
    let words = format!("{}, {} edits in an update", trace.name, load.batch);
    let mut outcome = Outcome::new("cold", kind.name(), words);
    let mut swarm = Swarm::new(server.address)?;
    let (mut author, socket) = Author::join(&server, &name, trace.client, &mut swarm)?;
    author.replay(socket, kind, trace, load.batch, &mut swarm)?;
    let mut warm = Histogram::default();
    for _ in 0..load.newcomers {
        warm.record(newcomer(&server, &name, trace, &mut swarm)?);
    }
    outcome.tell("memory_ms", milliseconds(warm.at(0.5)));
    outcome.tell("memory_max_ms", milliseconds(warm.at(1.0)));
    drop(swarm);
    if kind == Kind::YWebsocket {
        return Ok(outcome);
    }
    if !kind.is_tandem() {
        thread::sleep(SAVE);
    }
    let mut cold = Histogram::default();
    let mut held = None;
    for _ in 0..load.restarts {
        server = server.restart()?;
        let mut swarm = Swarm::new(server.address)?;
        // The process has served somebody: what it sets up once is not the document's.
        let (mut author, _) = Author::join(&server, &other, 0, &mut swarm)?;
        let first = held.is_none();
        swarm.wait(if first { load.rest } else { SETTLE }, &mut author)?;
        let before = server.process.memory()?;
        cold.record(newcomer(&server, &name, trace, &mut swarm)?);
        if first {
            swarm.wait(load.rest, &mut author)?;
            let after = server.process.memory()?;
            held = Some((
                after.anonymous_kib.saturating_sub(before.anonymous_kib),
                after.rss_kib.saturating_sub(before.rss_kib),
            ));
        }
    }
    outcome.tell("restart_ms", milliseconds(cold.at(0.5)));
    outcome.tell("restart_max_ms", milliseconds(cold.at(1.0)));
    if let Some((held, resident)) = held {
        outcome.tell("held_kib", held as f64);
        outcome.tell("resident_kib", resident as f64);
    }
    Ok(outcome)
}

/// Somebody connects and has the document: how long that took, from the first packet on.
fn newcomer(server: &Server, name: &str, trace: &Trace, swarm: &mut Swarm) -> Result<u64> {
    let began = now();
    let (author, _) = Author::join(server, name, trace.client, swarm)?;
    let took = now() - began;
    author.holds(trace)?;
    Ok(took)
}
