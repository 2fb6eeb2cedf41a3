//! One session's membership of a room, and the rule for what it brings while something is missing.
//!
//! What is missing is asked for, never stored: what can be taken of an update is taken at once, the rest is thrown
//! away, and the session is *behind* until an answer closes the gap.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tandem_model::{ClientId, Id, Right, Subject};
use tandem_yjs::StateVector;
use tokio::time::Instant;

use super::command::Step1;
use super::notice::{Inbox, Notice};
use super::outbox::MemberId;
use crate::session::gate::{Attempt, Entry, Question};
use crate::short::Micros;

/// After this many answers that leave the gap open, what waits is decided.
pub const ANSWERS_MAX: u32 = 3;

/// The longest time between an answer and the next question.
pub const ASK_EVERY_MAX: Duration = Duration::from_secs(10);

/// Presence goes to a new member after its first SyncStep2, or after this long.
pub const PRESENT_AFTER: Duration = Duration::from_secs(1);

/// Updates of a viewer with deletions only that wait until the document holds them; beyond, the oldest are refused.
pub const DERIVED_MAX: usize = 100;

/// Bytes of them.
pub const DERIVED_BYTES_MAX: usize = 1 << 16;

/// How long a viewer's edits wait for their author to bring them.
pub const AUTHOR_WITHIN: Duration = Duration::from_secs(60);

/// One membership.
#[derive(Debug)]
pub struct Member {
    /// Its name in this room.
    pub id: MemberId,
    /// Who it is.
    pub subject: Subject,
    /// What it may do.
    pub right: Right,
    /// Which of its session's joins this is.
    pub attempt: Attempt,
    /// Where it is told things.
    pub inbox: Arc<Inbox>,
    /// When it joined.
    pub joined: Instant,
    /// The Yjs client id that it is bound to.
    pub bound: Option<ClientId>,
    /// To how many it was.
    pub binds: u32,
    /// Whether it was sent presence: what it says before is its own.
    pub present: bool,
    /// Whether it sent an Awareness message yet.
    pub heard: bool,
    /// Whether it has read a difference and follows the outbox.
    pub following: bool,
    /// Whether the next answer to its SyncStep1 goes with a question of ours.
    pub ask_with_answer: bool,
    /// Deletions of a viewer that the document does not hold yet.
    pub derived: Vec<(Entry, Bytes)>,
    /// Its SyncStep1 pacing.
    pub steps: Steps,
    /// The edits that wait for an answer.
    pub waiting: Vec<Waiting>,
    /// Boxed: nearly nobody is.
    behind: Option<Box<Behind>>,
    /// Since when a viewer waits for an author.
    pub waits_for_author: Option<Instant>,
    /// Questions that were sent, and answers that came: they come in order.
    asked: u32,
    answered: u32,
}

/// An edit that is not wholly storable yet.
#[derive(Debug)]
pub struct Waiting {
    /// Its place in the gate; `None` where the client counts nothing.
    pub entry: Option<Entry>,
    /// What the document has to cover; `None` for what a panicked room left undecided.
    pub ends: Option<StateVector>,
    /// Part of it was refused for good.
    pub refused: bool,
}

#[derive(Debug)]
struct Behind {
    missing: Id,
    answers: u32,
    ask_at: Option<Instant>,
}

/// SyncStep1 pacing: so many a second are answered at once, a faster one waits and the newest replaces it.
#[derive(Debug)]
pub struct Steps {
    apart: Micros,
    answered: Option<Instant>,
    /// Boxed: nearly nobody has one.
    waiting: Option<Box<Step1>>,
}

impl Member {
    /// A new membership.
    #[must_use]
    pub fn new(
        id: MemberId,
        subject: Subject,
        right: Right,
        attempt: Attempt,
        inbox: Arc<Inbox>,
        steps_apart: Duration,
        now: Instant,
    ) -> Self {
        Self {
            id,
            subject,
            right,
            attempt,
            inbox,
            joined: now,
            bound: None,
            binds: 0,
            present: false,
            heard: false,
            following: false,
            ask_with_answer: false,
            derived: Vec::new(),
            steps: Steps::new(steps_apart),
            waiting: Vec::new(),
            behind: None,
            waits_for_author: None,
            asked: 0,
            answered: 0,
        }
    }

