//! Answers: what a member misses, after its SyncStep1 and after its cursor was lapped.

use bytes::Bytes;
use metrics::counter;
use tandem_yjs::StateVector;
use tokio::time::Instant;

use super::Room;
use crate::room::command::Step1;
use crate::room::notice::Notice;
use crate::room::outbox::MemberId;
use crate::session::gate::Question;

impl Room {
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

    pub(super) fn step1(&mut self, member: MemberId, step1: Step1, now: Instant) {
        let Some(there) = self.members.get_mut(&member) else { return };
        there.ask_with_answer |= step1.ask;
        if let Some(step1) = there.steps.offer(step1, now) {
            self.answer_step1(member, &step1);
        }
    }

    pub(super) fn answer_step1(&mut self, member: MemberId, step1: &Step1) {
        let ours = self.vector();
        let Some(there) = self.members.get_mut(&member) else { return };
        if std::mem::take(&mut there.ask_with_answer) && !self.too_large.is_oversized(&there.subject) {
            there.ask(Question::Handshake, ours);
        }
        // A vector that cannot be read is answered as an empty one: with everything. Clients of whom nothing is here have
        // no part in the answer.
        let held = self.index.state_vector();
        let since = StateVector::decode_of(&step1.vector, |client| held.get(client) > 0).unwrap_or_default();
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
    pub(super) fn catch_up_whole(&mut self, member: MemberId) {
        self.outbox.start(member);
        if let Some(there) = self.members.get_mut(&member) {
            there.following = true;
        }
        let everything = self.difference(&StateVector::default());
        self.tell(member, Notice::CaughtUp(everything, None));
    }
}
