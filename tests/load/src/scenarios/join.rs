//! Everybody comes at once: after a restart, or at nine o'clock.

use rand::RngExt as _;

use super::member::{Manners, News};
use super::{JOIN, until};
use crate::clock::{Nanos, now};
use crate::error::{Error, Result};
use crate::histogram::Histogram;
use crate::machine::Process;
use crate::outcome::Outcome;
use crate::protocol;
use crate::servers::{Kind, Server};
use crate::swarm::{Outbox, Party, Swarm};
use crate::yjs::{Author, ClientId, structs};

/// Who comes where.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Sockets that come at once.
    pub sockets: usize,
    /// Documents that they come to, in turn.
    pub documents: usize,
    /// Letters in each document.
    pub letters: u64,
    /// Sockets that are on their way at a time.
    pub at_once: usize,
}

impl Load {
    /// The load in words.
    pub fn words(&self) -> String {
        let Self { sockets, documents, letters, at_once } = self;
        format!("{sockets} sockets into {documents} documents of {letters} letters, {at_once} under way at a time")
    }
}

/// Documents with somebody in each, and those who come to them.
pub struct Guests {
    manners: Manners,
    prefixes: Vec<Vec<u8>>,
    ids: Vec<ClientId>,
    letters: u64,
    /// Whether a join shows the document: the floor has none.
    shows: bool,
    /// Each socket's document, and whether it is in.
    guests: Vec<(usize, bool)>,
    joined: usize,
    began: Nanos,
    opened: Histogram,
    times: Histogram,
}

impl Guests {
    /// Documents that nobody is in yet.
    pub fn new(server: &Server, names: &[String]) -> Self {
        let manners = Manners::of(server);
        Self {
            prefixes: names.iter().map(|name| manners.dialect.prefix(name)).collect(),
            manners,
            ids: names.iter().map(|_| ClientId::from(rand::rng().random::<u32>())).collect(),
            letters: 0,
            shows: server.kind != Kind::Floor,
            guests: Vec::new(),
            joined: 0,
            began: 0,
            opened: Histogram::default(),
            times: Histogram::default(),
        }
    }

    /// Lets so many more in, in turn, and waits until the last is.
    pub fn come(&mut self, count: usize, server: &Server, names: &[String], swarm: &mut Swarm) -> Result<Nanos> {
        let all = self.guests.len() + count;
        self.began = now();
        for number in self.guests.len()..all {
            let document = number % names.len();
            self.guests.push((document, false));
            swarm.add(server.path(&names[document]))?;
        }
        let progress = |guests: &Self| format!("{} of {all} joined", guests.joined);
        until(swarm, self, "everybody's join", JOIN, |guests| guests.joined == all, progress)
    }

    /// The first of each document writes what the later ones are to see.
    pub fn write(&mut self, letters: u64, swarm: &mut Swarm) -> Result<()> {
        self.letters = letters;
        for (socket, &id) in self.ids.iter().enumerate() {
            let update = Author::new(id).seed(self.letters);
            swarm.send(socket, &[&self.prefixes[socket], &protocol::sync(2, update.len()), &update])?;
        }
        Ok(())
    }
}

/// Documents' names that no run before had.
pub fn names(count: usize, server: &Server) -> Result<Vec<String>> {
    let run = rand::rng().random::<u32>();
    let names: Vec<_> = (0..count).map(|number| format!("load-{run:08x}-{number}")).collect();
    names.iter().try_for_each(|name| server.make(name))?;
    Ok(names)
}

/// Runs the load against a server that has just been started. A socket has joined when it has the document.
///
/// # Errors
/// A socket ended, or not everybody could join.
pub fn run(server: &Server, load: Load) -> Result<Outcome> {
    let names = names(load.documents, server)?;
    let mut swarm = Swarm::new(server.address)?;
    let mut guests = Guests::new(server, &names);
    guests.come(load.documents, server, &names, &mut swarm)?;
    guests.write(load.letters, &mut swarm)?;
    // What the first ones wrote is there when somebody who asks for it gets it.
    guests.come(load.documents, server, &names, &mut swarm)?;

    guests.times = Histogram::default();
    guests.opened = Histogram::default();
    swarm.at_once(load.at_once);
    let (began, server_before, own_before) = (now(), server.process.cpu()?, Process::own().cpu()?);
    let ended = guests.come(load.sockets, server, &names, &mut swarm)?;
    let took = (ended - began) as f64;
    let (server_took, own_took) =
        (server.process.cpu()?.since(&server_before) as f64, Process::own().cpu()?.since(&own_before) as f64);
    let mut outcome = Outcome::new("join", server.kind.name(), load.words());
    outcome.tell("joined_per_s", load.sockets as f64 * 1e9 / took);
    outcome.tell("cpu_us", server_took / 1e3 / load.sockets as f64);
    outcome.tell("server_percent", server_took * 100.0 / took);
    outcome.tell("load_percent", own_took * 100.0 / took);
    outcome.tell_percentiles("opened_", &guests.opened.percentiles());
    outcome.tell_percentiles("", &guests.times.percentiles());
    outcome.tell_memory(server.process.memory()?);
    Ok(outcome)
}

impl Party for Guests {
    fn opened(&mut self, socket: usize, at: Nanos, out: &mut Outbox) -> Result<()> {
        self.opened.record(at - self.began);
        self.manners.greet(socket, &self.prefixes[self.guests[socket].0], out);
        Ok(())
    }

    fn message(&mut self, socket: usize, message: &[u8], at: Nanos, out: &mut Outbox) -> Result<()> {
        let (document, joined) = self.guests[socket];
        match self.manners.read(socket, message)? {
            News::Joined(update) if !joined => {
                let mut end = 0;
                let read = structs(update, |client, clock, length| {
                    if client == self.ids[document] {
                        end = clock + length;
                    }
                });
                if read.is_none() {
                    return Err(Error::Socket { socket, what: "an answer that is no update".to_owned() });
                }
                if self.shows && end < self.letters {
                    // The writer's edit is not there yet: ask again.
                    out.send(socket, &[&self.prefixes[document], protocol::STEP1]);
                    return Ok(());
                }
                self.guests[socket].1 = true;
                self.joined += 1;
                self.times.record(at - self.began);
            }
            News::Asked(_) => self.manners.answer_nothing(socket, &self.prefixes[document], out),
            _ => {}
        }
        Ok(())
    }
}
