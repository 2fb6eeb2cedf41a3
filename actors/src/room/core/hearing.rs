//! Presence: who may say what, and when it is passed on.

use tandem_model::{ClientId, Limits};
use tandem_protocol::Refusal;
use tandem_protocol::awareness::{self, AwarenessLimits};
use tokio::time::Instant;

use super::Room;
use crate::room::notice::Notice;
use crate::room::outbox::{MemberId, Post};
use crate::room::presence::Speaker;
use crate::{counted, refusals};

/// Entries of one Awareness message that are looked at: as many as a document may have clients.
pub const PRESENCE_ENTRIES_MAX: usize = 50_000;

/// Yjs client ids that one membership may be bound to, one after the other. Yjs changes its id when another used it too.
pub const BINDS_MAX: u32 = 100;

impl Room {
    pub(super) fn hear(&mut self, member: MemberId, states: &[u8], now: Instant) {
        let limits = AwarenessLimits {
            entries: PRESENCE_ENTRIES_MAX,
            state_bytes: Limits::size(self.limits.presence_bytes),
            depth: Limits::size(self.limits.presence_depth),
        };
        let Ok(entries) = awareness::entries(states, limits.entries) else {
            refusals::count(Refusal::PresenceRefused);
            return;
        };
        let alone = awareness::entries(states, 1).is_ok();
        let Some(there) = self.members.get_mut(&member) else { return };
        let first_alone = !std::mem::replace(&mut there.heard, true) && alone;
        for raw in entries {
            let Ok(raw) = raw else {
                refusals::count(Refusal::PresenceRefused);
                return;
            };
            // Clients repeat the states of everybody: skipped before anything is spent on them.
            if !self.presence.is_news(&raw) && !first_alone {
                continue;
            }
            match raw.check(&limits) {
                Ok(entry) => self.hear_one(member, &entry, first_alone, now),
                Err(_) => refusals::count(Refusal::PresenceRefused),
            }
        }
    }

    fn hear_one(&mut self, member: MemberId, entry: &awareness::Entry<'_>, first_alone: bool, now: Instant) {
        if !self.may_speak_for(member, entry.client, first_alone) {
            refusals::count(Refusal::PresenceForeign);
            return;
        }
        let Some(there) = self.members.get(&member) else { return };
        let speaker = Speaker { member, subject: &there.subject, joined: there.joined, first_alone };
        self.presence.hear(speaker, entry, now);
    }

    /// Whether the member is bound to `client`, or may be bound to it now.
    fn may_speak_for(&mut self, member: MemberId, client: ClientId, alone: bool) -> bool {
        let Some(there) = self.members.get_mut(&member) else { return false };
        if there.binds >= BINDS_MAX && there.bound != Some(client) {
            return false;
        }
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
        there.binds += 1;
        there.inbox.push(Notice::Bound(client));
        if let Some(old) = there.bound.replace(client) {
            self.authors.release(old, member);
            self.ask_those_missing(|id| id.client == old);
        }
        true
    }

    pub(super) fn show_presence(&mut self, member: MemberId) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if !std::mem::replace(&mut there.present, true) {
            self.outbox.show_presence(member);
            there.inbox.push(Notice::Present(self.presence.everybody()));
        }
    }

    /// Sends what is due to everybody.
    pub(super) fn flush(&mut self, now: Instant) {
        if let Some(states) = self.presence.flush(now) {
            counted::PRESENCE_FLUSHES.increment(1);
            self.post(None, Post::Presence(states));
        }
        if self.gathering.take(now) {
            self.outbox.ring();
        }
    }
}
