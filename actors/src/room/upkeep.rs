//! What a room has done for its log: compaction, reading what another wrote, deletion.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tandem_model::log::{Loaded, LogError};
use tandem_protocol::Refusal;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Msg;
use super::carried::{Carried, Phase};
use super::core::Reread;
use super::door::Door;
use crate::jobs::Compacted;

/// How long a deletion waits for the first commit of its document, each time.
const DELETE_AGAIN: Duration = Duration::from_millis(20);

/// How long a document is not compacted after a compaction of it failed.
const COMPACT_AGAIN: Duration = Duration::from_secs(30);

/// How long the log is not read again after it could not be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

impl Carried {
    pub(super) fn compacted(&mut self, done: Option<Compacted>, now: Instant) {
        self.compacting = false;
        let Phase::Live(live) = &mut self.phase else { return };
        let Some(Compacted { upto, bytes }) = done else {
            // What failed is not tried again at once: the rows stay as they are meanwhile.
            self.compact_at = now + COMPACT_AGAIN;
            return;
        };
        // Counted from the position, not from what was taken out: an earlier compaction may have been stored although it
        // failed.
        let rows = u64::try_from(live.0.head.0 - upto.0).unwrap_or_default();
        let bytes = live.0.since_snapshot.1.saturating_sub(bytes);
        live.0.since_snapshot = (rows, if rows == 0 { 0 } else { bytes });
    }

    pub(super) fn reread(&mut self, door: &Arc<Door>, read: Result<Loaded, LogError>, now: Instant) {
        self.rereading = false;
        let Phase::Live(live) = &mut self.phase else { return };
        let room = &mut live.0;
        match read.and_then(|loaded| room.reread(&loaded, now)) {
            Ok(Reread::Taken) => {}
            Ok(Reread::Gone) | Err(LogError::Absent) => {
                room.close(Refusal::Gone);
                self.end();
            }
            Err(error @ LogError::Unreadable { .. }) => {
                tracing::error!(document = %door.name(), %error, "what another wrote cannot be read");
                room.close(Refusal::Quarantined);
                self.end();
            }
            Err(error @ (LogError::Unavailable(_) | LogError::Full(_))) => {
                tracing::warn!(document = %door.name(), %error, "what another wrote could not be read; it is tried again");
                self.reread_at = now + READ_AGAIN;
            }
        }
    }

    pub(super) fn delete(&mut self, door: &Arc<Door>, reply: oneshot::Sender<Result<(), LogError>>) {
        let Phase::Live(live) = &mut self.phase else { return };
        if reply.is_closed() {
            // Whoever asked gave up, and does not expect it any more.
            return;
        }
        let Some(target) = live.0.target else {
            if live.0.uncommitted.is_empty() {
                // Whoever asked may be gone.
                let _ = reply.send(Err(LogError::Absent));
            } else {
                // Its first commit is on its way, and tells where the document stands.
                door.cast_after(DELETE_AGAIN, Msg::Delete(reply));
            }
            return;
        };
        let tombstone = Bytes::from(live.0.tombstone().encode());
        let (log, door) = (door.around().journal.log().clone(), door.clone());
        tokio::spawn(async move {
            let deleted = log.delete(target.document, tombstone).await;
            // A room that ended meanwhile has nobody left to tell; an append that came late may have ended it.
            let _ = door.cast(Msg::Deleted(deleted.clone()));
            // Whoever asked may be gone.
            let _ = reply.send(deleted);
        });
    }

    pub(super) fn deleted(&mut self, result: &Result<(), LogError>) {
        let Phase::Live(live) = &mut self.phase else { return };
        if result.is_ok() {
            live.0.close(Refusal::Gone);
            self.end();
        }
    }
}
