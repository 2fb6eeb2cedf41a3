//! Refusals: of an edit, a document, the socket; each in its protocol's own way.

use tandem_protocol::Refusal;
use tandem_protocol::refusal::{HocuspocusWay, YsyncWay};
use tandem_wire::LINGER_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::{CLOSE_WITHIN, Closing, Conduct};
use crate::dialect::{Dialect, Saying};
use crate::refusals;
use crate::session::document::Phase;
use crate::session::gate::{Attempt, Gate};
use crate::session::wake::Slot;

/// Where a y-websocket's document ends for a reason that has no close code of its own.
const CLOSED_FOR_GOOD: u16 = 4410;

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    /// Tells why an edit was not taken; its status comes apart.
    pub(super) fn tell_refusal(&mut self, dialect: &Dialect, refusal: Refusal) {
        match (dialect, refusal.hocuspocus(), refusal.ysync()) {
            (Dialect::Hocuspocus { .. }, HocuspocusWay::NotSavedWithCode | HocuspocusWay::Waits, _) => {
                self.say(dialect, Saying::Stateless(&refusal.stateless()));
            }
            (Dialect::YSync, _, YsyncWay::PermissionDenied) => self.say(dialect, Saying::Denied(refusal.code())),
            _ => {}
        }
    }

    /// Shuts a document; a y-websocket's socket closes with it.
    pub(super) fn refuse_document(&mut self, slot: Slot, refusal: Refusal) {
        let Some(document) = self.document_mut(slot) else { return };
        let dialect = document.dialect.clone();
        let phase = std::mem::replace(&mut document.phase, Phase::Shut);
        document.gate = Gate::default();
        document.unanswered = None;
        document.grant = None;
        // Whatever is still being tried or checked for it is stale.
        document.begin(Attempt::default());
        document.entered = Attempt::default();
        self.forget(&phase);
        if dialect == Dialect::YSync {
            return self.end(refusal);
        }
        match refusal.hocuspocus() {
            HocuspocusWay::CloseDocument | HocuspocusWay::CloseDocumentOrSocket(_) => {
                refusals::count(refusal);
                self.say(&dialect, Saying::Close(refusal.code()));
            }
            HocuspocusWay::CloseSocket(_) | HocuspocusWay::Cut => self.end(refusal),
            _ => {
                refusals::count(refusal);
                self.say(&dialect, Saying::Denied(refusal.code()));
            }
        }
    }

    /// Closes the socket with the refusal's code, or cuts it if that is the refusal's way.
    pub(super) fn end(&mut self, refusal: Refusal) {
        if self.closing.is_some() {
            return;
        }
        refusals::count(refusal);
        let code = if self.ysync {
            match refusal.ysync() {
                YsyncWay::Close(code) => Some(code),
                YsyncWay::Cut => None,
                // What closes nothing elsewhere closes a y-websocket whose document it ends.
                _ => Some(CLOSED_FOR_GOOD),
            }
        } else {
            match refusal.hocuspocus() {
                HocuspocusWay::CloseSocket(code) | HocuspocusWay::CloseDocumentOrSocket(code) => Some(code),
                HocuspocusWay::Cut => None,
                _ => Some(CLOSED_FOR_GOOD),
            }
        };
        let now = Instant::now();
        let until = match code {
            Some(code) => {
                self.socket.close(code, refusal.code());
                now + CLOSE_WITHIN
            }
            None => now,
        };
        let read_away_to = self.socket.received().saturating_add(LINGER_BYTES_MAX);
        self.closing = Some(Box::new(Closing { until, read_away_to }));
        // Rooms are left now, not when the peer agrees.
        self.slots.clear();
        self.keys.clear();
        self.rejoining = 0;
    }
}
