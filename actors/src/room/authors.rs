//! A live author speaks for itself: who may bring new structs of which Yjs client id.
//!
//! A session binds one client id in a document. An id once bound belongs to that session's subject. While a live
//! session is bound to it, new structs of that id are taken from its subject's sessions only; what others bring is
//! withheld, and the bound session is asked for it. What its own answer does not hold is forged.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use litemap::LiteMap;
use tandem_model::{ClientId, Clock, Id, Subject};
use tandem_yjs::{StateVector, Verdict};
use tokio::time::Instant;

use super::outbox::MemberId;
use crate::reached;

/// How long a bound session may take to answer for its id before others are believed.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Forged marks that a room remembers; beyond, no more ids are marked.
pub const FORGED_MAX: usize = 1_000;

/// Ids whose subject is remembered after its session; beyond, an id is its subject's only while a session is bound to it.
pub const OWNERS_MAX: usize = 200_000;

/// Who is bound to which id, and what is known to be forged.
#[derive(Debug, Default)]
pub struct Authors {
    owners: HashMap<ClientId, Subject>,
    live: LiteMap<ClientId, Box<Live>>,
    /// Boxed: nearly no document has one.
    tombstone: Option<Box<StateVector>>,
}

#[derive(Debug)]
struct Live {
    member: MemberId,
    subject: Subject,
    /// The clocks that its author lacks by its own answer: what others bring of them is forged.
    forged: Option<RangeInclusive<Clock>>,
    asked: Option<Asked>,
    /// It did not answer: others are believed until it speaks.
    overdue: bool,
}

/// What is in doubt of one id. An answer decides only what was withheld before its question was put: what came later the
/// author may have written later.
#[derive(Debug)]
struct Asked {
    until: Instant,
    /// Which of the member's questions it is; `None` if that member is not bound any more.
    question: Option<u32>,
    withheld: Clock,
    /// Withheld since.
    later: Option<Clock>,
}

/// What an author's answer decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The ids that were in doubt.
    pub clients: Vec<ClientId>,
    /// What was withheld after the question, and is still not there: to be asked for.
    pub again: Vec<Id>,
}

impl Authors {
    /// Starts with what the log remembers, and the state vector of what was deleted under the document's name.
    #[must_use]
    pub fn new(owners: impl IntoIterator<Item = (ClientId, Subject)>, tombstone: StateVector) -> Self {
        let deleted = tombstone.iter().next().is_some();
        let tombstone = deleted.then(|| Box::new(tombstone));
        Self { owners: owners.into_iter().collect(), live: LiteMap::new_vec(), tombstone }
    }

    /// Binds `client` to a member, if the id is free or its subject's. The newest session of a subject wins.
    pub fn bind(&mut self, client: ClientId, member: MemberId, subject: &Subject) -> bool {
        if self.owners.get(&client).is_some_and(|owner| owner != subject) {
            return false;
        }
        if self.owners.len() < OWNERS_MAX || self.owners.contains_key(&client) {
            self.owners.insert(client, subject.clone());
        } else {
            reached::count("owners_max", 1);
        }
        let (forged, asked) = self.live.remove(&client).map_or((None, None), |live| (live.forged, live.asked));
        // Who was asked is bound no more: whoever waits is believed when the time is over.
        let asked = asked.map(|asked| Asked { question: None, ..asked });
        let live = Live { member, subject: subject.clone(), forged, asked, overdue: false };
        self.live.insert(client, Box::new(live));
        true
    }

    /// Notes whose an id is by the log, where nobody is known to own it. Other nodes bind ids too.
    pub fn learn(&mut self, client: ClientId, subject: Subject) {
        if self.owners.len() < OWNERS_MAX {
            self.owners.entry(client).or_insert(subject);
        } else if !self.owners.contains_key(&client) {
            reached::count("owners_max", 1);
        }
    }

    /// The member left: its ids are nobody's live ones any more. Returns those whose answer was still awaited.
    pub fn leave(&mut self, member: MemberId) -> Vec<ClientId> {
        let mut awaited = Vec::new();
        self.live.retain(|client, live| {
            let leaves = live.member == member;
            if leaves && live.asked.is_some() {
                awaited.push(*client);
            }
            !leaves
        });
        awaited
    }

    /// Gives an id up, so that its session may bind another one.
    pub fn release(&mut self, client: ClientId, member: MemberId) {
        if self.live.get(&client).is_some_and(|live| live.member == member) {
            self.live.remove(&client);
        }
    }

    /// The member that is bound to `client` now.
    #[must_use]
    pub fn bound_to(&self, client: ClientId) -> Option<MemberId> {
        self.live.get(&client).map(|live| live.member)
    }

