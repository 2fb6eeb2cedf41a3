//! Cursors that move in one room: every client sends its own presence, and some send on what they see of others.

use std::collections::HashMap;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::member::{Manners, News};
use super::paced::{Paced, Schedule, Tally, measure};
use super::{JOIN, until};
use crate::clock::{Nanos, SECOND, now, seconds};
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::servers::Server;
use crate::swarm::{Outbox, Party, Swarm};
use crate::yjs::{Beat, ClientId, Reader, string, varuint};

/// Whose cursors move, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Clients in the room.
    pub cursors: usize,
    /// Those of them that send on what is news to them, as y-websocket and older Hocuspocus providers do.
    pub echoing: usize,
    /// Moves a second of each.
    pub rate: f64,
    /// What goes before the measurement, in seconds.
    pub warm_up: f64,
    /// The measurement, in seconds.
    pub seconds: f64,
}

impl Load {
    /// The load in words.
    pub fn words(&self) -> String {
        let Self { cursors, echoing, rate, .. } = self;
        format!("1 room, {cursors} cursors at {rate}/s, {echoing} of which send on what they see")
    }
}

struct Cursor {
    id: ClientId,
    clock: u64,
    joined: bool,
    /// The clocks that it knows of the others' states, by their place.
    known: Vec<u64>,
    beat: Beat,
}

struct Cursors {
    manners: Manners,
    prefix: Vec<u8>,
    cursors: Vec<Cursor>,
    places: HashMap<ClientId, usize>,
    echoing: usize,
    joined: usize,
    tally: Tally,
    state: Vec<u8>,
}

/// Runs the load against a server that has just been started. A state counts as delivered when the reader knows it or a
/// newer one of the same client.
///
/// # Errors
/// A socket ended, or not everybody could join. What is not delivered is a figure.
pub fn run(server: &Server, load: Load) -> Result<Outcome> {
    let mut random = SmallRng::seed_from_u64(rand::random());
    let name = format!("load-cursors-{:08x}", random.random::<u32>());
    let manners = Manners::of(server);
    let none = Beat { start: 0, interval: 1, first: 1 };
    let mut party = Cursors {
        prefix: manners.dialect.prefix(&name),
        manners,
        cursors: (0..load.cursors)
            .map(|_| Cursor {
                id: ClientId::from(random.random::<u32>()),
                clock: 0,
                joined: false,
                known: vec![0; load.cursors],
                beat: none,
            })
            .collect(),
        places: HashMap::new(),
        echoing: load.echoing,
        joined: 0,
        tally: Tally::default(),
        state: Vec::new(),
    };
    party.places = party.cursors.iter().enumerate().map(|(place, cursor)| (cursor.id, place)).collect();
    server.make(&name)?;
    let mut swarm = Swarm::new(server.address)?;
    for _ in 0..load.cursors {
        swarm.add(server.path(&name))?;
    }
    let progress = |party: &Cursors| format!("{} joined", party.joined);
    let all = load.cursors;
    until(&mut swarm, &mut party, "everybody's join", JOIN, |party| party.joined == all, progress)?;

    let interval = seconds(1.0 / load.rate);
    let start = now() + SECOND / 10;
    let mut turns = Vec::new();
    for (place, cursor) in party.cursors.iter_mut().enumerate() {
        let phase = random.random_range(0..interval);
        cursor.beat = Beat { start: start + phase, interval, first: 1 };
        turns.push((phase, place));
    }
    let mut schedule = Schedule::new(turns, start, interval);
    let mut outcome = Outcome::new("cursors", server.kind.name(), load.words());
    measure(server, &mut swarm, &mut party, &mut schedule, (load.warm_up, load.seconds), &mut outcome)?;
    Ok(outcome)
}

impl Cursors {
    /// The awareness message with one state.
    fn state(&mut self, place: usize) {
        let Cursor { id, clock, .. } = self.cursors[place];
        let json = if clock == 0 {
            "{}".to_owned()
        } else {
            format!(
                "{{\"user\":{{\"name\":\"Somebody {place}\",\"color\":\"#30bced\"}},\"cursor\":{{\"anchor\":{clock},\"head\":{clock}}}}}"
            )
        };
        let mut update = vec![1];
        varuint(&mut update, id);
        varuint(&mut update, clock);
        string(&mut update, &json);
        self.state.clear();
        self.state.push(1);
        varuint(&mut self.state, update.len() as u64);
        self.state.extend(update);
    }

    /// Takes an awareness update; puts what was news into `news`, and answers how many states that were.
    fn take(&mut self, socket: usize, update: &[u8], at: Nanos, news: &mut Vec<u8>) -> Option<u64> {
        let mut reader = Reader(update);
        let mut count = 0;
        for _ in 0..reader.varuint()? {
            let before = reader.0;
            let (id, clock) = (reader.varuint()?, reader.varuint()?);
            reader.bytes()?;
            let Some(&place) = self.places.get(&id) else { continue };
            if place == socket || self.cursors[socket].known[place] >= clock {
                continue;
            }
            let old = std::mem::replace(&mut self.cursors[socket].known[place], clock);
            let beat = self.cursors[place].beat;
            for clock in old + 1..=clock {
                self.tally.arrived(beat.due(clock), at);
            }
            news.extend_from_slice(&before[..before.len() - reader.0.len()]);
            count += 1;
        }
        Some(count)
    }
}

impl Party for Cursors {
    fn opened(&mut self, socket: usize, _: Nanos, out: &mut Outbox) -> Result<()> {
        self.manners.greet(socket, &self.prefix, out);
        // As every provider does: its own state, empty as yet.
        self.state(socket);
        out.send(socket, &[&self.prefix, &self.state]);
        Ok(())
    }

    fn message(&mut self, socket: usize, message: &[u8], at: Nanos, out: &mut Outbox) -> Result<()> {
        match self.manners.read(socket, message)? {
            News::Awareness(update) => {
                let mut news = Vec::new();
                let fault = || Error::Socket { socket, what: "no awareness update".to_owned() };
                let count = self.take(socket, update, at, &mut news).ok_or_else(fault)?;
                if count > 0 {
                    self.tally.message();
                }
                if count > 0 && socket < self.echoing {
                    let mut states = Vec::new();
                    varuint(&mut states, count);
                    let mut head = vec![1];
                    varuint(&mut head, (states.len() + news.len()) as u64);
                    out.send(socket, &[&self.prefix, &head, &states, &news]);
                }
            }
            News::Joined(_) => {
                let cursor = &mut self.cursors[socket];
                self.joined += usize::from(!cursor.joined);
                cursor.joined = true;
            }
            News::Asked(_) => self.manners.answer_nothing(socket, &self.prefix, out),
            News::Update(_) | News::Status(_) | News::Nothing => {}
        }
        Ok(())
    }
}

impl Paced for Cursors {
    fn act(&mut self, socket: usize, due: Nanos, swarm: &mut Swarm) -> Result<()> {
        self.cursors[socket].clock += 1;
        self.state(socket);
        swarm.send(socket, &[&self.prefix, &self.state])?;
        self.tally.sent(due, self.cursors.len() as u64 - 1);
        Ok(())
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn waits(&self) -> bool {
        false
    }
}