    /// Sends SyncStep1 with the document's state vector. Returns which question it is.
    pub fn ask(&mut self, question: Question, vector: Bytes) -> u32 {
        self.asked += 1;
        if let Some(behind) = &mut self.behind {
            behind.ask_at = None;
        }
        self.inbox.push(Notice::Ask(question, vector));
        self.asked
    }

    /// Notes that something is missing at `now`. Returns whether to ask at once: one question is open at a time.
    pub fn miss(&mut self, missing: Id) -> bool {
        match &mut self.behind {
            Some(_) => false,
            none => {
                *none = Some(Box::new(Behind { missing, answers: 0, ask_at: None }));
                self.has_no_open_question()
            }
        }
    }

    /// An answer came: one question less is open.
    pub fn answer(&mut self) {
        self.answered = (self.answered + 1).min(self.asked);
    }

    /// How many of its questions are answered.
    #[must_use]
    pub fn answered(&self) -> u32 {
        self.answered
    }

    /// Nothing is missed any more, or is given up.
    pub fn caught_up(&mut self) {
        self.behind = None;
        self.waits_for_author = None;
    }

    /// The answer left a gap open at `missing`. Returns whether it is time to decide what waits: the same gap was left
    /// open often enough.
    pub fn still_missing(&mut self, missing: Id, now: Instant) -> bool {
        let same = self.behind.as_ref().filter(|behind| behind.missing == missing);
        let answers = same.map_or(0, |behind| behind.answers) + 1;
        let wait = Duration::from_secs(1 << (answers - 1).min(4)).min(ASK_EVERY_MAX);
        let wait = if answers >= ANSWERS_MAX { ASK_EVERY_MAX } else { wait };
        self.behind = Some(Box::new(Behind { missing, answers, ask_at: Some(now + wait) }));
        answers >= ANSWERS_MAX
    }

    /// Whether the last answer was the one that decided what waits.
    #[must_use]
    pub fn has_just_failed(&self) -> bool {
        self.behind.as_ref().is_some_and(|behind| behind.answers == ANSWERS_MAX)
    }

    /// The answer was taken but for structs of a live author, who was asked for them: no answer counts as failed.
    pub fn still_withheld(&mut self, missing: Id) {
        let answers = self.behind.as_ref().map_or(0, |behind| behind.answers);
        self.behind = Some(Box::new(Behind { missing, answers, ask_at: None }));
    }

    /// Takes out the oldest of what waits in [`Self::derived`] beyond its bounds: to be refused.
    pub fn drop_derived(&mut self) -> Vec<Entry> {
        let mut bytes: usize = self.derived.iter().map(|(_, update)| update.len()).sum();
        let mut kept = self.derived.len();
        let too_much = self.derived.iter().take_while(|(_, update)| {
            let too_much = kept > DERIVED_MAX || bytes > DERIVED_BYTES_MAX;
            bytes -= update.len();
            kept -= 1;
            too_much
        });
        let dropped = too_much.count();
        self.derived.drain(..dropped).map(|(entry, _)| entry).collect()
    }

    /// What is missed, if anything is.
    #[must_use]
    pub fn missing(&self) -> Option<Id> {
        self.behind.as_ref().map(|behind| behind.missing)
    }

    /// Whether the next question is due: nothing is open, and the gap was closed by another way or its time has come.
    #[must_use]
    pub fn should_ask(&self, document: &StateVector, now: Instant) -> bool {
        let Some(behind) = &self.behind else { return false };
        let closed = document.get(behind.missing.client) > behind.missing.clock;
        self.has_no_open_question() && (closed || behind.ask_at.is_some_and(|at| at <= now))
    }

    /// When time alone makes the next question due, or shows presence.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let ask = self.behind.as_ref().and_then(|behind| behind.ask_at).filter(|_| self.has_no_open_question());
        let present = (!self.present).then(|| self.joined + PRESENT_AFTER);
        let author = self.waits_for_author.map(|since| since + AUTHOR_WITHIN);
        [ask, present, author, self.steps.due()].into_iter().flatten().min()
    }

    /// Whether it may be asked now.
    #[must_use]
    pub fn has_no_open_question(&self) -> bool {
        self.asked == self.answered
    }
}

impl Waiting {
    /// Whether the document covers all that the edit held.
    #[must_use]
    pub fn covered(&self, document: &StateVector) -> bool {
        !self.refused && self.ends.as_ref().is_some_and(|ends| document.covers(ends))
    }
}

