//! One client sends a trace as fast as the server takes it.

use std::time::Duration;

use rand::RngExt as _;

use super::member::{Manners, News};
use super::{Trace, until};
use crate::clock::{Nanos, SECOND, now};
use crate::error::{Error, Result};
use crate::machine::Process;
use crate::outcome::Outcome;
use crate::protocol::{self, STEP1};
use crate::servers::{Kind, Server};
use crate::swarm::{Outbox, Party, Swarm};
use crate::yjs::structs;

/// What waits in this process at most, in bytes: the server sets the pace.
const BACKLOG: usize = 256 * 1024;
/// Messages between two looks at what comes in.
const BURST: usize = 64;
/// The server must have taken the trace within this time, in seconds.
const LONGEST: u64 = 900;

/// The author of a trace, on one socket.
pub struct Author {
    manners: Manners,
    prefix: Vec<u8>,
    client: u64,
    /// Answers to step 1, and the author's clock in the last of them.
    answers: usize,
    clock: u64,
    refused: u64,
    update: Vec<u8>,
}

impl Author {
    /// Connects to a document and joins.
    pub fn join(server: &Server, name: &str, client: u64, swarm: &mut Swarm) -> Result<(Self, usize)> {
        let manners = Manners::of(server);
        let prefix = manners.dialect.prefix(name);
        let mut author = Self { manners, prefix, client, answers: 0, clock: 0, refused: 0, update: Vec::new() };
        let socket = swarm.add(server.path(name))?;
        until(swarm, &mut author, "the author's join", 60, |author| author.answers == 1, |_| String::new())?;
        Ok((author, socket))
    }

    /// Sends the trace, `batch` edits in an update, and waits until the server answers with all of it. Answers when.
    pub fn replay(
        &mut self,
        socket: usize,
        kind: Kind,
        trace: &Trace,
        batch: usize,
        swarm: &mut Swarm,
    ) -> Result<Nanos> {
        let mut sent = 0;
        while sent < trace.len() {
            if swarm.backlog(socket) > BACKLOG {
                swarm.turn(now() + SECOND / 100, self)?;
                continue;
            }
            for _ in 0..BURST {
                let end = (sent + batch).min(trace.len());
                if sent == end {
                    break;
                }
                self.update.clear();
                trace.update(sent..end, &mut self.update);
                // A write each, as every client does.
                swarm.send(socket, &[&self.prefix, &protocol::sync(2, self.update.len()), &self.update])?;
                sent = end;
            }
            swarm.turn(now(), self)?;
        }
        let before = self.answers;
        swarm.send(socket, &[&self.prefix, STEP1])?;
        let progress = |author: &Self| format!("{} answers", author.answers);
        let ended = until(swarm, self, "the trace's end", LONGEST, |author| author.answers > before, progress)?;
        if kind != Kind::Floor {
            self.holds(trace)?;
        }
        Ok(ended)
    }

    /// Looks at the server's last answer.
    ///
    /// # Errors
    /// The server does not hold the whole trace.
    pub fn holds(&self, trace: &Trace) -> Result<()> {
        if self.refused == 0 && self.clock == trace.clock {
            return Ok(());
        }
        let what = format!("clock {} of {}, {} edits refused", self.clock, trace.clock, self.refused);
        Err(Error::Server(format!("the server does not hold the trace: {what}")))
    }
}

/// Runs the trace against a server that has just been started, an update an edit.
///
/// # Errors
/// The server does not hold the trace in the end.
pub fn run(server: &Server, trace: &Trace) -> Result<Outcome> {
    let name = format!("load-replay-{:08x}", rand::rng().random::<u32>());
    server.make(&name)?;
    let mut swarm = Swarm::new(server.address)?;
    let (mut author, socket) = Author::join(server, &name, trace.client, &mut swarm)?;
    let (began, server_before, own_before) = (now(), server.process.cpu()?, Process::own().cpu()?);
    let ended = author.replay(socket, server.kind, trace, 1, &mut swarm)?;
    let own = Process::own().cpu()?.since(&own_before) as f64;
    // What the last edits still cost, their commit for one, belongs to them.
    swarm.wait(Duration::from_millis(500), &mut author)?;
    let cpu = server.process.cpu()?.since(&server_before) as f64;
    let edits = trace.len() as f64;
    let took = (ended - began) as f64;
    let mut outcome = Outcome::new("replay", server.kind.name(), format!("{}, one client", trace.name));
    outcome.tell("cpu_us", cpu / 1e3 / edits);
    outcome.tell("edits_per_s", edits * 1e9 / took);
    outcome.tell("seconds", took / 1e9);
    outcome.tell("load_percent", own * 100.0 / took);
    outcome.tell_memory(server.process.memory()?);
    Ok(outcome)
}

impl Party for Author {
    fn opened(&mut self, socket: usize, _: Nanos, out: &mut Outbox) -> Result<()> {
        self.manners.greet(socket, &self.prefix, out);
        Ok(())
    }

    fn message(&mut self, socket: usize, message: &[u8], _: Nanos, out: &mut Outbox) -> Result<()> {
        match self.manners.read(socket, message)? {
            News::Joined(update) => {
                let mut end = 0;
                let read = structs(update, |client, clock, length| {
                    if client == self.client {
                        end = end.max(clock + length);
                    }
                });
                read.ok_or_else(|| Error::Socket { socket, what: "an answer that is no update".to_owned() })?;
                self.clock = end;
                self.answers += 1;
            }
            News::Asked(_) => self.manners.answer_nothing(socket, &self.prefix, out),
            News::Status(taken) => self.refused += u64::from(!taken),
            News::Update(_) | News::Awareness(_) | News::Nothing => {}
        }
        Ok(())
    }
}
