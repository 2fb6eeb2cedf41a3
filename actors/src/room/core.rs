//! The room's rules: who is in, what is taken, what is owed. The actor beside it only carries.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;
use tandem_model::{ClientId, Clock, DocumentName, Id, Limits, Right, Seq, Subject};
use tandem_protocol::Refusal;
use tandem_protocol::awareness::{self, AwarenessLimits};
use tandem_yjs::{Admission, Index, StateVector, Update, Verdict};
use tokio::time::Instant;

use super::authors::Authors;
use super::command::{Again, Command, Join, Step1};
use super::derived::Derived;
use super::member::{Member, PRESENT_AFTER, Waiting};
use super::notice::Notice;
use super::outbox::{MemberId, Outbox, Post};
use super::presence::{Presence, Speaker};
use super::uncommitted::Uncommitted;
use crate::failpoint::failpoint;
use crate::journal::Target;
use crate::refusals;
use crate::row::Contribution;
use crate::session::flight::Flight;
use crate::session::gate::{Attempt, Entry, Fate, Question};

/// How long a subject whose message was too large is outside the rule of what is missing.
pub const TOO_LARGE_FOR: Duration = Duration::from_secs(600);

/// Clocks that the waiting edits of one member may lack together, counted per edit and client.
pub const WAITING_ENDS_MAX: usize = 100_000;

/// Entries of one Awareness message that are looked at: as many as a document may have clients.
pub const PRESENCE_ENTRIES_MAX: usize = 50_000;

/// One document, live.
pub struct Room {
    /// Its name.
    pub name: DocumentName,
    /// Where it stands in the log; `None` until its first update is committed.
    pub target: Option<Target>,
    /// The newest committed position.
    pub head: Seq,
    /// Rows and bytes since the last snapshot, for compaction.
    pub since_snapshot: (u64, u64),
    /// What is appended and not committed.
    pub uncommitted: Uncommitted,
    /// Where sessions read.
    pub outbox: Arc<Outbox>,
    index: Index,
    authors: Authors,
    presence: Presence,
    members: BTreeMap<MemberId, Member>,
    too_large: HashMap<Subject, Instant>,
    limits: Arc<Limits>,
    next_member: u64,
    /// The document's whole encoding, until it changes.
    whole: Option<Bytes>,
    /// Flights that are held back because too much is uncommitted.
    held: Vec<Flight>,
    /// Whether an editor is to be asked for deletions that viewers derived.
    derived: Derived,
}

/// What the document lacks of what a viewer brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Nothing,
    /// Structs of ids that the viewer is not bound to; the first that is missing.
    Others(Id),
    Own,
}

