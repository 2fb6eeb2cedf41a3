//! Bodies that a fuzzer calls with any bytes: a room with people in it, and the rows of the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ractor::ActorId;
use tandem_model::log::{Document, Loaded, Row};
use tandem_model::{DocumentId, DocumentName, Epoch, Limits, Right, Seq, Subject};
use tandem_protocol::{Sync, ysync};
use tandem_yjs::lib0::Reader;
use tandem_yjs::{Collect, Index, IndexLimits, StateVector, Update, Verdict};
use tokio::time::Instant;

use super::command::{Command, Join, Step1};
use super::core::Room;
use super::loading::{self, Snapshots};
use super::notice::{Inbox, Notice};
use super::outbox::{MemberId, Taken};
use crate::dialect::Dialect;
use crate::journal::{Found, Target};
use crate::row::{Contribution, decode_row, decode_snapshot, encode_row, encode_snapshot, has_outline};
use crate::session::flight::Flights;
use crate::session::gate::{Answer, Attempt, Entry, Fate, Question};
use crate::session::wake::{Bell, Wake};

/// People in the fuzzed room: a reader who follows, two editors of one subject and another, a viewer.
const PEOPLE: [(&str, Right); 4] =
    [("reader", Right::Viewer), ("ann", Right::Editor), ("bob", Right::Editor), ("eve", Right::Viewer)];

/// The ring is so small that inputs lap it.
const OUTBOX_BYTES: u64 = 512;

/// Questions after which whoever goes on asking is a finding.
const QUESTIONS_MAX: usize = 1_000;

/// Lets people do to a room what the bytes say, and asserts that the room stays consistent, that a reader who follows
/// has all of it without a gap, that nothing is called durable before its commit, that viewers change nothing, that
/// each edit has its fate in the end, and that the log gives the same document again.
///
/// An action is a byte for who, a byte for what, and bytes behind their length.
///
/// # Panics
/// When it is not so.
pub fn fuzz_room(data: &[u8]) {
    let mut scene = Scene::new();
    let mut rest = data;
    while let Some((who, what, bytes)) = action(&mut rest) {
        scene.act(who, what, bytes);
        scene.follow();
    }
    scene.end();
}

/// Reads the bytes as a row and as a snapshot of the log; what can be read is written and read again as the same, and
/// loads or is called unreadable.
///
/// # Panics
/// When it is not so.
pub fn fuzz_rows(data: &[u8]) {
    let payload = summed(data);
    let mut loaded = Loaded { document: document(1), snapshot: None, rows: Vec::new() };
    if let Ok(row) = decode_row(&payload) {
        assert_eq!(decode_row(&encode_row(&row)).as_ref(), Ok(&row));
        loaded.rows.push(Row { seq: Seq(1), payload });
    } else if let Ok(snapshot) = decode_snapshot(&payload) {
        if let Some(outline) = &snapshot.outline {
            let written = encode_snapshot(&snapshot.owners, outline, &snapshot.update);
            assert_eq!(decode_snapshot(&written).as_ref(), Ok(&snapshot));
        }
        loaded.snapshot = Some(Row { seq: Seq(1), payload });
    }
    for snapshots in [Snapshots::Restored, Snapshots::Admitted] {
        if let Ok(content) = loading::read(&loaded, snapshots, IndexLimits::NONE) {
            content.index.check_invariants();
        }
    }
}

/// The bytes with the checksum that they would have as a snapshot: else next to none would be read as one.
fn summed(data: &[u8]) -> Bytes {
    let mut bytes = data.to_vec();
    if has_outline(&bytes)
        && let Some((sum, rest)) = bytes[1..].split_first_chunk_mut::<4>()
    {
        *sum = crc32fast::hash(rest).to_le_bytes();
    }
    bytes.into()
}

fn action<'a>(rest: &mut &'a [u8]) -> Option<(usize, u8, &'a [u8])> {
    let [who, what, ..] = **rest else { return None };
    let mut reader = Reader::new(&rest[2..]);
    let length = usize::try_from(reader.var_uint().ok()?).ok()?;
    let from = 2 + reader.position();
    let to = from.saturating_add(length).min(rest.len());
    let bytes = &rest[from..to];
    *rest = &rest[to..];
    Some((usize::from(who), what, bytes))
}

fn document(head: i64) -> Document {
    let name = DocumentName::new("fuzzed").expect("a name");
    Document { id: DocumentId(1), name, epoch: Epoch(0), head: Seq(head), deleted: false, tombstone: Bytes::new() }
}

/// Somebody in the room.
struct Person {
    subject: Subject,
    right: Right,
    member: MemberId,
    attempt: Attempt,
    inbox: Arc<Inbox>,
    entries: u64,
    /// The edits without a fate; whether each may wait without end, as deletions of a viewer's do that nobody else brings.
    owed: BTreeMap<Entry, bool>,
    questions: VecDeque<Question>,
    steps: u64,
}

