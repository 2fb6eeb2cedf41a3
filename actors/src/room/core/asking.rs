//! Questions: SyncStep1 to whoever may have what is missing.

use metrics::counter;
use tandem_model::Id;
use tokio::time::Instant;

use super::Room;
use crate::room::member::Member;
use crate::room::outbox::MemberId;
use crate::session::gate::Question;

impl Room {
    pub(super) fn ask_author(&mut self, id: Id, now: Instant) {
        if let Some(author) = self.authors.withhold(id, now) {
            let vector = self.vector();
            if let Some(member) = self.members.get_mut(&author).filter(|one| !self.too_large.is_oversized(&one.subject))
            {
                counter!("tandem_questions_total", "to" => "author").increment(1);
                let question = member.ask(Question::Missing, vector);
                self.authors.asked(id.client, question);
            }
        }
    }

    /// Asks members whose gap was closed by another way, or whose time has come.
    pub(super) fn ask_the_due(&mut self, now: Instant) {
        let document = self.index.state_vector();
        let due = |member: &Member| member.should_ask(document, now);
        let due: Vec<MemberId> = self.members.values().filter(|member| due(member)).map(|member| member.id).collect();
        due.into_iter().for_each(|member| self.ask(member));
    }

    /// Asks members that miss one of these.
    pub(super) fn ask_those_missing(&mut self, which: impl Fn(Id) -> bool) {
        let misses = |member: &Member| member.has_no_open_question() && member.missing().is_some_and(&which);
        let due: Vec<MemberId> =
            self.members.values().filter(|member| misses(member)).map(|member| member.id).collect();
        due.into_iter().for_each(|member| self.ask(member));
    }

    pub(super) fn ask(&mut self, member: MemberId) {
        let vector = self.vector();
        if let Some(member) = self.members.get_mut(&member) {
            counter!("tandem_questions_total", "to" => "bringer").increment(1);
            member.ask(Question::Missing, vector);
        }
    }
}
