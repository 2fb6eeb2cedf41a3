//! What is read: frames become commands to rooms.

use bytes::Bytes;
use tandem_model::DocumentName;
use tandem_protocol::hocuspocus::{self, Direction, Frame, split_key};
use tandem_protocol::{Kind, Refusal, Sync, ysync};
use tandem_wire::{Counts, Inward, Reservation, WireError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::said::Said;
use super::{Conduct, Go, Over};
use crate::counted;
use crate::dialect::{Dialect, Saying};
use crate::failpoint::failpoint;
use crate::room::command::Command;
use crate::session::document::{Document, Kept, Phase};
use crate::session::wake::Slot;
use crate::{reached, refusals};

/// The most of a frame that is kept beside the update in it, in bytes: an update is passed on and stored as the frame's bytes
/// as long as those are little else.
const ENVELOPE_KEPT_MAX: usize = 32;

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    /// The stream ended, in order or not.
    pub(super) fn ended(&mut self, error: Option<WireError>) -> Go {
        match error {
            Some(error) if error.code().is_some() => {
                // The close frame is queued already; it is given a chance to leave.
                tracing::debug!(%error, "a socket broke the rules");
                if self.closing.is_none() {
                    self.broken(&error);
                }
                Err(Over::Finish)
            }
            None => Err(Over::Finish),
            Some(_) => Err(Over::Cut),
        }
    }

    /// The WebSocket layer has ended the socket.
    fn broken(&mut self, error: &WireError) {
        if let WireError::TooLarge { head, .. } = error {
            refusals::count(Refusal::Oversized);
            // Or its sender would be asked for the same when it comes back.
            self.too_large(head, true);
        } else {
            refusals::count(Refusal::BrokenWebsocket);
        }
    }

    pub(super) fn counted(&mut self, counts: Counts, now: Instant) {
        if self.pace.spend(counts.frames, now) {
            reached::count("session_frames_per_second", 1);
        }
        if self.pings.is_too_much(counts.pings.saturating_add(counts.empty), now) {
            return self.end(Refusal::Flood);
        }
        let limits = &self.around.limits;
        if !self.authenticated && self.socket.received() > limits.message_bytes + limits.pending_socket_bytes {
            self.end(Refusal::Oversized);
        }
    }

    pub(super) fn inward(&mut self, inward: Inward, now: Instant) {
        let counts = self.socket.take_counts();
        self.counted(counts, now);
        if self.closing.is_some() {
            return;
        }
        match inward {
            Inward::Binary(message) => {
                let (frame, reservation) = message.into_parts();
                counted::FRAMES_IN.increment(1);
                if let Some(slot) = self.single {
                    self.frame(slot, frame, Some(reservation), now);
                } else {
                    self.keyed_frame(frame, reservation, now);
                }
            }
            Inward::Text(_) => self.end(Refusal::ProtocolMistake),
            Inward::TooLarge { head, bytes } => {
                tracing::debug!(bytes, "a message was too large");
                self.too_large(&head, false);
            }
            Inward::Ping | Inward::Pong | Inward::Close(_) => {}
        }
    }

    /// A Hocuspocus frame: finds its document, or begins one.
    fn keyed_frame(&mut self, frame: Bytes, reservation: Reservation, now: Instant) {
        let (key, message) = match hocuspocus::decode(Direction::FromClient, &frame) {
            Ok(Frame::Ping | Frame::Pong) => return,
            Ok(Frame::Document { key, message }) => (key, message),
            Err(error) => {
                tracing::debug!(%error, "a frame cannot be read");
                let slot = hocuspocus::head(&frame).ok().and_then(|head| self.keys.get(head.key).copied());
                return match slot {
                    Some(slot) => self.refuse_document(slot, Refusal::BadFrame),
                    None => self.end(Refusal::BadFrame),
                };
            }
        };
        if let Some(&slot) = self.keys.get(key) {
            return self.frame(slot, frame, Some(reservation), now);
        }
        if matches!(message, hocuspocus::Message::Close(_)) {
            return;
        }
        let dialect = Dialect::Hocuspocus { key: key.into() };
        let refusal = match DocumentName::new(split_key(key).0) {
            Ok(name) if (self.keys.len() as u64) < self.around.limits.documents_per_socket => {
                let slot = self.add(name, dialect, now);
                return self.frame(slot, frame, Some(reservation), now);
            }
            Ok(_) => Refusal::TooManyDocuments,
            Err(_) => Refusal::NameNotAllowed,
        };
        if matches!(message, hocuspocus::Message::Token { .. }) {
            refusals::count(refusal);
            self.say(&dialect, Saying::Denied(refusal.code()));
        }
    }

    pub(super) fn add(&mut self, name: DocumentName, dialect: Dialect, now: Instant) -> Slot {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let slot = Slot::try_from(free).unwrap_or(Slot::MAX);
        if let Dialect::Hocuspocus { key } = &dialect {
            self.keys.insert(key.clone(), slot);
        }
        let document = Document::new(name, dialect, slot, self.wake.clone(), &self.around.limits, now);
        if free == self.slots.len() {
            self.slots.push(Some(Box::new(document)));
        } else {
            self.slots[free] = Some(Box::new(document));
        }
        slot
    }

    /// One frame of one document, by where the document stands.
    pub(super) fn frame(&mut self, slot: Slot, frame: Bytes, reservation: Option<Reservation>, now: Instant) {
        let Some(document) = self.document(slot) else { return };
        failpoint!("session::frame", of document.name.as_str());
        let counts = document.dialect.counts();
        let said = if counts { Said::hocuspocus(&frame) } else { Said::ysync(&frame) };
        let said = match said {
            Ok(said) => said,
            Err(refusal) => return self.refuse_document(slot, refusal),
        };
        match (&document.phase, said) {
            (_, Said::Nothing) | (Phase::Rejoining, _) => {}
            (_, Said::Leave) => self.leave(slot),
            (Phase::Shut, Said::Token(token)) => {
                if let Some(document) = self.document_mut(slot) {
                    document.phase = Phase::Pending(Kept::default());
                }
                self.enter(slot, token);
            }
            (Phase::Shut, _) => refusals::count(Refusal::NotOpen),
            (Phase::Pending(kept), Said::Token(token)) if !kept.checking => self.enter(slot, token),
            (Phase::Pending(_), said) => self.keep(slot, &frame, said.kind()),
            (Phase::Open(_), Said::Token(token)) => self.refresh(slot, token),
            (Phase::Open(_), said) => self.command(slot, &frame, said, reservation, now),
        }
    }

    fn command(&mut self, slot: Slot, frame: &Bytes, said: Said<'_>, reservation: Option<Reservation>, now: Instant) {
        let owed_max = self.around.limits.owed_edits;
        let flight = self.flights.start(reservation);
        let Some(document) = self.document_mut(slot) else { return };
        let counts = document.dialect.counts();
        let command = match said {
            Said::Sync(Sync::Step1(vector)) => {
                if document.steps.is_too_much(1, now) {
                    return self.refuse_document(slot, Refusal::Flood);
                }
                document.gate.restart();
                document.step1(vector);
                return self.answer_in_turn(slot, Some(flight));
            }
            Said::Sync(Sync::Step2(update)) => {
                let answer = if counts { document.gate.answered() } else { document.gate.answered_uncounted() };
                Command::Step2 { update: update_of(frame, update), answer }
            }
            Said::Sync(Sync::Update(update)) => {
                let entry = counts.then(|| document.gate.owe());
                Command::Update { update: update_of(frame, update), entry }
            }
            Said::Awareness(states) => {
                document.spoke(states);
                Command::Awareness(frame.slice_ref(states))
            }
            Said::QueryAwareness => Command::QueryAwareness,
            Said::Stateless(text) => Command::Stateless(text.into()),
            Said::Token(_) | Said::Leave | Said::Nothing => return,
        };
        let crowded = document.is_crowded(owed_max);
        if let Phase::Open(membership) = &mut document.phase {
            membership.command(command, flight);
            self.commanded.push(slot);
        }
        if crowded {
            self.crowd(slot);
        }
    }

    /// Keeps a frame until the credential is decided, or notes what was not kept.
    fn keep(&mut self, slot: Slot, frame: &Bytes, kind: Kind) {
        let limits = self.around.clone();
        let (one_max, all_max) = (limits.limits.pending_document_bytes, limits.limits.pending_socket_bytes);
        let (all, bytes) = (self.kept_bytes, frame.len() as u64);
        let Some(Document { phase: Phase::Pending(kept), .. }) = self.document_mut(slot) else { return };
        if !kept.has_lost() && kept.bytes + bytes <= one_max && all + bytes <= all_max {
            kept.bytes += bytes;
            kept.frames.push_back(Bytes::copy_from_slice(frame));
            self.kept_bytes += bytes;
        } else {
            if !std::mem::replace(&mut kept.full, true) {
                reached::count(
                    if all + bytes > all_max { "pending_socket_bytes" } else { "pending_document_bytes" },
                    1,
                );
            }
            self.lose(slot, kind);
        }
    }

    /// Notes what came before the credential was decided and was not kept.
    fn lose(&mut self, slot: Slot, kind: Kind) {
        let owed_max = self.around.limits.owed_edits;
        let Some(document) = self.document_mut(slot) else { return };
        let Phase::Pending(kept) = &mut document.phase else { return };
        if kind == Kind::Step2 && !document.gate.answered_in_vain() {
            return;
        }
        kept.lose(kind);
        if document.is_crowded(owed_max) {
            self.crowd(slot);
        }
    }

    /// A message was not read, since it is too large; `oversized` if the socket ends for it.
    fn too_large(&mut self, head: &[u8], oversized: bool) {
        let found = match self.single {
            Some(slot) => Some((slot, ysync::head(head))),
            None => match hocuspocus::head(head) {
                Ok(head) => self.keys.get(head.key).map(|slot| (*slot, head.kind)),
                Err(_) if oversized => None,
                Err(_) => return self.end(Refusal::BadFrame),
            },
        };
        // For another document than those that are open here it is nothing; the others go on.
        let Some((slot, kind)) = found else { return refusals::count(Refusal::NotOpen) };
        let (flight, authenticated) = (self.flights.start(None), self.authenticated);
        let Some(document) = self.document_mut(slot) else { return };
        let counts = document.dialect.counts();
        match &mut document.phase {
            Phase::Open(membership) => {
                let (answer, entry) = match kind {
                    Kind::Step2 if counts => {
                        let answer = document.gate.answered();
                        (answer.attempt, answer.entry)
                    }
                    Kind::Step2 => (document.gate.answered_uncounted().attempt, None),
                    Kind::Update => (None, counts.then(|| document.gate.owe())),
                    _ => return refusals::count(Refusal::TooLarge),
                };
                membership.command(Command::TooLarge { answer, entry, oversized }, flight);
                membership.hand_over();
            }
            Phase::Pending(_) if kind == Kind::Auth => self.refuse_document(slot, Refusal::Unauthenticated),
            Phase::Pending(_) => {
                reached::count(if authenticated { "message_bytes" } else { "message_bytes_unauthenticated" }, 1);
                self.lose(slot, kind);
            }
            Phase::Rejoining | Phase::Shut => {}
        }
    }
}

/// An update out of a frame, to be kept for as long as somebody needs it.
fn update_of(frame: &Bytes, update: &[u8]) -> Bytes {
    if frame.len() - update.len() > ENVELOPE_KEPT_MAX {
        Bytes::copy_from_slice(update)
    } else {
        frame.slice_ref(update)
    }
}
