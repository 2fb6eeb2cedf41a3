//! The world: every turn somebody does something, some bytes move, something may break.

use std::time::Duration;

use tandem_model::{DocumentName, WallClock};
use tokio::time::Instant;

use crate::authority::token;
use crate::client::{Client, Event, Intent, Speech};
use crate::dice::Dice;
use crate::ledger::{FORGED, Ledger};
use crate::log::{Failure, StormyLog, Weather};
use crate::node::{self, Fuse, Part, Server};
use crate::pipe::ClientEnd;
use crate::plan::{Person, Plan};
use crate::replica::Replica;
use crate::story::Story;

/// One run.
pub struct World {
    pub plan: Plan,
    pub server: Server,
    pub ledger: Ledger,
    pub story: Story,
    pub people: Vec<Somebody>,
    /// Sockets that their clients gave up without a word, and when they end.
    lingering: Vec<(ClientEnd, Instant)>,
    dice: Dice,
    /// A stream of its own: what was decided before there were lulls stays what it is.
    lulls: Dice,
    kills: u64,
    /// Rooms that were kept when a lull began or ended, and those that had an actor of their own.
    pub kept: u64,
    pub risen: u64,
}

/// A client and its circumstances.
pub struct Somebody {
    pub client: Client,
    pub person: Person,
    /// When it comes back, while it is away; `None` while it has no reason to.
    pub back_at: Option<Instant>,
    /// Until when it reads nothing.
    deaf_until: Option<Instant>,
}

impl World {
    /// Sets the world up.
    pub async fn begin(plan: Plan, aloud: bool) -> Self {
        let story = Story::begin(aloud);
        let ledger = Ledger::new(story.clone());
        let log = StormyLog::new(Dice::new(plan.seed, 2), ledger.clone(), story.clone());
        let server = Server::start(log, plan.limits.clone()).await;
        node::panic_no_more();
        story.tell(format_args!("{plan:?}"), &[]);
        let (mut dice, lulls) = (Dice::new(plan.seed, 3), Dice::new(plan.seed, 13));
        let mut people = Vec::new();
        for (at, person) in plan.people.iter().enumerate() {
            let id = (dice.below(1 << 15) << 4) + at as u64 + 1;
            if matches!(person.intent, Intent::Reader | Intent::Intruder) {
                ledger.bar(id);
            }
            people.push(Somebody {
                client: client(at, id, person),
                person: person.clone(),
                back_at: Some(Instant::now() + dice.millis(500)),
                deaf_until: None,
            });
        }
        Self { plan, server, ledger, story, people, lingering: Vec::new(), dice, lulls, kills: 0, kept: 0, risen: 0 }
    }

