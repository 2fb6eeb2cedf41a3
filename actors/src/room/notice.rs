//! What a room tells one session.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tandem_model::ClientId;
use tandem_protocol::refusal::Refusal;

use crate::session::gate::{Entry, Fate, Question};
use crate::session::wake::Bell;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Ask the client what we miss; a state vector.
    Ask(Question, Bytes),
    /// Answer the client's SyncStep1 with this number, and all before it; an update.
    Difference(Bytes, u64),
    /// The cursor was lapped, and this is all that it missed, presence included.
    CaughtUp(Bytes, Option<Bytes>),
    /// Who is there; from here on the session reads presence.
    Present(Option<Bytes>),
    /// The session is bound to this client id.
    Bound(ClientId),
    /// An edit's fate.
    Settled(Entry, Fate),
    /// An edit was not taken, for this reason; its fate comes apart.
    Refused(Refusal),
    /// The document is closed to this session.
    Closed(Refusal),
}

/// Where a room leaves notices for one session.
///
/// Bound: each notice answers something that the session sent and is counted in its commands in flight, or is a
/// question, of which one is open at a time.
#[derive(Debug)]
pub struct Inbox {
    notices: Mutex<VecDeque<Notice>>,
    bell: Arc<Bell>,
}

impl Inbox {
    /// An empty inbox that rings `bell`.
    #[must_use]
    pub fn new(bell: Arc<Bell>) -> Self {
        Self { notices: Mutex::default(), bell }
    }

    /// Leaves a notice.
    pub fn push(&self, notice: Notice) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push_back(notice);
        self.bell.ring();
    }

    /// Takes all notices, oldest first.
    pub fn take(&self, notices: &mut VecDeque<Notice>) {
        let mut new = std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner));
        if notices.is_empty() {
            *notices = new;
        } else {
            notices.append(&mut new);
        }
    }

    /// The bell that it rings.
    #[must_use]
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }
}