impl Steps {
    /// Answers at least `apart` from one another.
    #[must_use]
    pub fn new(apart: Duration) -> Self {
        Self { apart: apart.into(), answered: None, waiting: None }
    }

    /// A SyncStep1 came. Returns it if it is to be answered now.
    pub fn offer(&mut self, step1: Step1, now: Instant) -> Option<Step1> {
        if self.is_early(now) {
            self.waiting = Some(Box::new(step1));
            return None;
        }
        self.waiting = None;
        self.answered = Some(now);
        Some(step1)
    }

    /// Returns the SyncStep1 that is to be answered now.
    pub fn take(&mut self, now: Instant) -> Option<Step1> {
        if self.is_early(now) {
            return None;
        }
        let step1 = self.waiting.take()?;
        self.answered = Some(now);
        Some(*step1)
    }

    fn is_early(&self, now: Instant) -> bool {
        self.answered.is_some_and(|answered| now < answered + self.apart.time())
    }

    /// When the waiting one may be answered.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().and(self.answered).map(|answered| answered + self.apart.time())
    }
}

// One of the allocator's size classes; a word more takes the next, and each document of each socket has a member.
#[cfg(test)]
const _: () = assert!(size_of::<Member>() <= 192, "a member falls into the next size class");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::wake::Bell;
    use crate::session::wake::Wake;

    fn member(now: Instant) -> Member {
        let inbox = Arc::new(Inbox::new(Arc::new(Bell::new(Arc::new(Wake::default()), 0))));
        Member::new(MemberId(1), Subject::new("ann"), Right::Editor, Attempt(1), inbox, Duration::from_millis(500), now)
    }

    fn vector(clock: u64) -> StateVector {
        let mut vector = StateVector::default();
        vector.set(ClientId(7), clock);
        vector
    }

    #[test]
    fn one_question_is_open_at_a_time() {
        let now = Instant::now();
        let mut member = member(now);
        member.ask(Question::Handshake, Bytes::new());
        assert!(!member.miss(Id::new(7, 3)), "the handshake's own question counts");
        assert!(!member.should_ask(&vector(9), now), "even if the gap is closed meanwhile");
        member.answer();
        assert!(member.should_ask(&vector(9), now));
        assert!(!member.should_ask(&vector(3), now));
    }

    #[test]
    fn questions_come_ever_slower_and_after_three_what_waits_is_decided() {
        let now = Instant::now();
        let mut member = member(now);
        assert!(member.miss(Id::new(7, 3)));
        let mut waits = Vec::new();
        let mut decided = Vec::new();
        for _ in 0..5 {
            member.ask(Question::Missing, Bytes::new());
            assert_eq!(member.missing(), Some(Id::new(7, 3)));
            member.answer();
            decided.push(member.still_missing(Id::new(7, 3), now));
            member.present = true;
            waits.push(member.deadline().expect("a deadline").duration_since(now).as_secs());
        }
        assert_eq!(waits, [1, 2, 10, 10, 10]);
        assert_eq!(decided, [false, false, true, true, true]);
        member.caught_up();
        assert_eq!(member.missing(), None);
    }

    #[test]
    fn what_a_viewer_derived_waits_within_bounds() {
        let mut member = member(Instant::now());
        let large = Bytes::from(vec![0; DERIVED_BYTES_MAX / 2]);
        member.derived.extend((0..3).map(|entry| (Entry(entry), large.clone())));
        assert_eq!(member.drop_derived(), [Entry(0)]);
        member.derived = (0..102).map(|entry| (Entry(entry), Bytes::new())).collect();
        assert_eq!(member.drop_derived(), [Entry(0), Entry(1)]);
        assert_eq!(member.drop_derived(), []);
    }

    #[test]
    fn step1_is_paced_and_the_newest_wins() {
        let now = Instant::now();
        let mut steps = Steps::new(Duration::from_millis(500));
        let step1 = |number| Step1 { vector: Bytes::new(), ask: true, number };
        let number = |step1: Option<Step1>| step1.map(|step1| step1.number);
        assert_eq!(number(steps.offer(step1(1), now)), Some(1));
        assert_eq!(number(steps.offer(step1(2), now)), None);
        assert_eq!(number(steps.offer(step1(3), now)), None);
        let due = steps.due().expect("it waits");
        assert_eq!(number(steps.take(due)), Some(3));
        assert_eq!(number(steps.take(due)), None);
    }
}
