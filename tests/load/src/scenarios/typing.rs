//! People who type in rooms: many small rooms, or one large one.

use std::collections::VecDeque;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::until;
use crate::clock::{Nanos, SECOND, now, seconds};
use crate::error::{Error, Result};
use crate::histogram::{Histogram, milliseconds};
use crate::machine::own_cpu;
use crate::outcome::Outcome;
use crate::protocol::{self, Dialect, STEP1, Said};
use crate::servers::Server;
use crate::swarm::{Outbox, Party, Swarm};
use crate::yjs::{Author, Beat, ClientId, EMPTY, Seen, structs};

/// How long the last edits may be on their way, in seconds.
const DRAIN: u64 = 10;
/// Everybody must be in within this time, in seconds.
const JOIN: u64 = 120;

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
    dialect: Dialect,
    token: String,
    per_room: usize,
    lines: u64,
    rooms: Vec<Room>,
    members: Vec<Member>,
    joined: usize,
    seeded: usize,
    /// What is measured: from, and before.
    window: (Nanos, Nanos),
    expected: u64,
    delivered: u64,
    /// Deliveries that happened in the window, whenever their edits were due.
    within: u64,
    messages: u64,
    refused: u64,
    latency: Histogram,
    acknowledged: Histogram,
}

/// Runs the load against a server that has just been started.
pub fn run(scenario: &str, server: &Server, load: Load) -> Result<Outcome> {
    let mut swarm = Swarm::new(server.address)?;
    let mut typing = Typing::new(server, &load);
    for room in &typing.rooms {
        server.make(&room.name)?;
    }
    for member in &typing.members {
        swarm.add(server.path(&typing.rooms[member.room].name))?;
    }
    let everybody = typing.members.len();
    let progress =
        |typing: &Typing| format!("{} of {everybody} joined, {} have the seed", typing.joined, typing.seeded);
    until(&mut swarm, &mut typing, "everybody's join", JOIN, |typing| typing.joined == everybody, progress)?;
    typing.seed(&mut swarm)?;
    until(&mut swarm, &mut typing, "the seed's way to everybody", JOIN, |typing| typing.seeded == everybody, progress)?;

    let start = now() + SECOND / 10;
    let mut schedule = typing.schedule(&load, start);
    let from = start + seconds(load.warm_up);
    let before = from + seconds(load.seconds);
    typing.window = (from, before);
    let mut lateness = Histogram::default();
    schedule.drive(&mut swarm, &mut typing, from, &mut lateness)?;
    let (began, server_before, own_before) = (now(), server.process.cpu()?, own_cpu());
    let within = typing.within;
    lateness = Histogram::default();
    schedule.drive(&mut swarm, &mut typing, before, &mut lateness)?;
    let (took, server_took, own_took) = (now() - began, server.process.cpu()? - server_before, own_cpu() - own_before);
    let within = typing.within - within;
    let messages = typing.messages;
    let last = now() + DRAIN * SECOND;
    let waits = |typing: &Typing| {
        typing.delivered < typing.expected || typing.members.iter().any(|member| !member.owed.is_empty())
    };
    while waits(&typing) && now() < last {
        swarm.turn(last, &mut typing)?;
    }
    if typing.refused > 0 {
        return Err(Error::Server(format!("{} honest edits were refused", typing.refused)));
    }
    Ok(Outcome {
        scenario: scenario.to_owned(),
        server: server.kind.name().to_owned(),
        load: load.words(),
        seconds: took as f64 / 1e9,
        deliveries: within,
        missing: typing.expected - typing.delivered,
        cpu_us: server_took as f64 / 1e3 / within.max(1) as f64,
        cpu_percent: server_took as f64 * 100.0 / took as f64,
        latency_ms: typing.latency.percentiles(),
        acknowledged_ms: (typing.acknowledged.count() > 0).then(|| typing.acknowledged.percentiles()),
        memory: server.process.memory()?,
        threads: server.process.threads(),
        load_percent: own_took as f64 * 100.0 / took as f64,
        late_ms: milliseconds(lateness.at(0.99)),
        messages,
    })
}

