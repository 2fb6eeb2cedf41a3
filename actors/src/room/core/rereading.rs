//! What others wrote into the log between this room's own rows: noticed by a jump of the position, read, passed on.
//!
//! A commit that failed and was stored all the same leaves such a jump too: what is read then is known already.

use metrics::counter;
use tandem_model::Seq;
use tandem_model::log::{Loaded, LogError};
use tandem_yjs::{Admission, IndexLimits};
use tokio::time::Instant;

use super::Room;
use crate::journal::Target;
use crate::room::loading::{index_limits, take};

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
        if seq == self.head.next() && self.beyond <= self.head {
            self.head = seq;
        } else if seq > self.head {
            self.beyond = self.beyond.max(seq);
        }
    }

    /// Where to read the log from, if it holds rows that the room lacks.
    #[must_use]
    pub fn lacks(&self) -> Option<(Target, Seq)> {
        self.target.filter(|_| self.beyond > self.head).map(|target| (target, self.head))
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
        let taken =
            take(loaded, &mut self.index, &mut owners, &mut |admission| admissions.push(admission.into_owned()));
        self.index.set_limits(index_limits(&self.limits));
        admissions.into_iter().for_each(|admission| self.pass_on(admission));
        taken?;
        owners.into_iter().for_each(|(client, subject)| self.authors.learn(client, subject));
        self.head = self.head.max(loaded.document.head);
        self.settle_derived();
        self.ask_the_due(now);
        self.flush(now);
        Ok(Reread::Taken)
    }

    fn pass_on(&mut self, admission: Admission<'static>) {
        let Some(taken) = admission.taken else { return };
        counter!("tandem_updates_reread_total").increment(1);
        // Rows of this room's own were counted at their commit, and are no news.
        self.since_snapshot = (self.since_snapshot.0 + 1, self.since_snapshot.1 + taken.len() as u64);
        self.fan_out(None, admission.before, taken.into_owned().into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use tandem_model::log::{Append, Appended, Document, Log};
    use tandem_model::memory::MemoryLog;
    use tandem_model::{ClientId, DocumentName, Limits, Subject};

    use super::*;
    use crate::journal::Found;
    use crate::room::loading;
    use crate::row::{Contribution, encode_row};

    /// A log that two nodes write, and one document of it.
    struct Shared {
        log: MemoryLog,
        document: Document,
    }

    impl Shared {
        fn new() -> Self {
            let log = MemoryLog::new();
            let name = DocumentName::new("a").expect("a name");
            let document = log.create(&name).now_or_never().expect("at once").expect("a document");
            Self { log, document }
        }

        fn load(&self) -> Loaded {
            self.log.load(self.document.id).now_or_never().expect("at once").expect("a load")
        }

        fn since(&self, seq: Seq) -> Loaded {
            self.log.since(self.document.id, seq).now_or_never().expect("at once").expect("a read")
        }

        fn room(&self) -> Box<Room> {
            let found = Found::Content(Box::new(self.load()));
            loading::room(self.document.name.clone(), &found, Arc::new(Limits::default())).expect("a room")
        }

        /// Appends one letter of `client`, after the letters that it wrote before.
        fn append(&self, client: u8, clock: u8) -> Seq {
            // A string whose parent is the root `t`, or whose origin is the letter before; nothing is deleted.
            let update = match clock {
                0 => vec![1, 1, client, 0, 4, 1, 1, b't', 1, b'~', 0],
                _ => vec![1, 1, client, clock, 0x84, client, clock - 1, 1, b'~', 0],
            };
            let contribution = Contribution {
                subject: Subject::new("ann"),
                bound: Some(ClientId(client.into())),
                at_ms: 1,
                update: update.into(),
            };
            self.write(encode_row(&[contribution]))
        }

        fn write(&self, payload: Bytes) -> Seq {
            let row = Append { document: self.document.id, epoch: self.document.epoch, payload };
            match self.log.append(vec![row]).now_or_never().expect("at once").expect("an append")[0] {
                Appended::At(seq) => seq,
                Appended::Gone => panic!("the document is there"),
            }
        }
    }

    fn clock(room: &Room, client: u64) -> u64 {
        room.index().state_vector().get(ClientId(client))
    }

    #[tokio::test]
    async fn a_jump_is_noticed_and_what_lies_before_it_is_taken() {
        let shared = Shared::new();
        let mut room = shared.room();
        let target = room.target.expect("it was loaded");
        room.committed(1, shared.append(1, 0), target);
        assert_eq!((room.head, room.lacks()), (Seq(1), None), "the next position is no jump");
        shared.append(2, 0);
        shared.append(2, 1);
        room.committed(2, shared.append(3, 0), target);
        assert_eq!((room.head, room.lacks()), (Seq(1), Some((target, Seq(1)))));
        let read = shared.since(Seq(1));
        assert_eq!(read.rows.len(), 3);
        assert_eq!(room.reread(&read, Instant::now()), Ok(Reread::Taken));
        assert_eq!((room.head, room.lacks()), (Seq(4), None));
        assert_eq!(clock(&room, 2), 2, "the other's");
        assert_eq!(room.authors.owner(ClientId(2)), Some(&Subject::new("ann")), "and whose it is");
        room.committed(3, shared.append(4, 0), target);
        assert_eq!((room.head, room.lacks()), (Seq(5), None), "and so it goes on");
    }

    #[tokio::test]
    async fn what_is_committed_while_the_log_is_read_is_read_next() {
        let shared = Shared::new();
        let mut room = shared.room();
        let target = room.target.expect("it was loaded");
        shared.append(2, 0);
        room.committed(1, shared.append(1, 0), target);
        let read = shared.since(Seq(0));
        shared.append(2, 1);
        room.committed(2, shared.append(1, 1), target);
        assert_eq!(room.reread(&read, Instant::now()), Ok(Reread::Taken));
        assert_eq!(room.lacks(), Some((target, Seq(2))), "there is more by now");
        assert_eq!(room.reread(&shared.since(Seq(2)), Instant::now()), Ok(Reread::Taken));
        assert_eq!((clock(&room, 2), room.lacks()), (2, None));
        room.committed(3, Seq(4), target);
        assert_eq!(room.head, Seq(4), "a commit that was read before it was told changes nothing");
    }

    #[tokio::test]
    async fn a_deletion_by_another_node_and_a_row_that_is_none_end_the_room() {
        let shared = Shared::new();
        let mut room = shared.room();
        shared.write(Bytes::from_static(b"no row"));
        let outcome = room.reread(&shared.since(Seq(0)), Instant::now());
        assert!(matches!(outcome, Err(LogError::Unreadable { .. })), "{outcome:?}");
        let deleted = shared.log.delete(shared.document.id, Bytes::new()).now_or_never();
        assert_eq!(deleted, Some(Ok(())));
        assert_eq!(room.reread(&shared.since(Seq(0)), Instant::now()), Ok(Reread::Gone));
        let again = shared.log.create(&shared.document.name).now_or_never().expect("at once").expect("a document");
        assert!(!again.deleted);
        assert_eq!(room.reread(&shared.since(Seq(0)), Instant::now()), Ok(Reread::Gone), "it is another one");
    }
}