    /// Whose the id is, live or remembered.
    #[must_use]
    pub fn owner(&self, client: ClientId) -> Option<&Subject> {
        self.owners.get(&client)
    }

    /// Whether new structs of an id may be taken from `subject`.
    #[must_use]
    pub fn judge(&self, subject: &Subject, id: Id) -> Verdict {
        if self.is_deleted(id.client) {
            return Verdict::Refuse;
        }
        match self.live.get(&id.client) {
            Some(live) if live.subject != *subject => {
                if live.forged.as_ref().is_some_and(|forged| forged.contains(&id.clock)) {
                    Verdict::Refuse
                } else if live.overdue {
                    Verdict::Take
                } else {
                    Verdict::Withhold
                }
            }
            _ => Verdict::Take,
        }
    }

    /// Whether structs of this id were deleted with an earlier document of this name.
    #[must_use]
    pub fn is_deleted(&self, client: ClientId) -> bool {
        self.tombstone.as_ref().is_some_and(|tombstone| tombstone.get(client) > 0)
    }

    /// The state vector of what was deleted, raised to what is there now.
    #[must_use]
    pub fn tombstone_with(&self, document: &StateVector) -> StateVector {
        let mut all = self.tombstone.as_deref().cloned().unwrap_or_default();
        document.iter().for_each(|(client, clock)| all.raise(client, clock));
        all
    }

    /// Something of a live author was withheld: returns the member to ask, unless it is being asked already.
    pub fn withhold(&mut self, id: Id, now: Instant) -> Option<MemberId> {
        let live = self.live.get_mut(&id.client).filter(|live| !live.overdue)?;
        if let Some(asked) = &mut live.asked {
            if id.clock > asked.withheld {
                asked.later = asked.later.max(Some(id.clock));
            }
            return None;
        }
        live.asked = Some(Asked { until: now + ANSWERS_WITHIN, question: None, withheld: id.clock, later: None });
        Some(live.member)
    }

    /// The author of `client` was asked for it; by which of the member's questions.
    pub fn asked(&mut self, client: ClientId, question: u32) {
        if let Some(asked) = self.live.get_mut(&client).and_then(|live| live.asked.as_mut()) {
            asked.question = Some(question);
        }
    }

    /// The member answered all its questions up to this one. What was in doubt of its ids is forged if neither the
    /// document has it now nor the answer held it. If the answer held it and it could not be taken, because something
    /// else is missing, the member is asked again for that: the doubt waits for that answer.
    pub fn answered(
        &mut self,
        member: MemberId,
        question: u32,
        document: &StateVector,
        answer: &StateVector,
    ) -> Decided {
        let mut decided = Decided::default();
        let mut room = FORGED_MAX.saturating_sub(self.live.values().filter(|live| live.forged.is_some()).count());
        for (&client, live) in self.live.iter_mut().filter(|(_, live)| live.member == member) {
            live.overdue = false;
            let Some(asked) = live.asked.take_if(|asked| asked.question.is_some_and(|asked| asked <= question)) else {
                continue;
            };
            let clock = document.get(client);
            if clock <= asked.withheld && asked.withheld < answer.get(client) {
                let withheld = asked.later.map_or(asked.withheld, |later| later.max(asked.withheld));
                live.asked = Some(Asked { question: Some(question + 1), withheld, later: None, ..asked });
                continue;
            }
            decided.clients.push(client);
            if clock <= asked.withheld && room == 0 {
                reached::count("forged_max", 1);
            }
            if clock <= asked.withheld && room > 0 {
                live.forged = Some(clock..=asked.withheld);
                room -= 1;
            } else if let Some(later) = asked.later.filter(|later| *later >= clock) {
                decided.again.push(Id { client, clock: later });
            }
        }
        decided
    }

    /// New structs of `client` were taken from its own author, and are in `document`: what was called forged below its
    /// clock is its own now.
    pub fn spoke(&mut self, client: ClientId, member: MemberId, document: &StateVector) {
        if let Some(live) = self.live.get_mut(&client).filter(|live| live.member == member) {
            live.overdue = false;
            live.forged = live.forged.take().map(|forged| document.get(client).max(*forged.start())..=*forged.end());
            live.forged.take_if(|forged| forged.is_empty());
        }
    }

    /// Ids whose author did not answer in time: others are believed now.
    pub fn expire(&mut self, now: Instant) -> Vec<ClientId> {
        let mut expired = Vec::new();
        for (&client, live) in &mut self.live {
            if live.asked.as_ref().is_some_and(|asked| asked.until <= now) {
                live.asked = None;
                live.overdue = true;
                expired.push(client);
            }
        }
        expired
    }

    /// When the next answer is overdue.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.live.values().filter_map(|live| live.asked.as_ref().map(|asked| asked.until)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: MemberId = MemberId(1);

