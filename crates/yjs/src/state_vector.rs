//! State vectors: what somebody has of a document.

use std::collections::BTreeMap;

use tandem_model::{ClientId, Clock};

use crate::bulk::insert_all;
use crate::lib0::{DecodeError, Reader, write_var_uint};

/// The next clock of each client: everything below it is there.
///
/// Clients whose next clock is 0 are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateVector {
    clocks: BTreeMap<ClientId, Clock>,
}

impl StateVector {
    /// Makes the state vector of somebody who has nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the encoding of Yjs. Bytes behind it are ignored; of a client listed twice the last counts, as in Yjs.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes end early or hold an integer out of range.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_of(bytes, |_| true)
    }

    /// As [`decode`](Self::decode), but keeps only the clients that are `wanted`: what somebody has of others, however
    /// many it names, costs no more than to read it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_of(bytes: &[u8], wanted: impl Fn(ClientId) -> bool) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let count = reader.var_uint()?;
        // An entry takes two bytes at least: a count that the input cannot hold is seen before any work.
        if count > (reader.remaining() / 2) as u64 {
            return Err(DecodeError::Truncated);
        }
        let mut read = Self::default();
        for _ in 0..count {
            let client = ClientId(reader.var_uint()?);
            let clock = reader.var_uint()?;
            if wanted(client) {
                read.set(client, clock);
            }
        }
        Ok(read)
    }

    /// Writes the encoding of Yjs: the highest client first.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.clocks.len() * 8);
        write_var_uint(&mut out, self.clocks.len() as u64);
        for (client, clock) in self.clocks.iter().rev() {
            write_var_uint(&mut out, client.0);
            write_var_uint(&mut out, *clock);
        }
        out
    }

    /// The next clock of `client`, 0 when nothing of it is there.
    #[must_use]
    pub fn get(&self, client: ClientId) -> Clock {
        self.clocks.get(&client).copied().unwrap_or(0)
    }

    /// Sets the next clock of `client`.
    pub fn set(&mut self, client: ClientId, clock: Clock) {
        if clock == 0 {
            self.clocks.remove(&client);
        } else {
            self.clocks.insert(client, clock);
        }
    }

    /// Sets the next clocks of clients that differ, none of which is 0.
    pub(crate) fn set_all(&mut self, clocks: impl ExactSizeIterator<Item = (ClientId, Clock)>) {
        insert_all(&mut self.clocks, clocks);
    }

    /// Raises the next clock of `client` to `clock` at least.
    pub fn raise(&mut self, client: ClientId, clock: Clock) {
        if clock > 0 {
            let held = self.clocks.entry(client).or_insert(clock);
            *held = (*held).max(clock);
        }
    }

    /// Lowers the next clock of `client` to `clock` at most: what came since is counted as not there.
    pub fn lower_to(&mut self, client: ClientId, clock: Clock) {
        if clock < self.get(client) {
            self.set(client, clock);
        }
    }

    /// Takes of each client the higher clock of both.
    pub fn merge(&mut self, other: &Self) {
        for (client, clock) in other.iter() {
            self.raise(client, clock);
        }
    }

    /// Whether all that `other` counts is counted here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.clocks.len() <= self.clocks.len() && other.iter().all(|(client, clock)| self.get(client) >= clock)
    }

    /// The clients and their next clocks, the lowest client first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (ClientId, Clock)> + '_ {
        self.clocks.iter().map(|(client, clock)| (*client, *clock))
    }

    /// How many clients are counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clocks.len()
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }
}

impl FromIterator<(ClientId, Clock)> for StateVector {
    fn from_iter<I: IntoIterator<Item = (ClientId, Clock)>>(entries: I) -> Self {
        // Of a client that comes twice the higher clock counts: the last, once they are in order. A tree is made of what is
        // in order in one pass.
        let mut entries: Vec<_> = entries.into_iter().filter(|entry| entry.1 > 0).collect();
        entries.sort_unstable();
        Self { clocks: entries.into_iter().collect() }
    }
}
