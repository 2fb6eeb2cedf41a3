//! Fates and refusals, told to the member.

use tandem_protocol::Refusal;

use super::Room;
use crate::failpoint::failpoint;
use crate::refusals;
use crate::room::notice::Notice;
use crate::room::outbox::{MemberId, Post};
use crate::session::gate::{Entry, Fate};

impl Room {
    pub(super) fn settle_when_durable(&mut self, member: MemberId, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        if failpoint!("gate::ack-early", self.uncommitted.is_empty()) {
            self.settle(member, Some(entry), Fate::Durable);
        } else {
            // What it repeats may be uncommitted: it waits for the newest append.
            self.uncommitted.settle_with_newest(member, entry);
        }
    }

    pub(super) fn refuse(&mut self, member: MemberId, entry: Option<Entry>, refusal: Refusal) {
        self.settle(member, entry, Fate::Refused);
        self.tell_refusal(member, refusal);
    }

    pub(super) fn tell_refusal(&self, member: MemberId, refusal: Refusal) {
        refusals::count(refusal);
        self.tell(member, Notice::Refused(refusal));
    }

    pub(super) fn settle(&self, member: MemberId, entry: Option<Entry>, fate: Fate) {
        if let Some(entry) = entry {
            self.tell(member, Notice::Settled(entry, fate));
        }
    }

    /// Puts something into the outbox; who reads it is woken at the end of the turn, or when enough is gathered.
    pub(super) fn post(&mut self, author: Option<MemberId>, post: Post) {
        self.outbox.push(author, post);
        self.gathering.post();
    }

    pub(super) fn tell(&self, member: MemberId, notice: Notice) {
        if let Some(member) = self.members.get(&member) {
            member.inbox.push(notice);
        }
    }
}
