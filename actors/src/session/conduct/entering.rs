//! Entering and leaving documents, and the credentials that allow it.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tandem_model::{Grant, Limits};
use tandem_protocol::Refusal;
use tandem_wire::SocketLimits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{Conduct, Outcome};
use crate::dialect::{Dialect, Saying};
use crate::refusals;
use crate::room::command::Command;
use crate::session::document::{Kept, Phase};
use crate::session::entrance::{self, Asks, Entrance, Membership};
use crate::session::gate::Attempt;
use crate::session::wake::Slot;

/// As [`Entrance::get_in`]; a panic ends the session that waits for it, which would wait for ever.
async fn getting_in(entrance: Entrance, asks: Asks, unavailable: impl FnMut()) -> Result<(Grant, Membership), Refusal> {
    AssertUnwindSafe(entrance.get_in(asks, unavailable)).catch_unwind().await.unwrap_or(Err(Refusal::Internal))
}

/// A state vector of somebody who has nothing.
const EMPTY_VECTOR: &[u8] = &[0];

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    fn entrance(&mut self, slot: Slot) -> Option<(Attempt, Entrance)> {
        self.attempts += 1;
        let attempt = Attempt(self.attempts);
        let around = self.around.clone();
        let document = self.document_mut(slot)?;
        document.begin(attempt);
        let entrance = Entrance {
            rooms: around.rooms.clone(),
            authority: around.authority.clone(),
            clock: around.clock.clone(),
            name: document.name.clone(),
            attempt,
            inbox: document.inbox.clone(),
            asked_at_once: !document.dialect.counts(),
            patient: document.dialect.counts(),
        };
        Some((attempt, entrance))
    }

    pub(super) fn enter(&mut self, slot: Slot, credential: &str) {
        let Some((attempt, entrance)) = self.entrance(slot) else { return };
        if let Some(document) = self.document_mut(slot) {
            document.entered = attempt;
            if let Phase::Pending(kept) = &mut document.phase {
                kept.checking = true;
            }
        }
        let (letters, credential) = (self.letters.clone(), credential.to_owned());
        self.errands.send(async move {
            let unavailable = || letters.leave(Outcome::Unavailable(slot, attempt));
            let entered = getting_in(entrance, Asks::Enter(credential), unavailable).await;
            Outcome::Entered(slot, attempt, entered)
        });
    }

    pub(super) fn refresh(&mut self, slot: Slot, credential: &str) {
        let around = self.around.clone();
        let Some(document) = self.document(slot) else { return };
        let (entered, name) = (document.entered, document.name.clone());
        let credential = credential.to_owned();
        self.errands.send(async move {
            let checked = entrance::check(&*around.authority, &*around.clock, &credential, &name).await;
            Outcome::Refreshed(slot, entered, checked)
        });
    }

    pub(super) fn rejoin(&mut self, slot: Slot) {
        let Some(document) = self.document_mut(slot) else { return };
        let (Some(grant), again) = (document.grant.clone(), document.again()) else { return };
        document.phase = Phase::Rejoining;
        self.rejoining += 1;
        let Some((attempt, entrance)) = self.entrance(slot) else { return };
        let letters = self.letters.clone();
        self.errands.send(async move {
            let unavailable = || letters.leave(Outcome::Unavailable(slot, attempt));
            let joined = getting_in(entrance, Asks::Rejoin(grant, again), unavailable).await;
            Outcome::Rejoined(slot, attempt, joined.map(|(_, membership)| membership))
        });
    }

    pub(super) fn outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Entered(slot, attempt, result) if self.is_current(slot, attempt) => match result {
                Ok((grant, membership)) => self.entered(slot, grant, membership),
                Err(refusal) => self.refuse_document(slot, refusal),
            },
            Outcome::Rejoined(slot, attempt, result) if self.is_current(slot, attempt) => match result {
                Ok(membership) => self.rejoined(slot, membership),
                Err(refusal) => self.refuse_document(slot, refusal),
            },
            Outcome::Unavailable(slot, attempt) if self.is_current(slot, attempt) => self.unavailable(slot),
            Outcome::Refreshed(slot, entered, result) if self.has_entered(slot, entered) => match result {
                Ok(grant) => self.refreshed(slot, grant),
                Err(refusal) => self.refuse_document(slot, refusal),
            },
            // An answer to what was left meanwhile.
            _ => {}
        }
    }

    fn is_current(&self, slot: Slot, attempt: Attempt) -> bool {
        self.document(slot).is_some_and(|document| document.attempt == attempt)
    }

    fn has_entered(&self, slot: Slot, entered: Attempt) -> bool {
        self.document(slot).is_some_and(|document| document.entered == entered)
    }

    /// Somebody on this socket proved who they are.
    pub(super) fn authenticated(&mut self) {
        if !std::mem::replace(&mut self.authenticated, true) {
            let limits = &self.around.limits;
            self.vigil.authenticated();
            self.place.authenticated();
            self.socket.set_limits(SocketLimits::authenticated(Limits::size(limits.message_bytes), limits.skip_bytes));
        }
    }

    /// A document whose credential is good cannot be reached. It is tried again and again; meanwhile what comes is kept
    /// within bounds, and the other documents of the socket go on.
    fn unavailable(&mut self, slot: Slot) {
        self.authenticated();
        refusals::count(Refusal::Unavailable);
        let Some(document) = self.document_mut(slot) else { return };
        let dialect = document.dialect.clone();
        if let Phase::Pending(kept) = &mut document.phase {
            kept.waiting = true;
            // Who was never let in is told; who was goes on, with acknowledgements withheld.
            self.tell_refusal(&dialect, Refusal::Unavailable);
        } else if matches!(document.phase, Phase::Rejoining) {
            document.phase = Phase::Pending(Kept { checking: true, waiting: true, ..Kept::default() });
            self.rejoining -= 1;
        }
    }

    fn rejoined(&mut self, slot: Slot, mut membership: Membership) {
        let Some(document) = self.document_mut(slot) else { return };
        // A fresh credential may have changed it meanwhile.
        document.grant.iter().for_each(|grant| membership.right_changed(grant.right));
        document.bell.ring();
        match std::mem::replace(&mut document.phase, Phase::Open(membership)) {
            Phase::Pending(kept) => {
                // Its credential may have ended meanwhile.
                self.tokens_due(Instant::now());
                self.bring_what_came(slot, kept);
            }
            _ => self.rejoining = self.rejoining.saturating_sub(1),
        }
        self.plan_tokens();
    }

    fn entered(&mut self, slot: Slot, grant: Grant, membership: Membership) {
        self.authenticated();
        let may_edit = grant.right.may_edit();
        let now = self.around.clock.now();
        let Some(document) = self.document_mut(slot) else { return };
        document.granted(grant, now);
        let kept = match std::mem::replace(&mut document.phase, Phase::Open(membership)) {
            Phase::Pending(kept) => kept,
            _ => Kept::default(),
        };
        let dialect = document.dialect.clone();
        self.say(&dialect, Saying::Authenticated(may_edit));
        self.bring_what_came(slot, kept);
        self.plan_tokens();
    }

    /// Handles what came before the document was open.
    fn bring_what_came(&mut self, slot: Slot, kept: Kept) {
        self.kept_bytes -= kept.bytes;
        let now = Instant::now();
        for frame in kept.frames {
            self.frame(slot, frame, None, now);
        }
        self.bring_back_what_was_not_kept(slot, kept.lost_edits, kept.lost_step1);
    }

    fn bring_back_what_was_not_kept(&mut self, slot: Slot, edits: u32, step1: bool) {
        let flight = self.flights.start(None);
        let Some(document) = self.document_mut(slot) else { return };
        if step1 {
            document.gate.restart();
            document.step1(EMPTY_VECTOR);
        }
        let Phase::Open(membership) = &mut document.phase else { return };
        if edits > 0 {
            let counts = document.dialect.counts();
            let entries = (0..edits).filter(|_| counts).map(|_| document.gate.owe()).collect();
            membership.command(Command::Unkept(entries), flight);
        }
        membership.hand_over();
        if step1 {
            self.answer_in_turn(slot, None);
        }
    }

    fn refreshed(&mut self, slot: Slot, grant: Grant) {
        let now = self.around.clock.now();
        let Some(document) = self.document_mut(slot) else { return };
        let Some(before) = &document.grant else { return };
        if before.subject != grant.subject {
            // Somebody else's credential: this membership is over, and a new Auth may begin another.
            return self.refuse_document(slot, Refusal::Unauthenticated);
        }
        if before.right != grant.right
            && let Phase::Open(membership) = &mut document.phase
        {
            membership.right_changed(grant.right);
        }
        document.granted(grant, now);
        self.plan_tokens();
    }

    pub(super) fn leave(&mut self, slot: Slot) {
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        let Some(document) = place.take() else { return };
        if let Dialect::Hocuspocus { key } = &document.dialect {
            self.keys.remove(key);
        }
        self.forget(&document.phase);
        self.say(&document.dialect, Saying::Close("provider_initiated"));
        self.plan_tokens();
    }

    /// A phase is over: what was counted for it is no more.
    pub(super) fn forget(&mut self, phase: &Phase) {
        match phase {
            Phase::Pending(kept) => self.kept_bytes -= kept.bytes,
            Phase::Rejoining => self.rejoining = self.rejoining.saturating_sub(1),
            Phase::Open(_) | Phase::Shut => {}
        }
    }

    fn plan_tokens(&mut self) {
        let now = (Instant::now(), self.around.clock.now());
        let due = self.slots.iter().flatten().filter_map(|document| document.token_due(now)).min();
        self.token_due = due;
    }

    pub(super) fn tokens_due(&mut self, now: Instant) {
        let clocks = (now, self.around.clock.now());
        let slots = 0..Slot::try_from(self.slots.len()).unwrap_or(Slot::MAX);
        for slot in slots {
            let Some(document) = self.document_mut(slot) else { continue };
            let Some(end) = document.grant_ends(clocks).filter(|_| matches!(document.phase, Phase::Open(_))) else {
                continue;
            };
            if end <= now {
                self.refuse_document(slot, Refusal::TokenExpired);
            } else if document.asks_token(clocks.1) {
                let dialect = document.dialect.clone();
                self.say(&dialect, Saying::TokenRequest);
            }
        }
        self.plan_tokens();
    }
}