    /// All turns.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub async fn storm(&mut self) -> Result<(), String> {
        for _ in 0..self.plan.turns {
            self.act().await;
            self.break_something().await;
            self.come_back();
            let moves = self.plan.moves;
            self.move_bytes(moves);
            if self.dice.percent(60) {
                for _ in 0..self.dice.below(5) {
                    tokio::task::yield_now().await;
                }
            } else {
                tokio::time::sleep(self.dice.millis(self.plan.pause_ms)).await;
            }
            self.story.verdict()?;
        }
        Ok(())
    }

    async fn act(&mut self) {
        let at = self.dice.place(self.people.len());
        let dice = &mut self.dice;
        let somebody = &mut self.people[at];
        let client = &mut somebody.client;
        let connected = client.connection.as_ref().is_some_and(|connection| !connection.parted);
        match dice.below(100) {
            0..=54 => self.edit(at),
            55..=64 if connected && client.presence.is_some() => {
                if let Some((clock, state)) = &mut client.presence {
                    *clock += 1;
                    *state = format!("{{\"at\":{clock}}}");
                }
                client.speak_up();
            }
            65..=68 if connected => client.force_sync(),
            69..=70 if connected => client.chatter(dice.percent(50)),
            71..=73 if connected && self.plan.faults.forge == 0 => {
                self.story.tell(format_args!("{} leaves", client.name), &[]);
                client.part();
            }
            74..=75 if client.intent == Intent::Reader && connected => {
                let deletions = client.replica.deletions();
                client.send(&deletions, false);
            }
            _ => {}
        }
    }

    fn edit(&mut self, at: usize) {
        let client = &mut self.people[at].client;
        if client.intent == Intent::Reader {
            return;
        }
        let Some(update) = client.replica.edit(&mut self.dice) else { return };
        self.story.tell(format_args!("{} edits", client.name), &update);
        client.bring(&update);
        self.pass_on(at);
    }

    /// What somebody edited reaches its other tabs beside the socket, and they bring it too.
    fn pass_on(&mut self, from: usize) {
        let Some(tab) = self.people[from].person.tab else { return };
        let document = self.people[from].person.document;
        for to in 0..self.people.len() {
            let person = &self.people[to].person;
            if to == from || person.tab != Some(tab) || person.document != document || self.dice.percent(20) {
                continue;
            }
            let vector = self.people[to].client.replica.vector();
            let update = self.people[from].client.replica.difference(&vector);
            let mate = &mut self.people[to].client;
            self.story.tell(format_args!("{} passes it on", mate.name), &update);
            if let Err(error) = mate.replica.apply(&update) {
                self.story.broken(format_args!("between tabs: {error}"));
            }
            mate.bring(&update);
        }
    }

    async fn break_something(&mut self) {
        let faults = self.plan.faults;
        if self.lulls.permille(faults.lull) {
            self.lull().await;
        }
        if self.dice.permille(faults.forge) {
            self.forge();
        }
        if self.dice.permille(faults.cut) {
            self.cut();
        }
        if self.dice.permille(faults.slow_reader) {
            let at = self.dice.place(self.people.len());
            self.people[at].deaf_until = Some(Instant::now() + self.dice.millis(15_000));
        }
        if self.dice.permille(faults.weather) {
            let weather = Weather {
                slow_ms: self.dice.pick(&[0, 10, 200, 2000]),
                appends_fail: self.dice.pick(&[0, 0, 20, 60, 95]),
                others_fail: self.dice.pick(&[0, 0, 0, 20]),
                others_write: self.dice.pick(&[0, 0, 10, 60]),
            };
            self.story.tell(format_args!("{weather:?}"), &[]);
            self.server.log().weather(weather);
        }
        if self.dice.permille(faults.panic) {
            self.panic_soon(Fuse::Room);
        }
        if self.dice.permille(faults.session_panic) {
            self.panic_soon(Fuse::Session);
        }
        if self.dice.permille(faults.room) {
            let at = self.dice.next();
            let did = self.server.kill_one(Part::Rooms, at);
            self.story.tell(format_args!("a room is killed: {did}"), &[]);
        }
        if self.dice.permille(faults.session) {
            let at = self.dice.next();
            let did = self.server.kill_one(Part::Sessions, at);
            self.story.tell(format_args!("a session is killed: {did}"), &[]);
        }
        // Root gives up after ten of one kind in a minute.
        if self.dice.permille(faults.journal_panic) && self.kills < 8 {
            self.kills += 1;
            self.panic_soon(Fuse::Journal);
        }
        if self.dice.permille(faults.write) && self.kills < 8 {
            let failure = self.dice.pick(&Failure::ALL);
            self.kills += u64::from(failure == Failure::Panics);
            let n = self.dice.between(1, 4);
            self.story.tell(format_args!("write {n} from now: {failure:?}"), &[]);
            self.server.log().fail_write(n, failure);
        }
        if self.dice.permille(faults.journal) && self.kills < 8 {
            self.kills += 1;
            let did = self.server.kill(Part::Journal);
            self.story.tell(format_args!("the journal is killed: {did}"), &[]);
        }
        if self.dice.permille(faults.supervisor) && self.kills < 8 {
            self.kills += 1;
            let part = self.dice.pick(&[Part::Rooms, Part::Sessions, Part::Jobs]);
            let did = self.server.kill(part);
            self.story.tell(format_args!("{part:?} is killed: {did}"), &[]);
        }
        if self.dice.permille(faults.crash) {
            self.story.tell("the node crashes", &[]);
            self.server.crash().await;
        }
        if self.dice.permille(faults.drain) {
            self.story.tell("the node drains", &[]);
            let late = self.drain().await;
            self.story.tell(format_args!("drained, late: {late:?}"), &[]);
        }
    }

    /// Bytes move until there are none, and then nothing does for a while.
    async fn lull(&mut self) {
        let until = Instant::now() + Duration::from_secs(4) + self.lulls.millis(16_000);
        self.story.tell("a lull", &[]);
        self.look().await;
        while Instant::now() < until {
            self.come_back();
            self.move_bytes(100);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        self.look().await;
    }

    async fn look(&mut self) {
        let (kept, risen) = self.server.rooms().await;
        self.kept += kept;
        self.risen += risen;
    }

    fn panic_soon(&mut self, fuse: Fuse) {
        let times = u32::try_from(self.dice.below(5)).expect("a few");
        self.story.tell(format_args!("{fuse:?} panics at its time {times} from now"), &[]);
        node::panic_after(fuse, times);
    }

    /// Writes what its victim would write next, under the victim's id. The victim is there, and known to be.
    fn forge(&mut self) {
        let Some(forger) = self.people.iter().position(|one| one.client.intent == Intent::Forger) else { return };
        let victim = self.dice.place(forger);
        let (id, victim) = (self.people[victim].client.replica.id, &self.people[victim].client);
        let known = self.people[forger].client.others.get(&id).is_some_and(|(_, here)| *here);
        let client = &self.people[forger].client;
        let synced = |client: &Client| client.connection.as_ref().is_some_and(|one| one.synced && !one.parted);
        if !known || victim.intent != Intent::Honest || !synced(victim) || !synced(client) {
            return;
        }
        let mask = Replica::new(id);
        if let Err(error) = mask.apply(&client.replica.whole()) {
            return self.story.broken(format_args!("a forger's copy: {error}"));
        }
        let forged = mask.write(FORGED, &mut self.dice);
        let client = &mut self.people[forger].client;
        self.story.tell(format_args!("{} forges", client.name), &forged);
        client.send(&forged, true);
        client.forged = Some(forged);
    }

    /// Drains while bytes still move.
    async fn drain(&mut self) -> Option<String> {
        self.server.drain(Duration::from_secs(20)).await
    }

    /// Ends somebody's connection in one of the ways that connections end.
    fn cut(&mut self) {
        let at = self.dice.place(self.people.len());
        let Somebody { client, back_at, .. } = &mut self.people[at];
        let Some(mut connection) = client.connection.take() else { return };
        // Anything that was on its way may have arrived, also half a frame.
        let most = self.dice.place(connection.outgoing.len() + 1);
        let out = connection.leaving(most);
        let end = connection.end;
        end.give(&out);
        let way = self.dice.below(3);
        self.story.tell(format_args!("{} is cut ({way})", client.name), &[]);
        match way {
            0 => end.end(),
            1 => end.reset(),
            _ => self.lingering.push((end, Instant::now() + self.dice.millis(60_000))),
        }
        *back_at = Some(Instant::now() + self.dice.millis(self.dice.clone().pick(&[0, 100, 3_000, 20_000])));
    }

    fn come_back(&mut self) {
        let now = Instant::now();
        self.lingering.retain(|(end, until)| {
            if *until <= now {
                end.reset();
            }
            *until > now
        });
        for at in 0..self.people.len() {
            if self.people[at].back_at.is_some_and(|back| back <= now) {
                self.people[at].back_at = None;
                self.connect(at);
            }
        }
    }

    fn connect(&mut self, at: usize) {
        let Somebody { client, person, .. } = &mut self.people[at];
        let token = fresh_token(client, person, self.server.clock());
        if let Some(connection) = &client.connection {
            if connection.denied {
                self.story.tell(format_args!("{} authenticates again", client.name), &[]);
                client.authenticate(&token);
            }
            return;
        }
        self.story.tell(format_args!("{} connects", client.name), &[]);
        client.open(self.server.connect(self.plan.room, client.speech, &client.document, &token), &token);
    }

    /// Everybody reads again, and nobody stays away for long.
    pub fn everybody_listens(&mut self) {
        for one in &mut self.people {
            one.deaf_until = None;
        }
    }

    /// Whoever is away comes back within a second.
    pub fn come_back_soon(&mut self) {
        let soon = Instant::now() + Duration::from_secs(1);
        for one in &mut self.people {
            let away = one.client.connection.as_ref().is_none_or(|connection| connection.denied);
            if away {
                one.back_at = Some(one.back_at.map_or(soon, |back| back.min(soon)));
            }
        }
        self.come_back();
    }

    /// Moves bytes of connections, each as often as it does of a hundred.
    pub fn move_bytes(&mut self, often: u64) {
        let now = Instant::now();
        for at in 0..self.people.len() {
            if !self.dice.percent(often) {
                continue;
            }
            let deaf = self.people[at].deaf_until.is_some_and(|until| until > now);
            let most = if self.dice.percent(30) { self.dice.place(200) + 1 } else { usize::MAX };
            let Some(connection) = &mut self.people[at].client.connection else { continue };
            let out = connection.leaving(most);
            connection.end.give(&out);
            let came = if deaf { Vec::new() } else { connection.end.take(most) };
            let over = connection.end.is_over();
            let name = &self.people[at].client.name;
            if !out.is_empty() {
                self.story.tell(format_args!("{name} →"), &out);
            }
            if !came.is_empty() {
                self.story.tell(format_args!("{name} ←"), &came);
            }
            for event in self.people[at].client.hear(&came) {
                self.event(at, event);
            }
            if over && self.people[at].client.connection.take().is_some() {
                self.story.tell(format_args!("{}'s socket ended", self.people[at].client.name), &[]);
                self.later(at, 1_000);
            }
        }
    }

    /// Somebody comes back after at most so many milliseconds.
    fn later(&mut self, at: usize, most_ms: u64) {
        let back = Instant::now() + Duration::from_millis(100) + self.dice.millis(most_ms);
        self.people[at].back_at.get_or_insert(back);
    }

    fn event(&mut self, at: usize, event: Event) {
        let number = self.server.log().number(&self.people[at].client.document);
        let Somebody { client, person, .. } = &mut self.people[at];
        let name = client.name.clone();
        match event {
            Event::Saved(claim) => {
                if let Some(lacking) = self.ledger.lacks(number, &claim) {
                    self.story.broken(format_args!("{name} was told saved what is not durable: {lacking}"));
                }
            }
            Event::Refused(reason) => self.story.broken(format_args!("{name} is honest and was refused: {reason}")),
            Event::Broken(what) => self.story.broken(format_args!("{name} was sent {what}")),
            Event::TokenWanted => {
                let token = fresh_token(client, person, self.server.clock());
                if self.dice.percent(70) {
                    client.refresh(&token);
                }
            }
            Event::Denied(reason) => {
                if reason != "token-expired" || person.token_s.is_none() {
                    self.story.broken(format_args!("{name} was denied: {reason}"));
                }
                self.later(at, 3_000);
            }
            Event::Closed(code) => {
                self.story.tell(format_args!("{name} is closed with {code}"), &[]);
                let expired = code == 4401 && person.token_s.is_some();
                // Its document was down for so long that its socket is given up; its provider comes back.
                let late = code == 4408 && person.speech == Speech::Hocuspocus;
                if (4400..4500).contains(&code) && !expired && !late {
                    self.story.broken(format_args!("{name} was closed for good: {code}"));
                }
            }
        }
    }
}

fn client(at: usize, id: u64, person: &Person) -> Client {
    Client {
        name: format!("{}{at}", if person.speech == Speech::YSync { "y" } else { "h" }),
        subject: format!("s{}", person.subject),
        intent: person.intent,
        speech: person.speech,
        document: DocumentName::new(&format!("d{}", person.document)).expect("a name"),
        replica: Replica::new(id),
        connection: None,
        presence: person.present.then(|| (1, "{}".to_owned())),
        others: Default::default(),
        queue: Vec::new(),
        queues: person.queues,
        unsynced: 0,
        acknowledged: Default::default(),
        forged: None,
    }
}

fn fresh_token(client: &Client, person: &Person, clock: &dyn WallClock) -> String {
    let until = person.token_s.map(|seconds| clock.now() + Duration::from_secs(seconds));
    token(&client.subject, client.right(), until)
}