struct Scene {
    room: Box<Room>,
    people: Vec<Person>,
    flights: Arc<Flights>,
    wake: Arc<Wake>,
    now: Instant,
    /// What the reader has.
    mirror: Index,
    rows: Vec<Row>,
    pending: Vec<Contribution>,
    asked: usize,
    /// What is heard now was told by a commit.
    committing: bool,
}

impl Scene {
    fn new() -> Self {
        let limits = Limits { outbox_bytes: OUTBOX_BYTES, ..Limits::default() };
        let name = DocumentName::new("fuzzed").expect("a name");
        let room = loading::room(name, &Found::Nothing(None), Arc::new(limits)).expect("an empty room");
        let wake = Arc::new(Wake::default());
        let mut scene = Self {
            room,
            people: Vec::new(),
            flights: Flights::new(wake.clone()),
            wake,
            now: Instant::now(),
            mirror: Index::new(Collect::Collected, IndexLimits::NONE),
            rows: Vec::new(),
            pending: Vec::new(),
            asked: 0,
            committing: false,
        };
        for (subject, right) in PEOPLE {
            let person = scene.join(Subject::new(subject), right, Attempt(1));
            scene.people.push(person);
        }
        scene.step1(0, &[0]);
        scene.follow();
        scene
    }

    fn join(&mut self, subject: Subject, right: Right, attempt: Attempt) -> Person {
        let inbox = Arc::new(Inbox::new(Arc::new(Bell::new(self.wake.clone(), 0))));
        let join =
            Join { subject: subject.clone(), right, attempt, inbox: inbox.clone(), asked_at_once: false, again: None };
        let member = self.room.join(join, self.now);
        let (owed, questions) = (BTreeMap::new(), VecDeque::new());
        Person { subject, right, member, attempt, inbox, entries: 0, owed, questions, steps: 0 }
    }

    fn act(&mut self, who: usize, what: u8, bytes: &[u8]) {
        let who = who % self.people.len();
        let before = self.room.index().state_vector().clone();
        match what % 12 {
            0..=3 => self.update(who, bytes),
            4 => self.step2(who, bytes),
            5 => self.step1(who, bytes),
            6 => self.command(who, Command::Awareness(Bytes::copy_from_slice(bytes))),
            7 => self.pass(bytes.first().copied().unwrap_or_default()),
            8 => self.commit(),
            9 if who > 0 => self.come_back(who),
            10 if who > 0 => self.right(who, bytes.first().copied().unwrap_or_default()),
            _ => self.command(who, Command::QueryAwareness),
        }
        self.room.index().check_invariants();
        if !self.people[who].right.may_edit() {
            assert_eq!(*self.room.index().state_vector(), before, "a viewer changed the document");
        }
    }

    fn command(&mut self, who: usize, command: Command) {
        let flight = self.flights.start(None);
        self.room.commands(self.people[who].member, vec![(command, flight)], self.now);
    }

    fn owe(&mut self, who: usize, bytes: &[u8]) -> Entry {
        let known = self.room.index().state_vector();
        let repeats = |update: Update<'_>| update.clients().all(|(client, _, end)| end <= known.get(client));
        let person = &mut self.people[who];
        let entry = Entry(person.entries);
        person.entries += 1;
        let may_wait = !person.right.may_edit() && Update::decode(bytes).is_ok_and(repeats);
        person.owed.insert(entry, may_wait);
        entry
    }

    fn update(&mut self, who: usize, bytes: &[u8]) {
        let entry = self.owe(who, bytes);
        self.command(who, Command::Update { update: Bytes::copy_from_slice(bytes), entry: Some(entry) });
        self.hear(who);
    }

    fn step2(&mut self, who: usize, bytes: &[u8]) {
        let question = self.people[who].questions.pop_front();
        let attempt = question.map(|_| self.people[who].attempt);
        let entry = (question != Some(Question::Missing)).then(|| self.owe(who, bytes));
        let answer = Answer { entry, attempt };
        self.command(who, Command::Step2 { update: Bytes::copy_from_slice(bytes), answer });
    }

    fn step1(&mut self, who: usize, vector: &[u8]) {
        let person = &mut self.people[who];
        person.steps += 1;
        let step1 = Step1 { vector: Bytes::copy_from_slice(vector), ask: true, number: person.steps };
        self.command(who, Command::Step1(step1));
    }

    fn pass(&mut self, seconds: u8) {
        self.now += Duration::from_millis(u64::from(seconds) * 100 + 1);
        self.room.tick(self.now);
    }

