//! The room's rules: who is in, what is taken, what is owed. The actor beside it only carries.

mod answering;
mod asking;
mod editing;
mod fates;
mod hearing;
mod rereading;
mod viewing;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use litemap::LiteMap;
use tandem_model::{DocumentName, Limits, Right, Seq};
use tandem_protocol::Refusal;
use tandem_yjs::{Index, StateVector};
use tokio::time::Instant;

pub use self::rereading::Reread;
use super::authors::Authors;
use super::command::{Again, Command, Commands, Join};
use super::derived::Derived;
use super::member::{Member, PRESENT_AFTER, Waiting};
use super::notice::Notice;
use super::outbox::{MemberId, Outbox, Post};
use super::presence::Presence;
use super::too_large::TooLarge;
use super::uncommitted::Uncommitted;
use crate::gathering::Gathering;
use crate::journal::Target;
use crate::session::flight::Flight;
use crate::session::gate::{Entry, Fate, Question};
use crate::{refusals, short};

/// One document, live.
pub struct Room {
    /// Its name.
    pub name: DocumentName,
    /// Where it stands in the log; `None` until its first update is committed.
    pub target: Option<Target>,
    /// The newest position that the document holds all rows up to.
    pub head: Seq,
    /// Rows and bytes since the last snapshot, for compaction.
    pub since_snapshot: (u64, u64),
    /// What is appended and not committed.
    pub uncommitted: Uncommitted,
    /// Where sessions read.
    pub outbox: Arc<Outbox>,
    /// A position that is committed: if it is beyond the head, rows between them are another's, and to be read.
    beyond: Seq,
    index: Index,
    authors: Authors,
    presence: Presence,
    members: LiteMap<MemberId, Box<Member>>,
    too_large: TooLarge,
    limits: Arc<Limits>,
    next_member: u64,
    /// The document's whole encoding, until it changes.
    whole: Option<Bytes>,
    /// Flights that are held back because too much is uncommitted.
    held: Vec<Flight>,
    /// Whether an editor is to be asked for deletions that viewers derived.
    derived: Derived,
    gathering: Gathering,
}

/// What an editor or viewer brought.
struct Brought {
    member: MemberId,
    update: Bytes,
    entry: Option<Entry>,
    /// Whether it is an answer to a question of this room.
    answers: bool,
    step2: bool,
}

impl Room {
    /// A room on a loaded index.
    #[must_use]
    pub fn new(name: DocumentName, index: Index, authors: Authors, limits: Arc<Limits>) -> Self {
        let outbox = Arc::new(Outbox::new(name.as_str(), Limits::size(limits.outbox_bytes)));
        let between = apart(limits.presence_flushes_per_second);
        let presence = Presence::new(between, Limits::seconds(limits.presence_seconds));
        Self {
            name,
            target: None,
            head: Seq::default(),
            since_snapshot: (0, 0),
            uncommitted: Uncommitted::default(),
            outbox,
            beyond: Seq::default(),
            index,
            authors,
            presence,
            // Most rooms have one most of the time.
            members: LiteMap::with_capacity(1),
            too_large: TooLarge::default(),
            limits,
            next_member: 0,
            whole: None,
            held: Vec::new(),
            derived: Derived::default(),
            gathering: Gathering::new(Duration::ZERO),
        }
    }

    /// Lets a session in and asks it what we miss, if its protocol wants that now.
    pub fn join(&mut self, join: Join, now: Instant) -> MemberId {
        self.next_member += 1;
        let id = MemberId(self.next_member);
        let Join { subject, right, attempt, inbox, asked_at_once, again } = join;
        self.outbox.enter(id, inbox.bell().clone());
        let steps_apart = apart(self.limits.step_answers_per_second);
        let asks = !self.too_large.is_oversized(&subject);
        let mut member = Member::new(id, subject, right, attempt, inbox, steps_apart, now);
        if let Some(again) = &again {
            let orphan = |entry: &Entry| Waiting { entry: Some(*entry), ends: None, refused: false };
            member.waiting = again.owed.iter().map(orphan).collect();
            member.bound = again.bound.filter(|client| self.authors.bind(*client, id, &member.subject));
        }
        match &again {
            // Its answer would end its socket again: what it is owed is refused below.
            _ if !asks => {}
            // It is asked with the answer to its own question.
            Some(Again { step1: Some(step1), .. }) if step1.ask => {}
            Some(_) => _ = member.ask(Question::Missing, self.vector()),
            None if asked_at_once => _ = member.ask(Question::Handshake, self.vector()),
            None => {}
        }
        self.members.insert(id, Box::new(member));
        self.gather();
        if !asks {
            self.decide_waiting(id, false);
        }
        if let Some(again) = again {
            again.presence.iter().for_each(|states| self.hear(id, states, now));
            match again.step1 {
                Some(step1) => self.step1(id, step1, now),
                None => self.catch_up_whole(id),
            }
        }
        self.flush(now);
        id
    }

    /// A session left, however it ended.
    pub fn leave(&mut self, member: MemberId, now: Instant) {
        self.outbox.leave(member);
        if self.members.remove(&member).is_none() {
            return;
        }
        self.gather();
        self.presence.leave(member, now);
        let awaited = self.authors.leave(member);
        self.ask_those_missing(|id| awaited.contains(&id.client));
        self.flush(now);
    }

