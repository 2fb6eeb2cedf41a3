//! The two envelopes: y-websocket, one document a socket, and Hocuspocus, which names the document in each message.

use crate::yjs::{EMPTY, Reader, string, varuint};

/// How the messages of a socket are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// One message, one protocol message.
    YWebsocket,
    /// The document's name before each.
    Hocuspocus,
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Its state vector: it wants what it lacks.
    Step1(&'a [u8]),
    /// The answer to ours.
    Step2(&'a [u8]),
    /// An update.
    Update(&'a [u8]),
    /// Presence.
    Awareness(&'a [u8]),
    /// The document may be used.
    Authenticated,
    /// It may not.
    Denied,
    /// An edit of ours was taken (`true`) or not.
    Status(bool),
    /// Something else.
    Other,
}

impl Dialect {
    /// What stands before each message about `document`.
    pub fn prefix(self, document: &str) -> Vec<u8> {
        let mut prefix = Vec::new();
        if self == Self::Hocuspocus {
            string(&mut prefix, document);
        }
        prefix
    }

    /// Reads a message. `None` if it is none.
    #[inline]
    pub fn read(self, message: &[u8]) -> Option<Said<'_>> {
        let mut reader = Reader(message);
        if self == Self::Hocuspocus {
            if message.len() == 1 {
                return Some(Said::Other);
            }
            reader.bytes()?;
        }
        Some(match reader.varuint()? {
            0 => match reader.varuint()? {
                0 => Said::Step1(reader.bytes()?),
                1 => Said::Step2(reader.bytes()?),
                2 => Said::Update(reader.bytes()?),
                _ => return None,
            },
            1 => Said::Awareness(reader.bytes()?),
            2 if self == Self::YWebsocket => Said::Denied,
            2 => match reader.varuint()? {
                1 => Said::Denied,
                2 => Said::Authenticated,
                _ => Said::Other,
            },
            8 => Said::Status(reader.varuint()? == 1),
            _ => Said::Other,
        })
    }
}

/// A Sync message's bytes before its payload of `length` bytes: step 1, step 2 or update.
pub fn sync(kind: u8, length: usize) -> Vec<u8> {
    let mut out = vec![0, kind];
    varuint(&mut out, length as u64);
    out
}

/// Step 1 of somebody who has nothing.
pub const STEP1: &[u8] = &[0, 0, 1, 0];

/// Step 2 with nothing in it.
pub fn empty_step2() -> Vec<u8> {
    let mut out = sync(1, EMPTY.len());
    out.extend_from_slice(EMPTY);
    out
}

/// The Hocuspocus message that brings a token, after its prefix.
pub fn auth(token: &str) -> Vec<u8> {
    let mut out = vec![2, 0];
    string(&mut out, token);
    string(&mut out, "4.8.0");
    out
}

/// The clock of `client` in a state vector; 0 if it is not in there.
pub fn clock_of(vector: &[u8], client: u64) -> Option<u64> {
    let mut reader = Reader(vector);
    for _ in 0..reader.varuint()? {
        let (id, clock) = (reader.varuint()?, reader.varuint()?);
        if id == client {
            return Some(clock);
        }
    }
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_envelopes_are_read() {
        let update = [0, 2, 3, 9, 9, 9];
        assert_eq!(Dialect::YWebsocket.read(&update), Some(Said::Update(&[9, 9, 9])));
        let mut named = Dialect::Hocuspocus.prefix("doc1");
        named.extend(update);
        assert_eq!(Dialect::Hocuspocus.read(&named), Some(Said::Update(&[9, 9, 9])));
        assert_eq!(Dialect::Hocuspocus.read(b"\x04doc1\x08\x01"), Some(Said::Status(true)));
        assert_eq!(Dialect::Hocuspocus.read(&[9]), Some(Said::Other));
        assert_eq!(Dialect::YWebsocket.read(&[0, 2, 9]), None);
    }

    #[test]
    fn a_vector_tells_a_clients_clock() {
        assert_eq!(clock_of(&[2, 7, 3, 5, 9], 5), Some(9));
        assert_eq!(clock_of(&[0], 5), Some(0));
        assert_eq!(clock_of(&[1], 5), None);
    }
}
