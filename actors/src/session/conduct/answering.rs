//! Long answers: a document's difference for a client that asks, or whose cursor was lapped. Each may be as long as its
//! document, and a socket may have a thousand documents: they are made one after the other, as late as their client
//! takes them.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{ANSWERS_BYTES, Conduct};
use crate::room::command::Command;
use crate::session::document::{Document, Phase};
use crate::session::flight::Flight;
use crate::session::gate::Attempt;
use crate::session::wake::Slot;

/// The long answer that a room is making for this socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answering {
    slot: Slot,
    /// The join that asked; a later one brings back what was not answered.
    attempt: Attempt,
    to: To,
}

/// What it answers.
#[derive(Clone, Copy, Debug)]
enum To {
    /// SyncStep1 of this number, and those before.
    Step1(u64),
    /// A lapped cursor.
    CatchUp,
}

impl Answering {
    fn is_due_from(&self, document: &Document) -> bool {
        let answered = match self.to {
            To::Step1(number) => document.answered >= number,
            To::CatchUp => !document.catching_up,
        };
        !answered && document.attempt == self.attempt && matches!(document.phase, Phase::Open(_))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    /// The client of a document is to be answered at length: at once, or when it is its turn. What it sent is in flight
    /// until then.
    pub(super) fn answer_in_turn(&mut self, slot: Slot, flight: Option<Flight>) {
        if self.to_answer.is_empty() && self.is_free() {
            return self.ask(slot, flight);
        }
        let Some(document) = self.document_mut(slot) else { return };
        if !std::mem::replace(&mut document.queued, true) {
            self.to_answer.push_back((slot, flight));
        } else if let Some(there) = self.to_answer.iter_mut().find(|there| there.0 == slot)
            && flight.is_some()
        {
            // The newest takes the place of the one before.
            there.1 = flight;
        }
    }

    /// Asks a room for the next long answer, if it is time for it.
    pub(super) fn ask_next(&mut self) {
        while self.may_ask()
            && let Some((slot, flight)) = self.to_answer.pop_front()
        {
            if self.to_answer.is_empty() {
                // No place is kept for what most sockets never need.
                self.to_answer = VecDeque::new();
            }
            if let Some(document) = self.document_mut(slot) {
                document.queued = false;
            }
            self.ask(slot, flight);
        }
    }

    fn ask(&mut self, slot: Slot, flight: Option<Flight>) {
        let flight = flight.unwrap_or_else(|| self.flights.start(None));
        let Some(document) = self.document_mut(slot) else { return };
        if std::mem::take(&mut document.lapped) {
            // It looks again, and asks then.
            document.bell.ring();
        }
        // One that joins again brings its SyncStep1 with it.
        let Phase::Open(membership) = &mut document.phase else { return };
        let Some(step1) = document.unanswered.clone() else { return };
        let to = To::Step1(step1.number);
        membership.command(Command::Step1(step1), flight);
        self.answering = Some(Answering { slot, attempt: document.attempt, to });
        self.commanded.push(slot);
    }

    /// Whether a long answer waits and may be asked for.
    pub(super) fn may_ask(&self) -> bool {
        !self.to_answer.is_empty() && self.is_free()
    }

    /// Whether the long answer before came, and most of it was taken.
    fn is_free(&self) -> bool {
        self.socket.queued().1 < ANSWERS_BYTES && !self.is_answering()
    }

    fn is_answering(&self) -> bool {
        let document = |answering: &Answering| self.document(answering.slot);
        self.answering.is_some_and(|answering| document(&answering).is_some_and(|there| answering.is_due_from(there)))
    }

    /// Asks for the merged difference of a lapped cursor, once the socket is writable again. Returns whether to look again
    /// when it is.
    pub(super) fn catch_up(&mut self, slot: Slot) -> bool {
        if self.socket.queued().0 > 0 {
            return true;
        }
        let Some(document) = self.document(slot) else { return false };
        if document.catching_up {
            return false;
        }
        let others_turn = self.is_answering();
        let Some(document) = self.document_mut(slot) else { return false };
        if others_turn {
            document.lapped = true;
            self.answer_in_turn(slot, None);
            return false;
        }
        let attempt = document.attempt;
        if let Phase::Open(membership) = &mut document.phase {
            document.catching_up = true;
            membership.catch_up();
            self.answering = Some(Answering { slot, attempt, to: To::CatchUp });
        }
        false
    }
}
