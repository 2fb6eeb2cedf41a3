//! What a seed decides before anything happens: who is there, how often what goes wrong.

use tandem_model::Limits;

use crate::client::{Intent, Speech};
use crate::dice::Dice;

/// One run's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Turns until everything calms down.
    pub turns: u64,
    pub documents: usize,
    pub people: Vec<Person>,
    pub limits: Limits,
    /// The longest pause between turns, in milliseconds.
    pub pause_ms: u64,
    /// Bytes that fit between server and client.
    pub room: usize,
    /// How often a connection moves its bytes, of a hundred.
    pub moves: u64,
    pub faults: Faults,
}

/// One client.
#[derive(Clone, Debug)]
pub struct Person {
    pub intent: Intent,
    pub speech: Speech,
    pub document: usize,
    /// Whose it is: tabs of one browser share a subject.
    pub subject: usize,
    /// Those with the same number pass edits on to one another beside the socket.
    pub tab: Option<usize>,
    pub present: bool,
    pub queues: bool,
    /// How long its tokens live, in seconds.
    pub token_s: Option<u64>,
}

/// How often something goes wrong in a turn, of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub cut: u64,
    pub slow_reader: u64,
    pub weather: u64,
    pub room: u64,
    pub panic: u64,
    pub journal: u64,
    pub supervisor: u64,
    pub session: u64,
    pub crash: u64,
    pub drain: u64,
    pub forge: u64,
    /// One of the next writes fails.
    pub write: u64,
    /// The journal panics in the middle of something.
    pub journal_panic: u64,
    /// A session panics at a frame.
    pub session_panic: u64,
    /// Nobody does anything for seconds, so that rooms go back to their keepers.
    pub lull: u64,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed, 1);
        let documents = if dice.percent(80) { 1 } else { 2 };
        let people = dice.between(2, 6);
        let tabs = dice.percent(35);
        let people = (0..people)
            .map(|at| {
                let intent = match dice.below(10) {
                    // The first two always edit.
                    _ if at < 2 => Intent::Honest,
                    0 => Intent::Reader,
                    1 => Intent::Intruder,
                    _ => Intent::Honest,
                };
                let at = usize::try_from(at).expect("a few");
                let tab = (tabs && intent == Intent::Honest && dice.percent(60)).then(|| dice.place(2));
                Person {
                    intent,
                    speech: if dice.percent(50) { Speech::YSync } else { Speech::Hocuspocus },
                    document: dice.place(documents),
                    subject: tab.filter(|_| dice.percent(60)).unwrap_or(at + 2),
                    tab,
                    present: tab.is_some() || dice.percent(80),
                    queues: dice.percent(40),
                    token_s: dice.percent(15).then(|| dice.between(5, 90)),
                }
            })
            .collect();
        let limits = Limits {
            outbox_bytes: if dice.percent(30) { dice.between(64, 1024) } else { 1 << 20 },
            room_idle_seconds: dice.between(1, 10),
            compact_rows: dice.between(5, 60),
            compact_bytes: dice.between(200, 8000),
            ..Limits::default()
        };
        let mut faults = Faults::default();
        let rates = [
            (&mut faults.cut, 75, 60),
            (&mut faults.slow_reader, 30, 30),
            (&mut faults.weather, 60, 40),
            (&mut faults.room, 40, 15),
            (&mut faults.panic, 30, 10),
            (&mut faults.journal, 30, 10),
            (&mut faults.supervisor, 10, 6),
            (&mut faults.session, 20, 10),
            (&mut faults.crash, 20, 6),
            (&mut faults.drain, 15, 4),
        ];
        for (rate, often, most) in rates {
            *rate = if dice.percent(often) { dice.between(1, most) } else { 0 };
        }
        let mut plan = Self {
            seed,
            turns: dice.between(60, 300),
            documents,
            people,
            limits,
            pause_ms: dice.pick(&[0, 5, 40, 400]),
            room: if dice.percent(30) { 512 } else { 64 * 1024 },
            moves: dice.between(20, 90),
            faults,
        };
        // Streams of their own: what was decided before stays what it is.
        let dice = &mut Dice::new(seed, 10);
        let Faults { write, journal_panic, session_panic, .. } = &mut plan.faults;
        for (rate, often, most) in [(write, 40, 60), (journal_panic, 20, 6), (session_panic, 20, 10)] {
            *rate = if dice.percent(often) { dice.between(1, most) } else { 0 };
        }
        tighten(&mut plan.limits, &mut Dice::new(seed, 11));
        let dice = &mut Dice::new(seed, 12);
        plan.limits.room_sleep_seconds = dice.between(1, 4);
        plan.limits.room_keep_messages = dice.pick(&[0, 3, 100]);
        plan.faults.lull = if dice.percent(50) { dice.between(5, 40) } else { 0 };
        if Dice::new(seed, 9).percent(15) { plan.with_a_forger() } else { plan }
    }

    /// A plan in which nothing goes wrong: three people on two documents, and now and then a compaction.
    pub fn steady() -> Self {
        let person = |at: usize, speech, document| Person {
            intent: Intent::Honest,
            speech,
            document,
            subject: at,
            tab: None,
            present: true,
            queues: true,
            token_s: None,
        };
        Self {
            seed: 0,
            turns: 80,
            documents: 2,
            people: vec![
                person(0, Speech::Hocuspocus, 0),
                person(1, Speech::YSync, 0),
                person(2, Speech::Hocuspocus, 1),
            ],
            limits: Limits { compact_rows: 5, compact_bytes: 200, ..Limits::default() },
            pause_ms: 100,
            room: 64 * 1024,
            moves: 80,
            faults: Faults::default(),
        }
    }

    /// The last of the people forges. An author who is away, silent for five seconds or gone with its room cannot deny
    /// what is forged, so nothing breaks in such a plan but the journal, and nobody is slow.
    fn with_a_forger(mut self) -> Self {
        if self.people.len() < 3 {
            let last = self.people.last().cloned().expect("there are two at least");
            self.people.push(Person { subject: last.subject + 1, ..last });
        }
        for (at, person) in self.people.iter_mut().enumerate() {
            let subject = at + 2;
            *person = Person {
                subject,
                tab: None,
                present: true,
                queues: false,
                token_s: None,
                document: 0,
                ..person.clone()
            };
        }
        self.people.last_mut().expect("there are three").intent = Intent::Forger;
        self.documents = 1;
        self.pause_ms = self.pause_ms.min(40);
        self.room = 64 * 1024;
        self.moves = self.moves.max(60);
        self.limits.outbox_bytes = 1 << 20;
        let Faults { weather, journal, write, journal_panic, .. } = self.faults;
        self.faults = Faults { weather, journal, write, journal_panic, forge: 60, ..Faults::default() };
        self
    }
}

/// Makes bounds so low, now and then, that they are reached: then edits wait, and nobody is read.
fn tighten(limits: &mut Limits, dice: &mut Dice) {
    if dice.percent(20) {
        limits.journal_bytes = dice.between(100, 2_000);
    }
    if dice.percent(20) {
        limits.journal_room_bytes = dice.between(50, 1_000);
    }
    if dice.percent(30) {
        limits.commit_milliseconds = dice.pick(&[0, 1, 100]);
    }
    if dice.percent(30) {
        limits.gather_milliseconds = dice.pick(&[0, 1, 20]);
    }
}
