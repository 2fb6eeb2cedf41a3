//! What others wrote into the log between this room's own rows: noticed by a jump of the position, read, passed on.
//!
//! A commit that failed and was stored all the same leaves such a jump too: what is read then is known already.

use bytes::Bytes;
use metrics::counter;
use tandem_model::Seq;
use tandem_model::log::{Loaded, LogError};
use tandem_yjs::{Admission, IndexLimits};
use tokio::time::Instant;

use super::Room;
use crate::journal::Target;
use crate::room::loading::{index_limits, take};
use crate::room::outbox::Post;

/// What came of reading the log again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    /// The room has all that was read.
    Taken,
    /// The document was deleted, and perhaps made again.
    Gone,
}

impl Room {
    /// A row of this room is committed at `seq`. Rows before it that are not known are another's.
    pub(super) fn reached(&mut self, seq: Seq) {
        if seq == self.head.next() && self.beyond.is_none() {
            self.head = seq;
        } else if seq > self.head {
            self.beyond = self.beyond.max(Some(seq));
        }
    }

    /// Where to read the log from, if it holds rows that the room lacks.
    #[must_use]
    pub fn lacks(&self) -> Option<(Target, Seq)> {
        self.beyond.and(self.target).map(|target| (target, self.head))
    }

    /// Takes what the log holds behind the head, and passes on what was new.
    ///
    /// # Errors
    /// [`LogError::Unreadable`]: the log contradicts the room, which is worth no more than a load.
    pub fn reread(&mut self, loaded: &Loaded, now: Instant) -> Result<Reread, LogError> {
        if self.target.is_none_or(|target| target.epoch != loaded.document.epoch) || loaded.document.deleted {
            return Ok(Reread::Gone);
        }
        let mut owners = Vec::new();
        let mut admissions = Vec::new();
        // What is stored is taken, whatever the document weighs: a load would take it too.
        self.index.set_limits(IndexLimits::NONE);
        let taken = take(loaded, &mut self.index, &mut owners, &mut |admission| admissions.push(admission));
        self.index.set_limits(index_limits(&self.limits));
        admissions.into_iter().for_each(|admission| self.pass_on(admission));
        taken?;
        owners.into_iter().for_each(|(client, subject)| self.authors.learn(client, subject));
        self.head = self.head.max(loaded.document.head);
        self.beyond = self.beyond.filter(|beyond| *beyond > self.head);
        self.settle_derived();
        self.ask_the_due(now);
        self.flush(now);
        Ok(Reread::Taken)
    }

    fn pass_on(&mut self, admission: Admission) {
        let Some(taken) = admission.taken else { return };
        counter!("tandem_updates_reread_total").increment(1);
        self.whole = None;
        // Rows of this room's own were counted at their commit, and are no news.
        self.since_snapshot = (self.since_snapshot.0 + 1, self.since_snapshot.1 + taken.len() as u64);
        self.post(None, Post::Update { before: admission.before, update: Bytes::from(taken) });
    }
}