    /// One commit: what is appended becomes one row.
    fn commit(&mut self) {
        let mut newest = None;
        for pending in self.room.uncommitted.hand_over(ActorId::Local(1)) {
            newest = Some(pending.number);
            self.pending.push(pending.contribution.clone());
        }
        let Some(newest) = newest else { return };
        let seq = Seq(i64::try_from(self.rows.len()).unwrap_or(i64::MAX) + 1);
        let payload = encode_row(&std::mem::take(&mut self.pending));
        self.rows.push(Row { seq, payload });
        // What was told before is heard first.
        (0..self.people.len()).for_each(|who| self.hear(who));
        self.room.committed(newest, seq, Target { document: DocumentId(1), epoch: Epoch(0) });
        self.committing = true;
        (0..self.people.len()).for_each(|who| self.hear(who));
        self.committing = false;
    }

    fn come_back(&mut self, who: usize) {
        let (member, subject) = (self.people[who].member, self.people[who].subject.clone());
        self.room.leave(member, self.now);
        let (right, attempt) = (self.people[who].right, Attempt(self.people[who].attempt.0 + 1));
        self.people[who] = self.join(subject, right, attempt);
    }

    fn right(&mut self, who: usize, byte: u8) {
        let right = if byte.is_multiple_of(2) { Right::Viewer } else { Right::Editor };
        self.people[who].right = right;
        self.room.right_changed(self.people[who].member, right);
    }

    /// Everybody hears what they are told; the reader keeps up.
    fn follow(&mut self) {
        for who in 0..self.people.len() {
            self.hear(who);
        }
        let member = self.people[0].member;
        loop {
            let mut frames: Vec<Bytes> = Vec::new();
            let taken = self.room.outbox.take(member, &Dialect::YSync, usize::MAX, &mut frames);
            frames.iter().for_each(|frame| self.mirrors(frame));
            match taken {
                Taken::Lapped => {
                    self.room.catch_up(member);
                    self.hear(0);
                }
                Taken::All | Taken::More => break,
                Taken::Closed => panic!("the outbox is closed"),
            }
        }
        assert_eq!(self.mirror.state_vector(), self.room.index().state_vector(), "who follows has all");
    }

    fn hear(&mut self, who: usize) {
        let mut notices = VecDeque::new();
        self.people[who].inbox.take(false, &mut notices);
        for notice in notices {
            match notice {
                Notice::Ask(question, vector) => {
                    self.asked += 1;
                    assert!(StateVector::decode(&vector).is_ok());
                    self.people[who].questions.push_back(question);
                }
                Notice::Difference(update, _) | Notice::CaughtUp(update, _) if who == 0 => {
                    whole(&mut self.mirror, &update);
                }
                Notice::Settled(entry, fate) => {
                    // A second fate is ignored by the gate.
                    let first = self.people[who].owed.remove(&entry).is_some();
                    let early = !self.room.uncommitted.is_empty() && !self.committing;
                    assert!(!first || fate == Fate::Refused || !early, "called durable before its commit");
                }
                _ => {}
            }
        }
    }

    fn mirrors(&mut self, frame: &[u8]) {
        let length = frame[1] & 127;
        let head = match length {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        if let Ok(ysync::Message::Sync(Sync::Update(update))) = ysync::decode(&frame[head..]) {
            whole(&mut self.mirror, update);
        }
    }

    /// Everybody answers all questions with nothing, and everything is committed: each edit has its fate then, and the log
    /// gives the same document.
    fn end(mut self) {
        for _ in 0..40 {
            for who in 0..self.people.len() {
                while !self.people[who].questions.is_empty() {
                    self.step2(who, &[0, 0]);
                    self.hear(who);
                    assert!(self.asked < QUESTIONS_MAX, "asked without end");
                }
            }
            self.pass(255);
            self.commit();
            self.follow();
        }
        for person in &self.people {
            let waits = person.owed.values().all(|may_wait| *may_wait);
            assert!(waits, "{:?} of {} have no fate", person.owed, person.subject.as_str());
        }
        let head = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let loaded = Loaded { document: document(head), snapshot: None, rows: self.rows };
        let content = match loading::read(&loaded, Snapshots::Restored, IndexLimits::NONE) {
            Ok(content) => content,
            Err(error) => panic!("what was stored cannot be read: {error}"),
        };
        let encoded = self.room.index().encode();
        let held = Update::decode(&encoded).expect("the document is sound");
        assert_eq!(content.index.state_vector(), self.room.index().state_vector());
        assert!(content.index.holds(&held), "the log holds all deletions");
    }
}

/// A Yjs would take it without pending structs.
fn whole(index: &mut Index, bytes: &[u8]) {
    let update = match Update::decode(bytes) {
        Ok(update) => update,
        Err(refusal) => panic!("what is sent is refused: {refusal}"),
    };
    let admission = index.admit(&update, &mut |_| Verdict::Take);
    assert!(
        admission.missing.is_none() && admission.refused.is_none(),
        "what is sent is not taken whole: {admission:?}"
    );
}