/// What an editor or viewer brought.
struct Brought<'a> {
    member: MemberId,
    update: &'a [u8],
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
        let between = Duration::from_secs(1) / u32::try_from(limits.presence_flushes_per_second.max(1)).unwrap_or(1);
        let presence = Presence::new(between, Limits::seconds(limits.presence_seconds));
        Self {
            name,
            target: None,
            head: Seq::default(),
            since_snapshot: (0, 0),
            uncommitted: Uncommitted::default(),
            outbox,
            index,
            authors,
            presence,
            members: BTreeMap::new(),
            too_large: HashMap::new(),
            limits,
            next_member: 0,
            whole: None,
            held: Vec::new(),
            derived: Derived::default(),
        }
    }

    /// Lets a session in and asks it what we miss, if its protocol wants that now.
    pub fn join(&mut self, join: Join, now: Instant) -> MemberId {
        self.next_member += 1;
        let id = MemberId(self.next_member);
        let Join { subject, right, attempt, inbox, asked_at_once, again } = join;
        self.outbox.enter(id, inbox.bell().clone());
        let mut member = Member::new(id, subject, right, attempt, inbox, now);
        if let Some(again) = &again {
            let orphan = |entry: &Entry| Waiting { entry: Some(*entry), ends: None, refused: false };
            member.waiting = again.owed.iter().map(orphan).collect();
            member.bound = again.bound.filter(|client| self.authors.bind(*client, id, &member.subject));
        }
        match &again {
            // It is asked with the answer to its own question.
            Some(Again { step1: Some(step1), .. }) if step1.ask => {}
            Some(_) => _ = member.ask(Question::Missing, self.vector()),
            None if asked_at_once => _ = member.ask(Question::Handshake, self.vector()),
            None => {}
        }
        self.members.insert(id, member);
        if let Some(again) = again {
            again.presence.iter().for_each(|states| self.hear(id, states, now));
            match again.step1 {
                Some(step1) => self.step1(id, step1, now),
                None => self.catch_up_whole(id),
            }
        }
        id
    }

    /// A session left, however it ended.
    pub fn leave(&mut self, member: MemberId, now: Instant) {
        self.outbox.leave(member);
        if self.members.remove(&member).is_none() {
            return;
        }
        self.presence.leave(member, now);
        let awaited = self.authors.leave(member);
        self.ask_those_missing(|id| awaited.contains(&id.client));
        self.flush(now);
    }

    /// A session handed a command over.
    pub fn command(&mut self, member: MemberId, command: Command, flight: Flight, now: Instant) {
        if !self.members.contains_key(&member) {
            return;
        }
        match command {
            Command::Step1(step1) => self.step1(member, step1, now),
            Command::Step2 { update, answer } => {
                let answers = answer.attempt == self.members.get(&member).map(|member| member.attempt);
                self.bring(Brought { member, update: &update, entry: answer.entry, answers, step2: true }, now);
                self.show_presence(member);
            }
            Command::Update { update, entry } => {
                self.bring(Brought { member, update: &update, entry, answers: false, step2: false }, now);
            }
            Command::TooLarge { answer, entry } => self.too_large(member, answer, entry, now),
            Command::Unkept(entries) => self.unkept(member, &entries),
            Command::Awareness(states) => self.hear(member, &states, now),
            Command::QueryAwareness => self.tell(member, Notice::Present(self.presence.everybody())),
            Command::Stateless(text) => self.outbox.push(None, Post::Stateless(text)),
        }
        self.flush(now);
        if self.uncommitted.bytes() >= self.limits.journal_room_bytes {
            self.held.push(flight);
        }
    }

    /// Answers a lapped cursor with one merged difference against what its session has.
    pub fn catch_up(&mut self, member: MemberId) {
        let Some(there) = self.members.get(&member) else { return };
        let mut since = self.index.state_vector().clone();
        for (client, clock) in self.outbox.start(member) {
            since.lower_to(client, clock);
        }
        let presence = there.present.then(|| self.presence.everything()).flatten();
        counter!("tandem_outbox_catch_ups_total").increment(1);
        there.inbox.push(Notice::CaughtUp(self.index.difference(&since).into(), presence));
    }

    /// Everything up to an append is durable: what waited for it is settled.
    pub fn committed(&mut self, append: u64, seq: Seq, target: Target) {
        self.head = self.head.max(seq);
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
        self.presence.expire(now);
        self.too_large.retain(|_, until| *until > now);
        self.flush(now);
    }

    /// A member's right changed while it was in. One who becomes an editor is asked what the document lacks.
    pub fn right_changed(&mut self, member: MemberId, right: Right) {
        let Some(there) = self.members.get_mut(&member) else { return };
        let before = std::mem::replace(&mut there.right, right);
        if right.may_edit() && !before.may_edit() && there.has_no_open_question() {
            self.ask(member);
        }
    }

    /// When [`Self::tick`] has something to do next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let members = self.members.values().filter_map(Member::deadline).min();
        let presence = [self.presence.flush_at(), self.presence.expires_at()];
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

    /// Whether the room may retire: nobody is in and nothing is uncommitted.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.members.is_empty() && self.uncommitted.is_empty()
    }

    /// The document's index, for observers.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    // What is brought.

    fn bring(&mut self, brought: Brought<'_>, now: Instant) {
        let Some(member) = self.members.get_mut(&brought.member) else { return };
        if brought.answers {
            member.answer();
        }
        let update = match Update::decode(brought.update) {
            Ok(update) => update,
            Err(refusal) => {
                counter!("tandem_updates_refused_total", "reason" => refusal.name()).increment(1);
                self.refuse(brought.member, brought.entry, Refusal::BadUpdate);
                return;
            }
        };
        failpoint!("room::apply");
        if member.right.may_edit() {
            self.edit(&brought, &update, now);
        } else {
            self.view(&brought, &update, now);
        }
    }

    /// A viewer's update: nothing of it is stored, and an honest one is never unsaved.
    fn view(&mut self, brought: &Brought<'_>, update: &Update<'_>, now: Instant) {
        let news = self.viewers_news(brought.member, update);
        if brought.answers {
            self.decide_viewers(brought.member, news);
        }
        if let News::Others(missing) = news {
            self.wait_for_author(brought, missing);
        } else if news == News::Own {
            self.refuse(brought.member, brought.entry, Refusal::ReadOnly);
        } else if brought.step2 || self.index.holds(update) {
            self.settle_when_durable(brought.member, brought.entry);
        } else if let (Some(entry), Some(member)) = (brought.entry, self.members.get_mut(&brought.member)) {
            // Deletions that every client derives by itself: acknowledged once the document holds them too.
            member.derived.push_back((entry, Bytes::copy_from_slice(brought.update)));
            self.derived.want(now);
            let dropped = member.drop_derived();
            dropped.into_iter().for_each(|entry| self.settle(brought.member, Some(entry), Fate::Refused));
        }
    }

    /// What the document lacks of a viewer's update. What it holds of others it was sent before a crash, or has by another
    /// way; what is its own, or may be, it wrote.
    fn viewers_news(&self, member: MemberId, update: &Update<'_>) -> News {
        let known = self.index.state_vector();
        let bound = self.members.get(&member).and_then(|member| member.bound);
        let mut news = News::Nothing;
        for (client, ..) in update.clients().filter(|(client, _, end)| *end > known.get(*client)) {
            if bound.is_none_or(|bound| bound == client) {
                return News::Own;
            }
            news = News::Others(Id { client, clock: known.get(client) });
        }
        news
    }

    /// A viewer answered: if it holds nothing that the document lacks, what waited is there, or was deletions that it
    /// derived.
    fn decide_viewers(&mut self, member: MemberId, news: News) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if let News::Others(missing) = news {
            return there.still_withheld(missing);
        }
        there.caught_up();
        for waiting in std::mem::take(&mut there.waiting) {
            match news {
                News::Own => self.settle(member, waiting.entry, Fate::Refused),
                News::Nothing | News::Others(_) => self.settle_when_durable(member, waiting.entry),
            }
        }
    }

    /// A viewer holds what only its author may bring: it is neither stored nor refused. The viewer is asked again when
    /// the author brought it.
    fn wait_for_author(&mut self, brought: &Brought<'_>, missing: Id) {
        let Some(there) = self.members.get_mut(&brought.member) else { return };
        there.miss(missing);
        if brought.entry.is_some() {
            there.waiting.push(Waiting { entry: brought.entry, ends: None, refused: false });
            self.bound_waiting(brought.member);
        }
    }

    /// Asks an editor for deletions that a viewer derived and nobody brought: every client has derived them.
    fn ask_for_derived(&mut self, now: Instant) {
        if !self.derived.take(now) {
            return;
        }
        let editor = |member: &&Member| member.right.may_edit() && member.following && member.has_no_open_question();
        let editor = self.members.values().find(editor).map(|member| member.id);
        // Without one the next editor's handshake brings them.
        editor.into_iter().for_each(|editor| self.ask(editor));
    }

    fn edit(&mut self, brought: &Brought<'_>, update: &Update<'_>, now: Instant) {
        self.bind_by_update(brought.member, update);
        let Some(member) = self.members.get(&brought.member) else { return };
        let (authors, subject) = (&self.authors, &member.subject);
        let mut deleted = false;
        let admission = self.index.admit(update, &mut |id| {
            deleted |= authors.is_deleted(id.client);
            authors.judge(subject, id)
        });
        self.take_in(brought, &admission);
        if admission.full || admission.refused.is_some() {
            let refusal = match (admission.full, deleted) {
                (true, _) => Refusal::Full,
                (false, true) => Refusal::Deleted,
                (false, false) => Refusal::Forged,
            };
            self.tell_refusal(brought.member, refusal);
        }
        self.decide(brought, update, &admission, now);
        if brought.answers {
            let answer = update.clients().map(|(client, _, end)| (client, end)).collect();
            self.authors_answered(brought.member, &answer, now);
        }
        if admission.new_deletions {
            self.settle_derived();
        }
        if admission.new_structs {
            self.ask_the_due(now);
        }
    }

    /// What was new is fanned out at once and appended.
    fn take_in(&mut self, brought: &Brought<'_>, admission: &Admission) {
        let Some(taken) = &admission.taken else { return };
        let Some(member) = self.members.get(&brought.member) else { return };
        let update = Bytes::copy_from_slice(taken);
        self.whole = None;
        for (client, _) in &admission.before {
            self.authors.spoke(*client, brought.member, self.index.state_vector().get(*client));
        }
        let before: Vec<(ClientId, Clock)> = admission.before.clone();
        self.outbox.push(Some(brought.member), Post::Update { before, update: update.clone() });
        let subject = member.subject.clone();
        self.uncommitted.append(Contribution { subject, bound: member.bound, at_ms: 0, update });
        counter!("tandem_updates_taken_total").increment(1);
    }

    /// Says what becomes of the edit, and of those that waited for this answer.
    fn decide(&mut self, brought: &Brought<'_>, update: &Update<'_>, admission: &Admission, now: Instant) {
        let refused = admission.full || admission.refused.is_some();
        let first_withheld = admission.withheld.first().copied();
        let excused =
            self.members.get(&brought.member).is_some_and(|member| self.too_large.contains_key(&member.subject));
        let missing = admission.missing.or(first_withheld).filter(|_| !excused);
        let refused = refused || (excused && (admission.missing.is_some() || first_withheld.is_some()));
        let Some(missing) = missing else {
            if brought.answers {
                self.release(brought.member);
            }
            if refused {
                self.settle(brought.member, brought.entry, Fate::Refused);
            } else {
                self.settle_when_durable(brought.member, brought.entry);
            }
            return;
        };
        for id in &admission.withheld {
            self.ask_author(*id, now);
        }
        // Where the client counts nothing, nothing has to be remembered.
        let lacking = brought.entry.map(|_| self.lacking(update));
        let vector = self.vector();
        let Some(member) = self.members.get_mut(&brought.member) else { return };
        let waits = lacking.is_some();
        if waits {
            member.waiting.push(Waiting { entry: brought.entry, ends: lacking, refused });
        }
        if !brought.answers {
            // What is withheld waits for its author, not for the one who brought it.
            if member.miss(missing) && admission.missing.is_some() {
                member.ask(Question::Missing, vector);
            }
        } else if admission.missing.is_none() {
            member.still_withheld(missing);
            self.settle_covered(brought.member);
        } else if member.still_missing(missing, now) {
            self.decide_waiting(brought.member);
        } else {
            self.settle_covered(brought.member);
        }
        if waits {
            self.bound_waiting(brought.member);
        }
    }

    /// What the document does not cover of an update: all that an edit waits for. Clocks never go back.
    fn lacking(&self, update: &Update<'_>) -> StateVector {
        let document = self.index.state_vector();
        update.ends().iter().filter(|(client, end)| *end > document.get(*client)).collect()
    }

    /// A member that never answers does not make the room remember without end: at half of what it may be owed, what
    /// waits is decided as it stands.
    fn bound_waiting(&mut self, member: MemberId) {
        let Some(there) = self.members.get(&member) else { return };
        let ends =
            there.waiting.iter().filter_map(|waiting| waiting.ends.as_ref()).map(StateVector::len).sum::<usize>();
        if there.waiting.len() as u64 > self.limits.owed_edits / 2 || ends > WAITING_ENDS_MAX {
            counter!("tandem_waiting_decided_total").increment(1);
            self.decide_waiting(member);
        }
    }

    /// An author answered: what its answer lacks of its own is forged, wherever it waits.
    fn authors_answered(&mut self, author: MemberId, answer: &StateVector, now: Instant) {
        let Some(there) = self.members.get(&author) else { return };
        let decided = self.authors.answered(author, there.answered(), self.index.state_vector(), answer);
        decided.again.iter().for_each(|id| self.ask_author(*id, now));
        for client in &decided.clients {
            self.refuse_forged(Id { client: *client, clock: self.index.state_vector().get(*client) });
        }
        self.ask_those_missing(|id| decided.clients.contains(&id.client));
    }

    /// Decides what waits for a forged struct, whether or not its bringer ever answers what it was asked.
    fn refuse_forged(&mut self, forged: Id) {
        let mut told = Vec::new();
        for member in self.members.values_mut() {
            if self.authors.judge(&member.subject, forged) != Verdict::Refuse {
                continue;
            }
            let needs = |waiting: &mut Waiting| {
                waiting.ends.as_ref().is_some_and(|ends| ends.get(forged.client) > forged.clock)
            };
            let refused: Vec<Waiting> = member.waiting.extract_if(.., needs).collect();
            let brought = member.missing().is_some_and(|missing| missing.client == forged.client);
            if !refused.is_empty() || brought {
                told.push((member.id, refused));
            }
            if brought && member.waiting.is_empty() {
                // Nothing is left to ask for.
                member.caught_up();
            }
        }
        for (member, refused) in told {
            refused.into_iter().for_each(|waiting| self.settle(member, waiting.entry, Fate::Refused));
            self.tell_refusal(member, Refusal::Forged);
        }
    }

    /// An answer was taken whole: all that waited before it is in the document, or was refused with it.
    fn release(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        there.caught_up();
        for waiting in std::mem::take(&mut there.waiting) {
            let covered = waiting.ends.as_ref().is_none_or(|ends| self.index.covers(ends));
            if covered && !waiting.refused {
                self.settle_when_durable(member, waiting.entry);
            } else {
                self.settle(member, waiting.entry, Fate::Refused);
            }
        }
    }

    /// Settles those that wait for no more than what the document has by now.
    fn settle_covered(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        let document = self.index.state_vector();
        let covered: Vec<Waiting> = there.waiting.extract_if(.., |waiting| waiting.covered(document)).collect();
        covered.into_iter().for_each(|waiting| self.settle_when_durable(member, waiting.entry));
    }

    /// Three answers left the gap open: what the document covers is acknowledged, the rest refused.
    fn decide_waiting(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        for waiting in std::mem::take(&mut there.waiting) {
            if waiting.covered(self.index.state_vector()) {
                self.settle_when_durable(member, waiting.entry);
            } else {
                self.settle(member, waiting.entry, Fate::Refused);
            }
        }
    }

    fn unkept(&mut self, member: MemberId, entries: &[Entry]) {
        let Some(there) = self.members.get_mut(&member) else { return };
        there.waiting.extend(entries.iter().map(|entry| Waiting { entry: Some(*entry), ends: None, refused: false }));
        if there.has_no_open_question() {
            self.ask(member);
        }
    }

    fn too_large(&mut self, member: MemberId, answer: Option<Attempt>, entry: Option<Entry>, now: Instant) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if answer == Some(there.attempt) {
            there.answer();
        }
        there.caught_up();
        let waiting = std::mem::take(&mut there.waiting);
        self.too_large.insert(there.subject.clone(), now + TOO_LARGE_FOR);
        for one in waiting {
            self.settle(member, one.entry, Fate::Refused);
        }
        self.refuse(member, entry, Refusal::TooLarge);
    }

    // Questions.

    fn ask_author(&mut self, id: Id, now: Instant) {
        if let Some(author) = self.authors.withhold(id, now) {
            let vector = self.vector();
            if let Some(member) = self.members.get_mut(&author) {
                counter!("tandem_questions_total", "to" => "author").increment(1);
                let question = member.ask(Question::Missing, vector);
                self.authors.asked(id.client, question);
            }
        }
    }

    /// Asks members whose gap was closed by another way, or whose time has come.
    fn ask_the_due(&mut self, now: Instant) {
        let document = self.index.state_vector();
        let due = |member: &Member| member.should_ask(document, now);
        let due: Vec<MemberId> = self.members.values().filter(|member| due(member)).map(|member| member.id).collect();
        due.into_iter().for_each(|member| self.ask(member));
    }

    /// Asks members that miss one of these.
    fn ask_those_missing(&mut self, which: impl Fn(Id) -> bool) {
        let misses = |member: &Member| member.has_no_open_question() && member.missing().is_some_and(&which);
        let due: Vec<MemberId> =
            self.members.values().filter(|member| misses(member)).map(|member| member.id).collect();
        due.into_iter().for_each(|member| self.ask(member));
    }

    fn ask(&mut self, member: MemberId) {
        let vector = self.vector();
        if let Some(member) = self.members.get_mut(&member) {
            counter!("tandem_questions_total", "to" => "bringer").increment(1);
            member.ask(Question::Missing, vector);
        }
    }

    // Answers.

    fn step1(&mut self, member: MemberId, step1: Step1, now: Instant) {
        let Some(there) = self.members.get_mut(&member) else { return };
        there.ask_with_answer |= step1.ask;
        if let Some(step1) = there.steps.offer(step1, now) {
            self.answer_step1(member, &step1);
        }
    }

    fn answer_step1(&mut self, member: MemberId, step1: &Step1) {
        let ours = self.vector();
        let Some(there) = self.members.get_mut(&member) else { return };
        if std::mem::take(&mut there.ask_with_answer) {
            there.ask(Question::Handshake, ours);
        }
        // A vector that cannot be read is answered as an empty one: with everything.
        let since = StateVector::decode(&step1.vector).unwrap_or_default();
        let first = !std::mem::replace(&mut there.following, true);
        if first {
            self.outbox.start(member);
        }
        let difference = self.difference(&since);
        self.tell(member, Notice::Difference(difference, step1.number));
    }

    fn difference(&mut self, since: &StateVector) -> Bytes {
        if !since.is_empty() {
            return self.index.difference(since).into();
        }
        self.whole.get_or_insert_with(|| self.index.encode().into()).clone()
    }

    /// What a rejoining session may lack is unknown: it gets everything.
    fn catch_up_whole(&mut self, member: MemberId) {
        self.outbox.start(member);
        if let Some(there) = self.members.get_mut(&member) {
            there.following = true;
        }
        let everything = self.difference(&StateVector::default());
        self.tell(member, Notice::CaughtUp(everything, None));
    }

    // Presence.

    fn hear(&mut self, member: MemberId, states: &[u8], now: Instant) {
        let limits = AwarenessLimits {
            entries: PRESENCE_ENTRIES_MAX,
            state_bytes: Limits::size(self.limits.presence_bytes),
            depth: Limits::size(self.limits.presence_depth),
        };
        let Ok(entries) = awareness::entries(states, limits.entries) else {
            counter!("tandem_presence_refused_total", "reason" => "malformed").increment(1);
            return;
        };
        let alone = awareness::entries(states, 1).is_ok();
        let Some(there) = self.members.get_mut(&member) else { return };
        let first_alone = !std::mem::replace(&mut there.heard, true) && alone;
        for raw in entries {
            let Ok(raw) = raw else {
                counter!("tandem_presence_refused_total", "reason" => "malformed").increment(1);
                return;
            };
            // Clients repeat the states of everybody: skipped before anything is spent on them.
            if !self.presence.is_news(&raw) && !first_alone {
                continue;
            }
            match raw.check(&limits) {
                Ok(entry) => self.hear_one(member, &entry, first_alone, now),
                Err(_) => {
                    let reason = Refusal::PresenceRefused.name();
                    counter!("tandem_presence_refused_total", "reason" => reason).increment(1);
                }
            }
        }
    }

    fn hear_one(&mut self, member: MemberId, entry: &awareness::Entry<'_>, first_alone: bool, now: Instant) {
        if !self.may_speak_for(member, entry.client, first_alone) {
            counter!("tandem_presence_refused_total", "reason" => Refusal::PresenceForeign.name()).increment(1);
            return;
        }
        let Some(there) = self.members.get(&member) else { return };
        let speaker = Speaker { member, subject: &there.subject, joined: there.joined, first_alone };
        self.presence.hear(speaker, entry, now);
    }

    /// Whether the member is bound to `client`, or may be bound to it now.
    fn may_speak_for(&mut self, member: MemberId, client: ClientId, alone: bool) -> bool {
        let Some(there) = self.members.get_mut(&member) else { return false };
        match there.bound {
            Some(bound) if bound == client => return true,
            // An id may change once its predecessor is removed.
            Some(bound) if self.presence.owner(bound).is_some() => return false,
            None if there.present && self.presence.knows(client) && !alone => return false,
            _ => {}
        }
        let others = self.authors.bound_to(client).is_some_and(|other| other != member);
        let same_subject = self.authors.owner(client).is_none_or(|owner| *owner == there.subject);
        if !same_subject || (others && !alone) || !self.authors.bind(client, member, &there.subject) {
            return false;
        }
        there.inbox.push(Notice::Bound(client));
        if let Some(old) = there.bound.replace(client) {
            self.authors.release(old, member);
            self.ask_those_missing(|id| id.client == old);
        }
        true
    }

    fn bind_by_update(&mut self, member: MemberId, update: &Update<'_>) {
        let Some(there) = self.members.get_mut(&member).filter(|there| there.bound.is_none()) else { return };
        let known = self.index.state_vector();
        let mut new = update.clients().filter(|(client, _, end)| *end > known.get(*client)).map(|(client, ..)| client);
        let Some(client) = new.next().filter(|_| new.next().is_none()) else { return };
        let elsewhere = self.authors.bound_to(client).is_some();
        if !elsewhere && self.authors.bind(client, member, &there.subject) {
            there.bound = Some(client);
            there.inbox.push(Notice::Bound(client));
        }
    }

    fn show_presence(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if !std::mem::replace(&mut there.present, true) {
            self.outbox.show_presence(member);
            there.inbox.push(Notice::Present(self.presence.everybody()));
        }
    }

    fn flush(&mut self, now: Instant) {
        if let Some(states) = self.presence.flush(now) {
            counter!("tandem_presence_flushes_total").increment(1);
            self.outbox.push(None, Post::Presence(states));
        }
    }

    // Fates.

    fn settle_when_durable(&mut self, member: MemberId, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        if failpoint!("gate::ack-early", self.uncommitted.is_empty()) {
            self.settle(member, Some(entry), Fate::Durable);
        } else {
            // What it repeats may be uncommitted: it waits for the newest append.
            self.uncommitted.settle_with_newest(member, entry);
        }
    }

    fn settle_derived(&mut self) {
        let holders: Vec<MemberId> =
            self.members.values().filter(|member| !member.derived.is_empty()).map(|member| member.id).collect();
        for id in holders {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let mut waiting: VecDeque<(Entry, Bytes)> = std::mem::take(&mut member.derived);
            let index = &self.index;
            let held = |bytes: &Bytes| Update::decode(bytes).is_ok_and(|update| index.holds(&update));
            let settled: Vec<Entry> =
                waiting.iter().filter(|(_, bytes)| held(bytes)).map(|(entry, _)| *entry).collect();
            waiting.retain(|(entry, _)| !settled.contains(entry));
            member.derived = waiting;
            settled.into_iter().for_each(|entry| self.settle_when_durable(id, Some(entry)));
        }
    }

    fn refuse(&mut self, member: MemberId, entry: Option<Entry>, refusal: Refusal) {
        self.settle(member, entry, Fate::Refused);
        self.tell_refusal(member, refusal);
    }

    fn tell_refusal(&self, member: MemberId, refusal: Refusal) {
        refusals::count(refusal);
        self.tell(member, Notice::Refused(refusal));
    }

    fn settle(&self, member: MemberId, entry: Option<Entry>, fate: Fate) {
        if let Some(entry) = entry {
            self.tell(member, Notice::Settled(entry, fate));
        }
    }

    fn tell(&self, member: MemberId, notice: Notice) {
        if let Some(member) = self.members.get(&member) {
            member.inbox.push(notice);
        }
    }

    fn vector(&self) -> Bytes {
        self.index.state_vector().encode().into()
    }
}
