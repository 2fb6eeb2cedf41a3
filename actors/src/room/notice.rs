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

impl Notice {
    /// Whether it may be as long as a document.
    #[must_use]
    pub fn is_long(&self) -> bool {
        matches!(self, Self::Difference(..) | Self::CaughtUp(..))
    }
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

    /// Takes all notices, oldest first; where a [long](Notice::is_long) one has to wait, those before it.
    ///
    /// Returns whether one waits.
    pub fn take(&self, long_ones_wait: bool, notices: &mut VecDeque<Notice>) -> bool {
        let mut here = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = here.iter().position(Notice::is_long).filter(|_| long_ones_wait);
        let behind = waits.map_or_else(VecDeque::new, |at| here.split_off(at));
        let mut new = std::mem::replace(&mut *here, behind);
        if notices.is_empty() {
            *notices = new;
        } else {
            notices.append(&mut new);
        }
        waits.is_some()
    }

    /// The bell that it rings.
    #[must_use]
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::wake::Wake;

    #[test]
    fn a_long_notice_waits_and_so_does_what_is_behind_it() {
        let inbox = Inbox::new(Arc::new(Bell::new(Arc::new(Wake::default()), 0)));
        let told = [Notice::Bound(ClientId(7)), Notice::Difference(Bytes::new(), 1), Notice::Present(None)];
        told.iter().for_each(|notice| inbox.push(notice.clone()));
        let mut heard = VecDeque::new();
        assert!(inbox.take(true, &mut heard));
        assert!(heard.iter().eq(&told[..1]), "{heard:?}");
        assert!(inbox.take(true, &mut heard));
        assert!(!inbox.take(false, &mut heard));
        assert!(heard.iter().eq(&told), "{heard:?}");
        assert!(!inbox.take(true, &mut heard), "nothing is there");
    }
}