    fn authors() -> Authors {
        let mut authors = Authors::default();
        assert!(authors.bind(ClientId(7), ANN, &Subject::new("ann")));
        authors
    }

    fn vector(client: u64, clock: Clock) -> StateVector {
        let mut vector = StateVector::default();
        vector.set(ClientId(client), clock);
        vector
    }

    fn bob() -> Subject {
        Subject::new("bob")
    }

    #[test]
    fn others_are_not_believed_about_a_live_author() {
        let mut authors = authors();
        assert_eq!(authors.judge(&Subject::new("ann"), Id::new(7, 0)), Verdict::Take);
        assert_eq!(authors.judge(&bob(), Id::new(7, 0)), Verdict::Withhold);
        assert_eq!(authors.judge(&bob(), Id::new(8, 0)), Verdict::Take);
        authors.leave(ANN);
        assert_eq!(authors.judge(&bob(), Id::new(7, 0)), Verdict::Take);
    }

    #[test]
    fn an_id_stays_its_subjects() {
        let mut authors = authors();
        authors.leave(ANN);
        assert!(!authors.bind(ClientId(7), MemberId(2), &bob()));
        assert!(authors.bind(ClientId(7), MemberId(3), &Subject::new("ann")));
        assert_eq!(authors.bound_to(ClientId(7)), Some(MemberId(3)));
    }

    #[test]
    fn what_the_author_lacks_by_its_own_answer_is_forged() {
        let mut authors = authors();
        let now = Instant::now();
        assert_eq!(authors.withhold(Id::new(7, 5), now), Some(ANN));
        authors.asked(ClientId(7), 3);
        let nothing = StateVector::default();
        assert_eq!(
            authors.answered(ANN, 2, &vector(7, 5), &nothing),
            Decided::default(),
            "an answer to an older question"
        );
        assert_eq!(
            authors.answered(ANN, 3, &vector(7, 5), &nothing),
            Decided { clients: vec![ClientId(7)], again: vec![] }
        );
        assert_eq!(authors.judge(&bob(), Id::new(7, 5)), Verdict::Refuse);
        authors.spoke(ClientId(7), ANN, &vector(7, 6));
        assert_eq!(authors.judge(&bob(), Id::new(7, 6)), Verdict::Withhold, "its own word goes on being believed");
    }

    #[test]
    fn what_an_answer_held_is_its_authors_although_it_could_not_be_taken() {
        let mut authors = authors();
        let now = Instant::now();
        assert_eq!(authors.withhold(Id::new(7, 5), now), Some(ANN));
        authors.asked(ClientId(7), 1);
        assert_eq!(authors.answered(ANN, 1, &vector(7, 3), &vector(7, 6)), Decided::default());
        assert_eq!(authors.judge(&bob(), Id::new(7, 5)), Verdict::Withhold);
        assert_eq!(authors.answered(ANN, 2, &vector(7, 6), &vector(7, 6)).clients, [ClientId(7)]);
        assert_eq!(authors.judge(&bob(), Id::new(7, 5)), Verdict::Withhold);
    }

    #[test]
    fn an_answer_decides_only_what_was_withheld_before_its_question() {
        let mut authors = authors();
        let now = Instant::now();
        assert_eq!(authors.withhold(Id::new(7, 5), now), Some(ANN));
        authors.asked(ClientId(7), 1);
        assert_eq!(authors.withhold(Id::new(7, 6), now), None, "one question an id");
        let decided = authors.answered(ANN, 1, &vector(7, 6), &vector(7, 6));
        assert_eq!(decided, Decided { clients: vec![ClientId(7)], again: vec![Id::new(7, 6)] });
        assert_eq!(authors.judge(&bob(), Id::new(7, 6)), Verdict::Withhold);
    }

    #[test]
    fn a_silent_author_loses_its_say_until_it_speaks() {
        let mut authors = authors();
        let now = Instant::now();
        authors.withhold(Id::new(7, 5), now);
        assert_eq!(authors.deadline(), Some(now + ANSWERS_WITHIN));
        assert_eq!(authors.expire(now), []);
        assert_eq!(authors.expire(now + ANSWERS_WITHIN), [ClientId(7)]);
        assert_eq!(authors.judge(&bob(), Id::new(7, 5)), Verdict::Take);
        authors.spoke(ClientId(7), ANN, &vector(7, 6));
        assert_eq!(authors.judge(&bob(), Id::new(7, 6)), Verdict::Withhold);
    }

    #[test]
    fn deleted_ids_are_refused_for_good() {
        let authors = Authors::new([], vector(7, 3));
        assert_eq!(authors.judge(&bob(), Id::new(7, 0)), Verdict::Refuse);
        assert_eq!(authors.judge(&bob(), Id::new(7, 9)), Verdict::Refuse);
    }
}