impl Typing {
    fn new(server: &Server, load: &Load) -> Self {
        let dialect = server.kind.dialect();
        let mut random = SmallRng::seed_from_u64(rand::random());
        let run = random.random::<u32>();
        let mut rooms = Vec::with_capacity(load.rooms);
        let mut members = Vec::new();
        for number in 0..load.rooms {
            let name = format!("load-{run:08x}-{number}");
            let authors: Vec<_> =
                (0..load.writers).map(|_| Author::new(ClientId::from(random.random::<u32>()))).collect();
            rooms.push(Room {
                prefix: dialect.prefix(&name),
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
            dialect,
            token: server.token.clone(),
            per_room: load.writers + load.readers,
            lines: load.writers as u64,
            rooms,
            members,
            joined: 0,
            seeded: 0,
            window: (Nanos::MAX, Nanos::MAX),
            expected: 0,
            delivered: 0,
            within: 0,
            messages: 0,
            refused: 0,
            latency: Histogram::default(),
            acknowledged: Histogram::default(),
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
            let head = protocol::sync(2, update.len());
            swarm.send(socket, &[&room.prefix, &head, &update])?;
            self.members[socket].seeded = true;
            self.seeded += 1;
            self.owe(socket, None);
        }
        Ok(())
    }

    fn owe(&mut self, socket: usize, due: Option<Nanos>) {
        if self.dialect == Dialect::Hocuspocus {
            self.members[socket].owed.push_back(due);
        }
    }

    /// Every writer has its own phase, so that edits come evenly and by chance at once.
    fn schedule(&mut self, load: &Load, start: Nanos) -> Schedule {
        let interval = seconds(1.0 / load.rate);
        let mut random = SmallRng::seed_from_u64(1);
        let mut writers = Vec::new();
        for number in 0..self.rooms.len() {
            let room = &mut self.rooms[number];
            for at in 0..room.authors.len() {
                let phase = random.random_range(0..interval);
                room.beats.push(Beat { start: start + phase, interval, first: room.authors[at].first });
                writers.push((phase, number * self.per_room + at));
            }
        }
        writers.sort_unstable();
        Schedule { writers, start, interval, at: 0, round: 0, letter: Vec::new() }
    }

    #[inline]
    fn take(&mut self, socket: usize, update: &[u8], at: Nanos) -> Result<()> {
        let member = &mut self.members[socket];
        let room = &self.rooms[member.room];
        let (from, before) = self.window;
        let own = member.author;
        let seen = &mut member.seen;
        let mut news = 0;
        let read = structs(update, |client, clock, length| {
            let Some(author) = room.ids.iter().position(|&id| id == client) else { return };
            if own == Some(author) {
                return;
            }
            seen.take(author, clock, length, &mut |author, first, end| {
                for clock in first.max(room.authors[author].first)..end {
                    news += 1;
                    let due = room.beats.get(author).map_or(0, |beat| beat.due(clock));
                    if (from..before).contains(&due) {
                        self.delivered += 1;
                        self.latency.record(at.saturating_sub(due));
                    }
                }
            });
        });
        if read.is_none() {
            return Err(Error::Socket { socket, what: "an update that no author of this tool writes".to_owned() });
        }
        if !member.seeded && member.seen.head(0) >= self.lines {
            member.seeded = true;
            self.seeded += 1;
        }
        self.within += news;
        self.messages += u64::from(news > 0 && at >= from);
        Ok(())
    }
}

impl Party for Typing {
    fn opened(&mut self, socket: usize, _: Nanos, out: &mut Outbox) -> Result<()> {
        let prefix = &self.rooms[self.members[socket].room].prefix;
        if self.dialect == Dialect::Hocuspocus {
            out.send(socket, &[prefix, &protocol::auth(&self.token)]);
        }
        out.send(socket, &[prefix, STEP1]);
        Ok(())
    }

    #[inline]
    fn message(&mut self, socket: usize, message: &[u8], at: Nanos, out: &mut Outbox) -> Result<()> {
        let broken =
            || Error::Socket { socket, what: format!("no message: {:02x?}", &message[..message.len().min(40)]) };
        match self.dialect.read(message).ok_or_else(broken)? {
            Said::Update(update) => self.take(socket, update, at)?,
            Said::Step2(update) => {
                self.take(socket, update, at)?;
                let member = &mut self.members[socket];
                self.joined += usize::from(!member.joined);
                member.joined = true;
            }
            Said::Step1(vector) => {
                let member = &self.members[socket];
                let room = &self.rooms[member.room];
                let answer = match member.author.map(|author| &room.authors[author]) {
                    Some(author) => author.since(protocol::clock_of(vector, author.id).ok_or_else(broken)?),
                    None => EMPTY.to_vec(),
                };
                out.send(socket, &[&room.prefix, &protocol::sync(1, answer.len()), &answer]);
                self.owe(socket, None);
            }
            Said::Status(taken) => {
                self.refused += u64::from(!taken);
                if let Some(Some(due)) = self.members[socket].owed.pop_front()
                    && (self.window.0..self.window.1).contains(&due)
                {
                    self.acknowledged.record(at.saturating_sub(due));
                }
            }
            Said::Denied => return Err(Error::Socket { socket, what: "permission denied".to_owned() }),
            Said::Awareness(_) | Said::Authenticated | Said::Other => {}
        }
        Ok(())
    }
}

/// When who types.
struct Schedule {
    /// Phase and socket, by phase.
    writers: Vec<(Nanos, usize)>,
    start: Nanos,
    interval: Nanos,
    at: usize,
    round: u64,
    letter: Vec<u8>,
}

impl Schedule {
    fn due(&self) -> Nanos {
        self.start + self.round * self.interval + self.writers[self.at].0
    }

    /// Types what is due before `end`, and takes what comes in until then.
    fn drive(&mut self, swarm: &mut Swarm, typing: &mut Typing, end: Nanos, lateness: &mut Histogram) -> Result<()> {
        loop {
            let at = now();
            while self.due() <= at && self.due() < end {
                self.send(swarm, typing, lateness)?;
            }
            if at >= end {
                return Ok(());
            }
            swarm.turn(self.due().min(end), typing)?;
        }
    }

    fn send(&mut self, swarm: &mut Swarm, typing: &mut Typing, lateness: &mut Histogram) -> Result<()> {
        let due = self.due();
        let socket = self.writers[self.at].1;
        let member = &typing.members[socket];
        let room = &mut typing.rooms[member.room];
        let Some(author) = member.author else { return Ok(()) };
        self.letter.clear();
        room.authors[author].letter(&mut self.letter);
        let head = protocol::sync(2, self.letter.len());
        swarm.send(socket, &[&room.prefix, &head, &self.letter])?;
        lateness.record(now().saturating_sub(due));
        if (typing.window.0..typing.window.1).contains(&due) {
            typing.expected += typing.per_room as u64 - 1;
        }
        typing.owe(socket, Some(due));
        self.at += 1;
        if self.at == self.writers.len() {
            self.at = 0;
            self.round += 1;
        }
        Ok(())
    }
}
