//! What an editor brings: what of it is taken, and what becomes of the edit.

use std::borrow::Cow;

use bytes::Bytes;
use metrics::counter;
use tandem_model::{ClientId, Clock};
use tandem_protocol::Refusal;
use tandem_yjs::{Admission, Cause, Update};
use tokio::time::Instant;

use super::{Brought, Room};
use crate::counted;
use crate::failpoint::failpoint;
use crate::room::member::Waiting;
use crate::room::notice::Notice;
use crate::room::outbox::{MemberId, Post};
use crate::row::Contribution;
use crate::session::gate::{Fate, Question};

impl Room {
    pub(super) fn bring(&mut self, brought: Brought, now: Instant) {
        let Some(member) = self.members.get_mut(&brought.member) else { return };
        if brought.answers {
            member.answer();
        }
        if Update::clients_said(&brought.update).is_some_and(|clients| !self.index.may_hold_clients(clients)) {
            // It is not read: most of what it costs would be the room for so many.
            return self.refuse_whole(&brought, Refusal::Full);
        }
        let update = match Update::decode(&brought.update) {
            Ok(update) => update,
            Err(refusal) => {
                counter!("tandem_updates_refused_total", "reason" => refusal.name()).increment(1);
                return self.refuse_whole(&brought, Refusal::BadUpdate);
            }
        };
        failpoint!("room::apply", of self.name.as_str());
        if member.right.may_edit() {
            self.edit(&brought, &update, now);
        } else {
            self.view(&brought, &update, now);
        }
    }

    /// Nothing of it is taken, and an answer that is refused is no better than none.
    fn refuse_whole(&mut self, brought: &Brought, refusal: Refusal) {
        self.refuse(brought.member, brought.entry, refusal);
        if brought.answers {
            self.give_up_waiting(brought.member);
        }
    }

    fn edit(&mut self, brought: &Brought, update: &Update<'_>, now: Instant) {
        self.bind_by_update(brought.member, update);
        let Some(member) = self.members.get(&brought.member) else { return };
        let (authors, subject) = (&self.authors, &member.subject);
        let mut deleted = false;
        let mut admission = self.index.admit(update, &mut |id| {
            deleted |= authors.is_deleted(id.client);
            authors.judge(subject, id)
        });
        self.take_in(brought, &mut admission);
        if admission.full || admission.refused.is_some() {
            self.tell_refusal(brought.member, refusal_of(&admission, deleted));
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
    fn take_in(&mut self, brought: &Brought, admission: &mut Admission<'_>) {
        let Some(taken) = admission.taken.take() else { return };
        let Some(member) = self.members.get(&brought.member) else { return };
        let (subject, bound) = (member.subject.clone(), member.bound);
        // What came as it is passed on needs no copy.
        let update = match taken {
            Cow::Borrowed(taken) => brought.update.slice_ref(taken),
            Cow::Owned(taken) => taken.into(),
        };
        for (client, _) in &admission.before {
            self.authors.spoke(*client, brought.member, self.index.state_vector());
        }
        let before = std::mem::take(&mut admission.before);
        self.fan_out(Some(brought.member), before, update.clone());
        self.uncommitted.append(Contribution { subject, bound, at_ms: 0, update });
        counted::UPDATES_TAKEN.increment(1);
    }

    /// Passes on what the document holds now and nobody else had.
    pub(super) fn fan_out(&mut self, author: Option<MemberId>, before: Vec<(ClientId, Clock)>, update: Bytes) {
        self.whole = None;
        self.post(author, Post::Update { before, update });
    }

    /// Says what becomes of the edit, and of those that waited for this answer.
    fn decide(&mut self, brought: &Brought, update: &Update<'_>, admission: &Admission<'_>, now: Instant) {
        let refused = admission.full || admission.refused.is_some();
        let first_withheld = admission.withheld.first().copied();
        let excused =
            self.members.get(&brought.member).is_some_and(|member| self.too_large.is_recent(&member.subject, now));
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
            let first = member.has_just_failed();
            self.decide_waiting(brought.member, first);
        } else {
            self.settle_covered(brought.member);
        }
        if waits {
            self.bound_waiting(brought.member);
        }
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
}

/// What the bringer is told of an edit of which something is refused; `deleted` says that a tombstone had a part in it.
fn refusal_of(admission: &Admission<'_>, deleted: bool) -> Refusal {
    match admission.cause {
        _ if admission.full => Refusal::Full,
        Some(cause @ (Cause::Cycle | Cause::Depth | Cause::Pieces)) => {
            counter!("tandem_updates_refused_total", "reason" => cause.name()).increment(1);
            Refusal::BadUpdate
        }
        _ if deleted => Refusal::Deleted,
        _ => Refusal::Forged,
    }
}
