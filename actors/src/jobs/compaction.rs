//! Compaction: builds a snapshot from the previous snapshot and the stored rows, and installs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use metrics::{counter, histogram};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tandem_model::log::{Installed, Log, LogError, Row};
use tandem_model::{ClientId, DocumentName, Subject};
use tandem_yjs::{IndexLimits, StateVector};

use super::{Compacted, Finish};
use crate::blocking;
use crate::failpoint::failpoint;
use crate::journal::Target;
use crate::room::{self, Snapshots};
use crate::row::encode_snapshot;

/// One document's compaction.
pub(super) struct Compaction {
    pub(super) log: Arc<dyn Log>,
    pub(super) name: DocumentName,
    pub(super) target: Target,
}

pub(super) struct CompactionActor;

impl Actor for CompactionActor {
    type Msg = ();
    type State = (Compaction, Finish);
    type Arguments = (Compaction, Finish);

    async fn pre_start(&self, myself: ActorRef<()>, job: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        myself.cast(())?;
        Ok(job)
    }

    async fn handle(&self, myself: ActorRef<()>, (): (), state: &mut Self::State) -> Result<(), ActorProcessingErr> {
        let (job, finish) = state;
        finish.outcome = job.run().await?;
        myself.stop(None);
        Ok(())
    }
}

impl Compaction {
    /// Returns what loads start from now; `None` if another was first, or the document is another one by now.
    async fn run(&self) -> Result<Option<Compacted>, ActorProcessingErr> {
        let begun = Instant::now();
        let loaded = self.log.load(self.target.document).await?;
        if loaded.document.epoch != self.target.epoch {
            return Ok(None);
        }
        if loaded.rows.is_empty() {
            return Ok(Some(Compacted { upto: loaded.document.head, bytes: 0 }));
        }
        let building = blocking::run(move || -> Result<_, LogError> {
            // Admitted anew: what is deleted by now is known from the start, and more of it joins.
            let content = room::read(&loaded, Snapshots::Admitted, IndexLimits::NONE)?;
            let owners = newest_owners(&content.owners, content.index.state_vector());
            let payload = encode_snapshot(&owners, &content.index.outline(), &content.index.encode());
            Ok((Row { seq: content.head, payload }, content.since_snapshot.1))
        });
        let (snapshot, taken) = building.await??;
        failpoint!(aside "compaction::before-install", of self.name.as_str());
        let (bytes, upto) = (snapshot.payload.len(), snapshot.seq);
        let installed = self.log.install_snapshot(self.target.document, self.target.epoch, snapshot).await?;
        histogram!("tandem_compaction_seconds").record(begun.elapsed().as_secs_f64());
        counter!("tandem_compactions_total").increment(1);
        tracing::debug!(document = %self.name, %upto, bytes, "compacted");
        Ok((installed == Installed::Yes).then_some(Compacted { upto, bytes: taken }))
    }
}

/// Each id that has structs once, with the subject that bound it last, in the ids' order: the same content gives the same
/// snapshot. Of an id that wrote nothing there is nothing to be forged, and those who come and go have one each time.
fn newest_owners(owners: &[(ClientId, Subject)], held: &StateVector) -> Vec<(ClientId, Subject)> {
    let newest: BTreeMap<_, _> = owners.iter().filter(|(id, _)| held.get(*id) > 0).cloned().collect();
    newest.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owners_of_what_is_there_are_kept_each_once() {
        let mut held = StateVector::new();
        held.set(ClientId(7), 1);
        held.set(ClientId(3), 1);
        let owners =
            [(7, "ann"), (5, "bob"), (3, "cat"), (7, "dan")].map(|(id, who)| (ClientId(id), Subject::new(who)));
        let kept = newest_owners(&owners, &held);
        assert_eq!(kept, [(3, "cat"), (7, "dan")].map(|(id, who)| (ClientId(id), Subject::new(who))));
    }
}