    /// A session handed commands over.
    pub fn commands(&mut self, member: MemberId, commands: Commands, now: Instant) {
        for (command, flight) in commands {
            self.command(member, command, now);
            if self.uncommitted.bytes() >= self.limits.journal_room_bytes {
                if self.held.is_empty() {
                    refusals::count(Refusal::JournalFull);
                }
                self.held.push(flight);
            }
        }
        self.flush(now);
    }

    fn command(&mut self, member: MemberId, command: Command, now: Instant) {
        if !self.members.contains_key(&member) {
            return;
        }
        match command {
            Command::Step1(step1) => self.step1(member, step1, now),
            Command::Step2 { update, answer } => {
                let answers = answer.attempt == self.members.get(&member).map(|member| member.attempt);
                self.bring(Brought { member, update, entry: answer.entry, answers, step2: true }, now);
                self.show_presence(member);
            }
            Command::Update { update, entry } => {
                self.bring(Brought { member, update, entry, answers: false, step2: false }, now);
            }
            Command::TooLarge { answer, entry, oversized } => {
                self.too_large(member, answer, entry, oversized, now);
            }
            Command::Unkept(entries) => self.unkept(member, &entries),
            Command::Awareness(states) => self.hear(member, &states, now),
            Command::QueryAwareness => self.tell(member, Notice::Present(self.presence.everybody())),
            Command::Stateless(text) => self.post(None, Post::Stateless(text)),
        }
    }

    /// Everything up to an append is durable: what waited for it is settled.
    pub fn committed(&mut self, append: u64, seq: Seq, target: Target) {
        self.reached(seq);
        self.target = Some(target);
        self.since_snapshot.0 += 1;
        for pending in self.uncommitted.committed(append) {
            self.since_snapshot.1 += pending.contribution.update.len() as u64;
            for (member, entry) in pending.settles {
                self.settle(member, Some(entry), Fate::Durable);
            }
        }
        if self.uncommitted.bytes() < self.limits.journal_room_bytes {
            self.held.clear();
        }
    }

    /// Time passed: asks, shows and removes what is due.
    pub fn tick(&mut self, now: Instant) {
        let overdue = self.authors.expire(now);
        self.ask_those_missing(|id| overdue.contains(&id.client));
        let due = |member: &Member| member.deadline().is_some_and(|at| at <= now);
        let due: Vec<MemberId> = self.members.values().filter(|member| due(member)).map(|member| member.id).collect();
        for id in due {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let step1 = member.steps.take(now);
            let shows = !member.present && member.joined + PRESENT_AFTER <= now;
            if let Some(step1) = step1 {
                self.answer_step1(id, &step1);
            }
            if shows {
                self.show_presence(id);
            }
        }
        self.ask_the_due(now);
        self.ask_for_derived(now);
        self.give_up_authors(now);
        self.presence.expire(now);
        self.too_large.forget(now);
        self.flush(now);
    }

    /// A member's right changed while it was in. One who becomes an editor is asked what the document lacks.
    pub fn right_changed(&mut self, member: MemberId, right: Right) {
        let Some(there) = self.members.get_mut(&member) else { return };
        let before = std::mem::replace(&mut there.right, right);
        let asks = !self.too_large.is_oversized(&there.subject);
        if right.may_edit() && !before.may_edit() && asks && there.has_no_open_question() {
            self.ask(member);
        }
    }

    /// When [`Self::tick`] has something to do next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let members = self.members.values().filter_map(|member| member.deadline()).min();
        let presence = [self.presence.flush_at(), self.presence.expires_at(), self.gathering.due()];
        presence.into_iter().chain([members, self.authors.deadline(), self.derived.due()]).flatten().min()
    }

    /// Tells every session that the document is closed to it, and lets all go.
    pub fn close(&mut self, refusal: Refusal) {
        self.members.values().for_each(|member| member.inbox.push(Notice::Closed(refusal)));
        self.members.keys().for_each(|member| self.outbox.leave(*member));
        self.members.clear();
    }

    /// The state vector of all that is or ever was under this name: what a deletion has to remember.
    #[must_use]
    pub fn tombstone(&self) -> StateVector {
        self.authors.tombstone_with(self.index.state_vector())
    }

    /// How many sessions are in.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Whether somebody waits for what is appended to be durable: an edit's author, a session that is held back, whoever
    /// wants to delete the document or let the room go; or the log has rows that the room lacks.
    #[must_use]
    pub fn waits_for_a_commit(&self) -> bool {
        let nobody = self.members.is_empty() || self.target.is_none();
        nobody || self.uncommitted.settles() || !self.held.is_empty() || self.beyond > self.head
    }

    /// Whether the room may retire: nobody is in and nothing is uncommitted.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.members.is_empty() && self.uncommitted.is_empty()
    }

    /// It is about to sleep: what can be made again is let go of.
    pub fn rest(&mut self) {
        self.whole = None;
    }

    /// The document's index, for observers.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The more readers there are to wake, the longer a busy room gathers: waking takes the same share of its time.
    fn gather(&mut self) {
        let readers = self.members.len() as u64;
        let apart = Duration::from_micros(self.limits.gather_microseconds.saturating_mul(readers));
        self.gathering.set_apart(apart.min(Duration::from_millis(self.limits.gather_milliseconds)));
    }

    fn vector(&self) -> Bytes {
        self.index.state_vector().encode().into()
    }
}

/// The least time between two of which so many a second are allowed.
fn apart(per_second: u64) -> Duration {
    Duration::from_secs(1) / short::number(per_second.max(1))
}

// One of the allocator's size classes; a word more takes the next, and each document has a room.
#[cfg(test)]
const _: () = assert!(size_of::<Room>() <= 640, "a room falls into the next size class");
