//! Jobs: work beside the path of an edit, each in an actor of its own. The first kind is compaction.
//!
//! - Owner: Root. A job that fails is not tried again: whoever wanted it asks again when it still wants it.
//! - In: [`Jobs::compact`]. Out: the callback of the job.
//! - Bound: [`JOBS_MAX`] at a time; the others wait in order, one a document.
//! - Invariant: a snapshot is built from the previous snapshot and stored rows only, never from a room.

mod compaction;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use metrics::{counter, gauge};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tandem_model::log::Log;
use tandem_model::{DocumentName, Limits, Seq};

use crate::cell::Cell;
use crate::failpoint::failpoint;
use crate::journal::Target;

/// Jobs that run at a time: one leaves the other core to edits.
pub const JOBS_MAX: usize = 1;

/// Compaction is not due before the rows since the snapshot are this part of the document.
pub const COMPACT_SHARE: u64 = 4;

/// Fewer rows than this load as fast as the snapshot that would be made of them, however large they are: only what is
/// overwritten in them is to be gained.
pub const COMPACT_FEW_ROWS: u64 = 3;

/// Told when a job ended: what loads start from now, if that is known.
pub type Done = Box<dyn FnOnce(Option<Compacted>) + Send>;

/// What a compaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The position of the snapshot that loads start from.
    pub upto: Seq,
    /// Bytes of the rows that left the load path.
    pub bytes: u64,
}

/// The way to the jobs; clones share it.
#[derive(Clone, Default)]
pub struct Jobs(Cell<Msg>);

impl Jobs {
    /// Whether a document with so many (rows, bytes) since its snapshot is to be compacted.
    #[must_use]
    pub fn wants(&self, limits: &Limits, since_snapshot: (u64, u64), document_bytes: u64) -> bool {
        let (rows, bytes) = since_snapshot;
        let gains = rows >= COMPACT_FEW_ROWS || bytes / 2 >= document_bytes;
        (rows >= limits.compact_rows || (bytes >= limits.compact_bytes && gains))
            && bytes >= document_bytes / COMPACT_SHARE
    }

    /// Asks for a document's compaction.
    pub fn compact(&self, name: DocumentName, target: Target, done: Done) {
        let done = Finish { done: Some(done), outcome: None };
        self.0.cast(Msg::Compact(Compact { name, target, done }));
    }

    /// Starts the actor under `supervisor`, or puts a new one in the place of one that failed.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, log: Arc<dyn Log>, supervisor: ActorCell) -> Result<ActorRef<Msg>, SpawnErr> {
        let (actor, _) = Actor::spawn_linked(None, JobsActor, log, supervisor).await?;
        self.0.set(actor.clone());
        Ok(actor)
    }
}

/// What Jobs is told; private to this module but for ractor's sake.
pub enum Msg {
    /// See [`Jobs::compact`].
    Compact(Compact),
}

/// One document to compact.
pub struct Compact {
    name: DocumentName,
    target: Target,
    done: Finish,
}

/// Tells whoever wanted a job that it ended: also one that panics, and one that waited in a queue which is lost.
struct Finish {
    done: Option<Done>,
    outcome: Option<Compacted>,
}

impl Drop for Finish {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.outcome);
        }
    }
}

struct JobsActor;

struct State {
    log: Arc<dyn Log>,
    waiting: VecDeque<Compact>,
    running: HashMap<ActorId, DocumentName>,
}

impl Actor for JobsActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<dyn Log>;

    async fn pre_start(&self, _: ActorRef<Msg>, log: Arc<dyn Log>) -> Result<State, ActorProcessingErr> {
        gauge!("tandem_jobs_waiting").set(0.0);
        Ok(State { log, waiting: VecDeque::new(), running: HashMap::new() })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        failpoint!("jobs::handle");
        match message {
            Msg::Compact(compact) => state.wait(compact),
        }
        state.go_on(&myself).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(job, ..) => state.ended(job.get_id(), None),
            SupervisionEvent::ActorFailed(job, error) => state.ended(job.get_id(), Some(error)),
            _ => return Ok(()),
        }
        state.go_on(&myself).await;
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _: &mut State) -> Result<(), ActorProcessingErr> {
        myself.stop_children_and_wait(None, None).await;
        Ok(())
    }
}

impl State {
    /// Puts it last, or in the place of what an earlier room of the document asked for.
    fn wait(&mut self, compact: Compact) {
        let document = compact.target.document;
        match self.waiting.iter_mut().find(|waiting| waiting.target.document == document) {
            Some(waiting) => *waiting = compact,
            None => self.waiting.push_back(compact),
        }
    }

    async fn go_on(&mut self, myself: &ActorRef<Msg>) {
        self.start_some(myself).await;
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("tandem_jobs_waiting").set(self.waiting.len() as f64);
    }

    async fn start_some(&mut self, myself: &ActorRef<Msg>) {
        while self.running.len() < JOBS_MAX
            && let Some(Compact { name, target, done }) = self.waiting.pop_front()
        {
            let job = compaction::Compaction { log: self.log.clone(), name: name.clone(), target };
            match Actor::spawn_linked(None, compaction::CompactionActor, (job, done), myself.get_cell()).await {
                Ok((actor, _)) => drop(self.running.insert(actor.get_id(), name)),
                Err(error) => tracing::error!(document = %name, %error, "a job could not be started"),
            }
        }
    }

    fn ended(&mut self, job: ActorId, failure: Option<ActorProcessingErr>) {
        let Some(name) = self.running.remove(&job) else { return };
        if let Some(error) = failure {
            counter!("tandem_actor_restarts_total", "actor" => "job").increment(1);
            tracing::error!(document = %name, %error, "a compaction failed; the rows stay as they are");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_compacted_only_when_half_of_them_is_overwritten() {
        let limits = Limits { compact_rows: 500, compact_bytes: 1_000, ..Limits::default() };
        let wants = |rows, bytes, document| Jobs::default().wants(&limits, (rows, bytes), document);
        assert!(!wants(2, 1_000_000, 1_000_000), "one great paste is no reason");
        assert!(wants(2, 1_000_000, 500_000));
        assert!(wants(COMPACT_FEW_ROWS, 1_000, 4_000));
        assert!(!wants(COMPACT_FEW_ROWS, 999, 1_000) && !wants(COMPACT_FEW_ROWS, 1_000, 4_100));
        assert!(wants(500, 10, 10) && !wants(499, 10, 10) && !wants(500, 10, 50));
    }
}
