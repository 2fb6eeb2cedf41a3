//! An index taken back as it was.
//!
//! An encoding does not say where its elements hang: to admit it finds that out anew, in what its structs refer to. The
//! *outline* of an index says it, and with both of them all is copied, in a tenth of the time. They are a pair: who stores
//! them sees to it that they come back unchanged.
//!
//! ```text
//! { first place, count { clock behind the former, place }* }*     for each client, in the order of the encoding
//! ```
//! Numbers are lib0's varUint; a place is three times its depth, and 0 nowhere, 1 in a sequence, 2 under a key.

use tandem_model::{ClientId, Clock};
use thiserror::Error;

use crate::client::Client;
use crate::index::{Collect, Index};
use crate::lib0::Reader;
use crate::ranges::Ranges;

/// These bytes are no encoding and no outline of one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is no document and outline as this version writes them")]
pub struct NoPair;

impl Index {
    /// Where the elements hang: what [`encode`](Self::encode) leaves out.
    #[must_use]
    pub fn outline(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.clients_down().for_each(|client| client.write_outline(&mut out));
        out
    }

    /// The index, without limits, that gave `encoding` and `outline`.
    ///
    /// The encoding is held to the rules of an [`Update`](crate::Update); that what its structs refer to is there, its numbers
    /// as short as they can be, and the outline true, is believed.
    ///
    /// # Errors
    /// [`NoPair`].
    pub fn restore(encoding: &[u8], outline: &[u8], collect: Collect) -> Result<Self, NoPair> {
        let mut reader = Reader::new(encoding);
        let clients = read_clients(&mut reader, &mut Reader::new(outline)).ok_or(NoPair)?;
        let mut index = Self::of_clients(collect, clients);
        read_deletions(&mut index, &mut reader).filter(|()| reader.is_empty()).ok_or(NoPair)?;
        Ok(index)
    }
}

fn read_clients(reader: &mut Reader<'_>, outline: &mut Reader<'_>) -> Option<Vec<Client>> {
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..reader.var_uint().ok()? {
        let structs = reader.var_uint().ok()?;
        let id = ClientId(reader.var_uint().ok()?);
        if reader.var_uint().ok()? != 0 || clients.last().is_some_and(|last| last.id <= id) {
            return None;
        }
        let mut client = Client::read_structs(id, structs, reader)?;
        client.read_outline(outline)?;
        clients.push(client);
    }
    clients.shrink_to_fit();
    outline.is_empty().then_some(clients)
}

fn read_deletions(index: &mut Index, reader: &mut Reader<'_>) -> Option<()> {
    let mut former: Option<ClientId> = None;
    for _ in 0..reader.var_uint().ok()? {
        let id = ClientId(reader.var_uint().ok()?);
        let slot = index.slot(id).filter(|_| former.is_none_or(|former| id < former))?;
        former = Some(id);
        let mut ranges: Vec<(Clock, Clock)> = Vec::new();
        for _ in 0..reader.var_uint().ok()? {
            let from = reader.var_uint().ok()?;
            let length = reader.var_uint().ok()?;
            let behind_former = ranges.last().is_none_or(|former| former.1 < from);
            if length == 0 || !behind_former || from + length > index.client(slot).end {
                return None;
            }
            ranges.push((from, from + length));
        }
        ranges.shrink_to_fit();
        index.client_mut(slot).deleted = Ranges::of_merged(ranges);
    }
    Some(())
}
