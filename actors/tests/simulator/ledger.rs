//! What the log holds durably, read from its rows by `yrs`: nothing of the server's own reading is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tandem_actors::row::decode_row;
use tandem_model::{DocumentId, Seq};
use yrs::updates::decoder::Decode;
use yrs::{IdSet, Update};

use crate::story::Story;

/// The mark of a forger's text: it must never be stored.
pub const FORGED: &str = "FORGED";

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
        let inserted = update.insertions(true);
        // What comes as GC or deleted content says of itself that it is deleted.
        let mut deleted = inserted.diff(&update.insertions(false));
        deleted.merge_with(update.delete_set().clone());
        Self { inserted, deleted }
    }

    /// What both bring.
    pub fn merge(&mut self, other: Self) {
        self.inserted.merge_with(other.inserted);
        self.deleted.merge_with(other.deleted);
    }

    /// Whether nothing is inserted.
    pub fn inserts_nothing(&self) -> bool {
        self.inserted.iter().all(|(_, ranges)| ranges.is_empty())
    }

    /// What is not in `other`, in words; nothing if all is.
    pub fn beyond(&self, other: &Self) -> Option<String> {
        let inserted = beyond(&self.inserted, &other.inserted);
        let deleted = beyond(&self.deleted, &other.deleted);
        (!inserted.is_empty() || !deleted.is_empty()).then(|| format!("inserted {inserted:?}, deleted {deleted:?}"))
    }
}

fn beyond(set: &IdSet, other: &IdSet) -> Vec<String> {
    let mut all = Vec::new();
    for (client, ranges) in set.iter() {
        let held: Vec<&Range<u32>> =
            other.get(client).map(|held| held.iter().map(|(range, ())| range).collect()).unwrap_or_default();
        for range in ranges.iter().filter(|range| !range.is_empty()) {
            // Ranges that touch are one.
            if !held.iter().any(|held| held.start <= range.start && range.end <= held.end) {
                all.push(format!("{client:?} {range:?} of {held:?}"));
            }
        }
    }
    all
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

#[derive(Default)]
struct Kept {
    seq: Seq,
    claim: Claim,
    rows: u64,
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
        for one in contributions {
            let claim = Claim::of(&one.update);
            for (client, ranges) in claim.inserted.iter() {
                if barred.contains(&client.get()) && !ranges.is_empty() {
                    self.story.broken(format_args!("{}'s row {seq} holds what {client:?} may not write", one.subject));
                }
            }
            if one.update.windows(FORGED.len()).any(|window| window == FORGED.as_bytes()) {
                self.story.broken(format_args!("{}'s row {seq} holds a forged edit", one.subject));
            }
            kept.claim.merge(claim);
        }
        for (client, ranges) in kept.claim.inserted.iter() {
            let ranges: Vec<&Range<u32>> = ranges.iter().collect();
            if ranges.len() != 1 || ranges[0].start != 0 {
                self.story.broken(format_args!("row {seq} of {document} leaves a gap in {client:?}: {ranges:?}"));
            }
        }
    }

    /// What of `claim` is not durable, in words.
    pub fn lacks(&self, document: Option<DocumentId>, claim: &Claim) -> Option<String> {
        let state = self.lock();
        let nothing = Claim::default();
        let kept = document.and_then(|document| state.documents.get(&document)).map_or(&nothing, |kept| &kept.claim);
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
