//! What the log holds durably, read from its rows by `yrs`: nothing of the server's own reading is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tandem_actors::row::decode_row;
use tandem_model::{DocumentId, Seq};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::{IdSet, Snapshot, Update};

use crate::replica::Replica;
use crate::story::Story;

/// The mark of a forger's text: it must never be stored.
pub const FORGED: &str = "\u{2620}";

/// What an update brings: elements inserted and elements deleted.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    inserted: IdSet,
    deleted: IdSet,
}

impl Claim {
    /// Reads an update.
    pub fn of(update: &[u8]) -> Self {
        let update = Update::decode_v1(update).expect("an update that was written here or by a room");
        Self { inserted: update.insertions(true), deleted: update.delete_set().clone() }
    }

    /// What both bring.
    pub fn merge(&mut self, other: Self) {
        self.inserted.merge_with(other.inserted);
        self.deleted.merge_with(other.deleted);
    }

    /// The same without deletions: a viewer's are its own copy's, and nobody stores them.
    pub fn insertions(self) -> Self {
        Self { inserted: self.inserted, deleted: IdSet::default() }
    }

    /// Whether nothing is inserted.
    pub fn inserts_nothing(&self) -> bool {
        self.inserted.iter().all(|(_, ranges)| ranges.is_empty())
    }

    /// What of it is not in a document that stands so, in words; nothing if all is.
    fn beyond(&self, held: &Snapshot) -> Option<String> {
        let mut all = Vec::new();
        for (client, range) in ranges(&self.inserted) {
            let end = held.state_map.get(&client);
            if range.end > end {
                all.push(format!("{client:?} {range:?} of ..{end}"));
            }
        }
        for (client, range) in ranges(&self.deleted) {
            let deleted = held.delete_set.get(&client).into_iter().flat_map(|ranges| ranges.iter());
            // Ranges that touch are one.
            let covers = |(held, ()): &(Range<u32>, ())| held.start <= range.start && range.end <= held.end;
            if !deleted.clone().any(covers) {
                let deleted: Vec<_> = deleted.map(|(range, ())| range).collect();
                all.push(format!("{client:?} {range:?} deleted of {deleted:?}"));
            }
        }
        (!all.is_empty()).then(|| all.join(", "))
    }
}

fn ranges(set: &IdSet) -> impl Iterator<Item = (ClientID, Range<u32>)> {
    let all = set.iter().flat_map(|(client, ranges)| ranges.into_iter().map(|range| (*client, range.clone())));
    all.filter(|(_, range)| !range.is_empty())
}

/// The durable content of all documents; clones share it.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Mutex<State>>,
    story: Story,
}

#[derive(Default)]
struct State {
    documents: BTreeMap<DocumentId, Kept>,
    /// Client ids whose elements must never be stored.
    barred: BTreeSet<u64>,
}

struct Kept {
    seq: Seq,
    replica: Replica,
    snapshot: Snapshot,
    rows: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { seq: Seq(0), replica: Replica::new(1 << 28), snapshot: Snapshot::default(), rows: 0 }
    }
}

impl Ledger {
    /// Nothing is stored.
    pub fn new(story: Story) -> Self {
        Self { shared: Arc::default(), story }
    }

    /// Elements of this client id must never be stored.
    pub fn bar(&self, client: u64) {
        self.lock().barred.insert(client);
    }

    /// A row became durable.
    pub fn stored(&self, document: DocumentId, seq: Seq, payload: &Bytes) {
        let mut state = self.lock();
        let State { documents, barred } = &mut *state;
        let kept = documents.entry(document).or_default();
        if seq != kept.seq.next() {
            self.story.broken(format_args!("document {document} got row {seq} after row {}", kept.seq));
        }
        kept.seq = seq;
        kept.rows += 1;
        let contributions = match decode_row(payload) {
            Ok(contributions) => contributions,
            Err(error) => return self.story.broken(format_args!("row {seq} of {document} cannot be read: {error}")),
        };
        for one in &contributions {
            for (client, _) in ranges(&Claim::of(&one.update).inserted) {
                if barred.contains(&client.get()) {
                    self.story.broken(format_args!("{}'s row {seq} holds what {client:?} may not write", one.subject));
                }
            }
            if one.update.windows(FORGED.len()).any(|window| window == FORGED.as_bytes()) {
                self.story.broken(format_args!("{}'s row {seq} holds a forged edit", one.subject));
            }
        }
        let updates: Vec<&[u8]> = contributions.iter().map(|one| &*one.update).collect();
        let whole = yrs::merge_updates_v1(updates).map_err(|error| error.to_string());
        if let Err(error) = whole.and_then(|update| kept.replica.apply(&update)) {
            self.story.broken(format_args!("row {seq} of {document}: {error}"));
        }
        kept.snapshot = kept.replica.snapshot();
    }

    /// What of `claim` is not durable, in words.
    pub fn lacks(&self, document: Option<DocumentId>, claim: &Claim) -> Option<String> {
        let state = self.lock();
        let nothing = Snapshot::default();
        let kept = document.and_then(|document| state.documents.get(&document)).map_or(&nothing, |kept| &kept.snapshot);
        claim.beyond(kept)
    }

    /// Rows that were stored, of all documents.
    pub fn rows(&self) -> u64 {
        self.lock().documents.values().map(|kept| kept.rows).sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock().expect("nobody panics while holding it")
    }
}
