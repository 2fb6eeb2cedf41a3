//! What is written: what rooms tell becomes frames in the socket's queue, as long as that is short.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{ANSWERS_BYTES, Conduct, QUEUE_BYTES};
use crate::counted;
use crate::dialect::{Dialect, Saying};
use crate::room::notice::Notice;
use crate::room::outbox::Taken;
use crate::session::document::Phase;
use crate::session::gate::Fate;
use crate::session::wake::Slot;

/// What is shorter is copied: one piece is written sooner than two.
const SHARED_BYTES_MIN: usize = 16 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    /// Moves what rooms have to say into the socket's queue, as long as that is short.
    pub(super) fn refill(&mut self) {
        self.wake.take(&mut self.rung);
        for _ in 0..self.rung.len() {
            let Some(slot) = self.rung.pop_front() else { break };
            if self.refill_from(slot) {
                self.rung.push_back(slot);
            }
        }
    }

    /// Returns whether there is more to take from it.
    fn refill_from(&mut self, slot: Slot) -> bool {
        let Some(document) = self.document(slot) else { return false };
        document.bell.answer();
        if self.hear_notices(slot, self.socket.queued().1 >= ANSWERS_BYTES) {
            return true;
        }
        let (_, queued) = self.socket.queued();
        let Some(document) = self.document(slot) else { return false };
        let Phase::Open(membership) = &document.phase else { return false };
        let mut frames = Vec::new();
        let left = QUEUE_BYTES.saturating_sub(queued);
        let taken = membership.outbox().take(membership.member(), &document.dialect, left, &mut frames);
        if !frames.is_empty() {
            self.vigil.said(Instant::now());
            frames.into_iter().for_each(|frame| self.socket.push(frame));
        }
        match taken {
            Taken::All => false,
            Taken::More => true,
            Taken::Lapped => self.catch_up(slot),
            Taken::Closed => {
                // What the room said last may tell why, and what became of edits.
                self.hear_notices(slot, false);
                if self.document(slot).is_some_and(|document| matches!(document.phase, Phase::Open(_))) {
                    self.rejoin(slot);
                }
                false
            }
        }
    }

    /// Says what the room told, and pays what may leave by it. Returns whether something long waits.
    fn hear_notices(&mut self, slot: Slot, long_ones_wait: bool) -> bool {
        let Some(document) = self.document(slot) else { return false };
        let mut notices = VecDeque::new();
        let waits = document.inbox.take(long_ones_wait, &mut notices);
        for notice in notices {
            self.notice(slot, notice);
        }
        self.pay(slot);
        waits
    }

    fn notice(&mut self, slot: Slot, notice: Notice) {
        let Some(document) = self.document_mut(slot) else { return };
        let dialect = document.dialect.clone();
        match notice {
            Notice::Ask(question, vector) => {
                document.gate.asked(question, document.attempt);
                self.say(&dialect, Saying::Step1(&vector));
            }
            Notice::Difference(update, number) => {
                document.answered_to(number);
                self.say_long(&dialect, Saying::Step2(&update), &update);
            }
            Notice::CaughtUp(update, presence) => {
                document.catching_up = false;
                self.say_long(&dialect, Saying::Update(&update), &update);
                presence.iter().for_each(|states| self.say(&dialect, Saying::Awareness(states)));
                // What came since is in the ring.
                self.rung.push_back(slot);
            }
            Notice::Present(Some(states)) => self.say(&dialect, Saying::Awareness(&states)),
            Notice::Present(None) => {}
            Notice::Bound(client) => document.bound = Some(client),
            Notice::Settled(entry, fate) => document.gate.settle(entry, fate),
            Notice::Refused(refusal) => self.tell_refusal(&dialect, refusal),
            Notice::Closed(refusal) => self.refuse_document(slot, refusal),
        }
    }

    /// Sends the statuses that may leave.
    fn pay(&mut self, slot: Slot) {
        while let Some(document) = self.document_mut(slot)
            && let Some(fate) = document.gate.next()
        {
            let frame = document.dialect.frame(Saying::Status(fate == Fate::Durable));
            counted::ACKNOWLEDGEMENTS.increment(1);
            frame.into_iter().for_each(|frame| self.socket.push(frame));
        }
    }

    /// Says what may be as long as a document: then it is not copied for each who is told the same.
    fn say_long(&mut self, dialect: &Dialect, saying: Saying<'_>, payload: &Bytes) {
        if payload.len() < SHARED_BYTES_MIN {
            return self.say(dialect, saying);
        }
        if let Some(front) = dialect.front(saying) {
            self.vigil.said(Instant::now());
            self.socket.push_split(front, payload.clone());
        }
    }

    pub(super) fn say(&mut self, dialect: &Dialect, saying: Saying<'_>) {
        if let Some(frame) = dialect.frame(saying) {
            self.vigil.said(Instant::now());
            self.socket.push(frame);
        }
    }
}
