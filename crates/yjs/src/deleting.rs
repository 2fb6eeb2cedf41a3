//! What an update deletes: of what is there already, and of what comes with it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tandem_model::{ClientId, Clock, Id};

use crate::client::Client;
use crate::index::{Index, TooManyPieces};
use crate::ranges::{clip, merge_in_place};
use crate::update::Update;

/// Ranges of clients, merged and in order.
pub(crate) type ByClient = Vec<(ClientId, Vec<(Clock, Clock)>)>;

/// What an update deletes, in two steps: what is there before its structs are taken, the rest with them.
#[derive(Debug, Default)]
pub(crate) struct Deleting {
    /// Of what may come with the update, the highest client first.
    ahead: ByClient,
    /// What was not deleted before.
    fresh: ByClient,
    /// The first that is not deleted, since the document would fall into too many pieces.
    pub(crate) refused: Option<Id>,
    /// Whether it deletes anything that was not there before.
    pub(crate) reaches_ahead: bool,
}

impl Deleting {
    /// Deletes what is there; `comes` tells of which clients the update brings structs.
    pub(crate) fn what_is_there(index: &mut Index, update: &Update<'_>, comes: impl Fn(ClientId) -> bool) -> Self {
        let mut deleting = Self::default();
        for (Reverse(client), mut ranges) in
            deleting.read(update, |client| index.slot(client).is_some() || comes(client))
        {
            merge_in_place(&mut ranges);
            let slot = index.slot(client);
            let ahead = clip(&mut ranges, slot.map_or(0, |slot| index.client(slot).end));
            match slot.map(|slot| index.delete(slot, &ranges)) {
                Some(Ok(fresh)) => deleting.is_fresh(client, fresh),
                Some(Err(TooManyPieces)) => {
                    let first = ranges.first().map_or(0, |range| range.0);
                    deleting.refused.get_or_insert(Id { client, clock: first });
                }
                None => {}
            }
            if !ahead.is_empty() {
                deleting.reaches_ahead = true;
                deleting.ahead.push((client, ahead));
            }
        }
        deleting
    }

    /// The ranges of clients that are known, the highest client first; one may be listed twice.
    fn read(
        &mut self,
        update: &Update<'_>,
        is_known: impl Fn(ClientId) -> bool,
    ) -> BTreeMap<Reverse<ClientId>, Vec<(Clock, Clock)>> {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut deletions = update.deletions().peekable();
        while let Some(&(client, ..)) = deletions.peek() {
            let of_client = std::iter::from_fn(|| deletions.next_if(|deletion| deletion.0 == client));
            if is_known(client) {
                all.entry(Reverse(client)).or_default().extend(of_client.map(|(_, from, to)| (from, to)));
            } else {
                self.reaches_ahead = of_client.last().is_some();
            }
        }
        all
    }

    /// Where the ranges of what comes of a client stand.
    pub(crate) fn ahead_of(&self, client: ClientId) -> usize {
        self.ahead.binary_search_by(|of_client| client.cmp(&of_client.0)).unwrap_or(usize::MAX)
    }

    /// The ranges at a place that [`ahead_of`](Self::ahead_of) told.
    pub(crate) fn ahead(&self, at: usize) -> &[(Clock, Clock)] {
        self.ahead.get(at).map_or(&[], |of_client| &of_client.1)
    }

    /// Deletes of the taken structs of a client what the ranges at `at` say, and what is `gone`: it came without content,
    /// and somebody may hold its content.
    pub(crate) fn what_came(&mut self, client: &mut Client, at: usize, gone: impl Iterator<Item = (Clock, Clock)>) {
        let mut ranges = self.ahead.get_mut(at).map(|of_client| std::mem::take(&mut of_client.1)).unwrap_or_default();
        clip(&mut ranges, client.end);
        ranges.extend(gone);
        merge_in_place(&mut ranges);
        let fresh = client.deleted.lacks(&ranges);
        client.deleted.add(&fresh);
        self.is_fresh(client.id, fresh);
    }

    fn is_fresh(&mut self, client: ClientId, ranges: Vec<(Clock, Clock)>) {
        if !ranges.is_empty() {
            self.fresh.push((client, ranges));
        }
    }

    /// What was not deleted before, the highest client first.
    pub(crate) fn into_fresh(mut self) -> ByClient {
        self.fresh.sort_by_key(|(client, _)| Reverse(*client));
        // What was there stands before what came.
        self.fresh.dedup_by(|came, there| {
            let same = came.0 == there.0;
            if same {
                there.1.append(&mut came.1);
                merge_in_place(&mut there.1);
            }
            same
        });
        self.fresh
    }
}
