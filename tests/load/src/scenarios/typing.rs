//! People who type in rooms: many small rooms, or one large one.

use std::collections::VecDeque;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::member::{Manners, News};
use super::paced::{Paced, Schedule, Tally, measure};
use super::{JOIN, until};
use crate::clock::{Nanos, SECOND, now, seconds};
use crate::error::{Error, Result};
use crate::histogram::Histogram;
use crate::outcome::Outcome;
use crate::protocol::{self, Dialect};
use crate::servers::Server;
use crate::swarm::{Outbox, Party, Swarm};
use crate::yjs::{Author, Beat, ClientId, EMPTY, Seen, structs};

/// Who types where, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Rooms.
    pub rooms: usize,
    /// Writers in each; they read too.
    pub writers: usize,
    /// Those in each who only read.
    pub readers: usize,
    /// Letters a second that each writer types.
    pub rate: f64,
    /// What goes before the measurement, in seconds.
    pub warm_up: f64,
    /// The measurement, in seconds.
    pub seconds: f64,
}

impl Load {
    /// The load in words.
    pub fn words(&self) -> String {
        let Self { rooms, writers, readers, rate, .. } = self;
        format!("{rooms} rooms, {writers} writers at {rate}/s and {readers} readers in each")
    }
}

struct Member {
    room: usize,
    /// Its place among the room's authors.
    author: Option<usize>,
    seen: Seen,
    joined: bool,
    seeded: bool,
    /// When the edits were due whose acknowledgement is still to come; `None` for what is no edit.
    owed: VecDeque<Option<Nanos>>,
}

struct Room {
    name: String,
    prefix: Vec<u8>,
    ids: Vec<ClientId>,
    authors: Vec<Author>,
    beats: Vec<Beat>,
}

struct Typing {
    manners: Manners,
    per_room: usize,
    lines: u64,
    rooms: Vec<Room>,
    members: Vec<Member>,
    joined: usize,
    seeded: usize,
    refused: u64,
    tally: Tally,
    acknowledged: Histogram,
    letter: Vec<u8>,
}

/// Runs the load against a server that has just been started.
///
/// # Errors
/// A socket ended, not everybody could join, or an honest edit was refused. What is not delivered is a figure.
pub fn run(scenario: &str, server: &Server, load: Load) -> Result<Outcome> {
    let mut swarm = Swarm::new(server.address)?;
    let mut typing = Typing::new(server, &load);
    for room in &typing.rooms {
        server.make(&room.name)?;
    }
    for member in &typing.members {
        swarm.add(server.path(&typing.rooms[member.room].name))?;
    }
    let all = typing.members.len();
    let progress = |typing: &Typing| format!("{} of {all} joined, {} have the seed", typing.joined, typing.seeded);
    until(&mut swarm, &mut typing, "everybody's join", JOIN, |typing| typing.joined == all, progress)?;
    typing.seed(&mut swarm)?;
    until(&mut swarm, &mut typing, "the seed's way to everybody", JOIN, |typing| typing.seeded == all, progress)?;

    let mut schedule = typing.schedule(&load, now() + SECOND / 10);
    let mut outcome = Outcome::new(scenario, server.kind.name(), load.words());
    measure(server, &mut swarm, &mut typing, &mut schedule, (load.warm_up, load.seconds), &mut outcome)?;
    if typing.refused > 0 {
        return Err(Error::Server(format!("{} honest edits were refused", typing.refused)));
    }
    if typing.acknowledged.count() > 0 {
        outcome.tell_percentiles("acknowledged_", &typing.acknowledged.percentiles());
    }
    Ok(outcome)
}

impl Typing {
    fn new(server: &Server, load: &Load) -> Self {
        let manners = Manners::of(server);
        let mut random = SmallRng::seed_from_u64(rand::random());
        let run = random.random::<u32>();
        let mut rooms = Vec::with_capacity(load.rooms);
        let mut members = Vec::new();
        for number in 0..load.rooms {
            let name = format!("load-{run:08x}-{number}");
            let author = |_| Author::new(ClientId::from(random.random::<u32>()));
            let authors: Vec<_> = (0..load.writers).map(author).collect();
            rooms.push(Room {
                prefix: manners.dialect.prefix(&name),
                ids: authors.iter().map(|author| author.id).collect(),
                beats: Vec::new(),
                name,
                authors,
            });
            members.extend((0..load.writers + load.readers).map(|at| Member {
                room: number,
                author: (at < load.writers).then_some(at),
                seen: Seen::nothing(load.writers),
                joined: false,
                seeded: false,
                owed: VecDeque::new(),
            }));
        }
        Self {
            manners,
            per_room: load.writers + load.readers,
            lines: load.writers as u64,
            rooms,
            members,
            joined: 0,
            seeded: 0,
            refused: 0,
            tally: Tally::default(),
            acknowledged: Histogram::default(),
            letter: Vec::new(),
        }
    }

