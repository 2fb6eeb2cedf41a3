//! What a viewer brings: nothing of it is stored, and an honest one is never unsaved.

use bytes::Bytes;
use tandem_model::Id;
use tandem_protocol::Refusal;
use tandem_yjs::Update;
use tokio::time::Instant;

use super::{Brought, Room};
use crate::reached;
use crate::room::member::{AUTHOR_WITHIN, Member, Waiting};
use crate::room::outbox::MemberId;
use crate::session::gate::{Entry, Fate};

/// What the document lacks of what a viewer brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Nothing,
    /// Structs of ids that the viewer is not bound to; the first that is missing.
    Others(Id),
    Own,
}

impl Room {
    /// A viewer's update: nothing of it is stored, and an honest one is never unsaved.
    pub(super) fn view(&mut self, brought: &Brought, update: &Update<'_>, now: Instant) {
        let news = self.viewers_news(brought, update);
        if brought.answers {
            self.decide_viewers(brought.member, news, now);
        }
        if let News::Others(missing) = news {
            self.wait_for_author(brought, update, missing, now);
        } else if news == News::Own {
            self.refuse(brought.member, brought.entry, Refusal::ReadOnly);
        } else if brought.step2 || self.index.holds(update) {
            self.settle_when_durable(brought.member, brought.entry);
        } else if let (Some(entry), Some(member)) = (brought.entry, self.members.get_mut(&brought.member)) {
            // Deletions that every client derives by itself: acknowledged once the document holds them too.
            member.derived.push((entry, brought.update.clone()));
            self.derived.want(now);
            let dropped = member.drop_derived();
            reached::count("derived_max", dropped.len());
            dropped.into_iter().for_each(|entry| self.settle(brought.member, Some(entry), Fate::Refused));
        }
    }

    /// What the document lacks of a viewer's update. What it holds of others it was sent before a crash, or has by another
    /// way; what is its own, or may be, it wrote.
    fn viewers_news(&self, brought: &Brought, update: &Update<'_>) -> News {
        let known = self.index.state_vector();
        let Some(viewer) = self.members.get(&brought.member) else { return News::Own };
        let mut news = News::Nothing;
        for (client, ..) in update.clients().filter(|(client, _, end)| *end > known.get(*client)) {
            let own = match (viewer.bound, self.authors.owner(client)) {
                (Some(bound), _) => bound == client,
                (None, Some(owner)) => *owner == viewer.subject,
                // An answer is all that it holds; an edit is what it does.
                (None, None) => !brought.step2,
            };
            if own {
                return News::Own;
            }
            news = News::Others(Id { client, clock: known.get(client) });
        }
        news
    }

    /// A viewer answered: if it holds nothing that the document lacks, what waited is there, or was deletions that it
    /// derived.
    fn decide_viewers(&mut self, member: MemberId, news: News, now: Instant) {
        let Some(there) = self.members.get_mut(&member) else { return };
        if let News::Others(missing) = news {
            there.still_withheld(missing);
            if !there.waiting.is_empty() {
                // It may have brought what waits while it was an editor.
                there.waits_for_author.get_or_insert(now);
            }
            return;
        }
        there.caught_up();
        for waiting in std::mem::take(&mut there.waiting) {
            match news {
                News::Own => self.settle(member, waiting.entry, Fate::Refused),
                News::Nothing | News::Others(_) => self.settle_when_durable(member, waiting.entry),
            }
        }
    }

    /// No author came in time: what the document does not have is refused.
    pub(super) fn give_up_authors(&mut self, now: Instant) {
        let late = |member: &Member| member.waits_for_author.is_some_and(|since| since + AUTHOR_WITHIN <= now);
        let late: Vec<MemberId> = self.members.values().filter(|member| late(member)).map(|member| member.id).collect();
        late.into_iter().for_each(|member| self.give_up_waiting(member));
    }

    /// A viewer holds what only its author may bring: it is not stored, and waits a minute for the author, then is refused.
    /// The viewer is asked again when the author brought it.
    fn wait_for_author(&mut self, brought: &Brought, update: &Update<'_>, missing: Id, now: Instant) {
        let lacking = self.lacking(update);
        let Some(there) = self.members.get_mut(&brought.member) else { return };
        there.miss(missing);
        if brought.entry.is_some() {
            there.waiting.push(Waiting { entry: brought.entry, ends: Some(lacking), refused: false });
            there.waits_for_author.get_or_insert(now);
            self.bound_waiting(brought.member);
        }
        self.ask_author(missing, now);
    }

    /// Asks an editor for deletions that a viewer derived and nobody brought: every client has derived them.
    pub(super) fn ask_for_derived(&mut self, now: Instant) {
        if !self.derived.take(now) {
            return;
        }
        let editor = |member: &Member| {
            member.right.may_edit()
                && member.following
                && member.has_no_open_question()
                && !self.too_large.is_oversized(&member.subject)
        };
        let editor = self.members.values().find(|member| editor(member)).map(|member| member.id);
        match editor {
            Some(editor) => self.ask(editor),
            // All that are there are being asked something.
            None if self.members.values().any(|member| member.right.may_edit()) => self.derived.want(now),
            // The next editor's handshake brings them.
            None => {}
        }
    }

    pub(super) fn settle_derived(&mut self) {
        let holders: Vec<MemberId> =
            self.members.values().filter(|member| !member.derived.is_empty()).map(|member| member.id).collect();
        for id in holders {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let mut waiting = std::mem::take(&mut member.derived);
            let index = &self.index;
            let held = |bytes: &Bytes| Update::decode(bytes).is_ok_and(|update| index.holds(&update));
            let settled: Vec<Entry> =
                waiting.iter().filter(|(_, bytes)| held(bytes)).map(|(entry, _)| *entry).collect();
            waiting.retain(|(entry, _)| !settled.contains(entry));
            member.derived = waiting;
            settled.into_iter().for_each(|entry| self.settle_when_durable(id, Some(entry)));
        }
    }
}