    /// The first writer of each room gives it a line for each.
    fn seed(&mut self, swarm: &mut Swarm) -> Result<()> {
        for number in 0..self.rooms.len() {
            let socket = number * self.per_room;
            let room = &mut self.rooms[number];
            let update = room.authors[0].seed(self.lines);
            let seeder = room.ids[0];
            for (line, author) in room.authors.iter_mut().enumerate() {
                author.sit(seeder, line as u64, self.lines);
            }
            swarm.send(socket, &[&room.prefix, &protocol::sync(2, update.len()), &update])?;
            self.members[socket].seeded = true;
            self.seeded += 1;
            self.owe(socket, None);
        }
        Ok(())
    }

    fn owe(&mut self, socket: usize, due: Option<Nanos>) {
        if self.manners.dialect == Dialect::Hocuspocus {
            self.members[socket].owed.push_back(due);
        }
    }

    /// Every writer has its own phase, so that edits come evenly and by chance at once.
    fn schedule(&mut self, load: &Load, start: Nanos) -> Schedule {
        let interval = seconds(1.0 / load.rate);
        let mut random = SmallRng::seed_from_u64(1);
        let mut turns = Vec::new();
        for (number, room) in self.rooms.iter_mut().enumerate() {
            for (at, author) in room.authors.iter().enumerate() {
                let phase = random.random_range(0..interval);
                room.beats.push(Beat { start: start + phase, interval, first: author.first });
                turns.push((phase, number * self.per_room + at));
            }
        }
        Schedule::new(turns, start, interval)
    }

    #[inline]
    fn take(&mut self, socket: usize, update: &[u8], at: Nanos) -> Result<()> {
        let member = &mut self.members[socket];
        let room = &self.rooms[member.room];
        let own = member.author;
        let seen = &mut member.seen;
        let tally = &mut self.tally;
        let mut any = false;
        let read = structs(update, |client, clock, length| {
            let Some(author) = room.ids.iter().position(|&id| id == client) else { return };
            if own == Some(author) {
                return;
            }
            seen.take(author, clock, length, &mut |author, first, end| {
                let letters = first.max(room.authors[author].first)..end;
                any |= !letters.is_empty();
                if let Some(beat) = room.beats.get(author) {
                    letters.for_each(|clock| tally.arrived(beat.due(clock), at));
                }
            });
        });
        if read.is_none() {
            return Err(Error::Socket { socket, what: "an update that no author of this tool writes".to_owned() });
        }
        if any {
            tally.message();
        }
        if !member.seeded && member.seen.head(0) >= self.lines {
            member.seeded = true;
            self.seeded += 1;
        }
        Ok(())
    }
}

impl Party for Typing {
    fn opened(&mut self, socket: usize, _: Nanos, out: &mut Outbox) -> Result<()> {
        self.manners.greet(socket, &self.rooms[self.members[socket].room].prefix, out);
        Ok(())
    }

    #[inline]
    fn message(&mut self, socket: usize, message: &[u8], at: Nanos, out: &mut Outbox) -> Result<()> {
        match self.manners.read(socket, message)? {
            News::Update(update) => self.take(socket, update, at)?,
            News::Joined(update) => {
                self.take(socket, update, at)?;
                let member = &mut self.members[socket];
                self.joined += usize::from(!member.joined);
                member.joined = true;
            }
            News::Asked(vector) => {
                let member = &self.members[socket];
                let room = &self.rooms[member.room];
                let answer = match member.author.map(|author| &room.authors[author]) {
                    Some(author) => author.since(protocol::clock_of(vector, author.id).unwrap_or(0)),
                    None => EMPTY.to_vec(),
                };
                self.manners.answer(socket, &room.prefix, &answer, out);
                self.owe(socket, None);
            }
            News::Status(taken) => {
                self.refused += u64::from(!taken);
                let due = self.members[socket].owed.pop_front().flatten();
                if let Some(due) = due.filter(|&due| self.tally.counts(due)) {
                    self.acknowledged.record(at.saturating_sub(due));
                }
            }
            News::Awareness(_) | News::Nothing => {}
        }
        Ok(())
    }
}

impl Paced for Typing {
    fn act(&mut self, socket: usize, due: Nanos, swarm: &mut Swarm) -> Result<()> {
        let member = &self.members[socket];
        let room = &mut self.rooms[member.room];
        let Some(author) = member.author else { return Ok(()) };
        self.letter.clear();
        room.authors[author].letter(&mut self.letter);
        swarm.send(socket, &[&room.prefix, &protocol::sync(2, self.letter.len()), &self.letter])?;
        self.tally.sent(due, self.per_room as u64 - 1);
        self.owe(socket, Some(due));
        Ok(())
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn waits(&self) -> bool {
        self.members.iter().any(|member| !member.owed.is_empty())
    }
}
