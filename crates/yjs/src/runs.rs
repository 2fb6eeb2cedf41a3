//! Encoded structs of one client in a row, grown at the end by coalescing.
//!
//! Coalescing is sound without knowing the document: same client, contiguous, the right one's origin is the left one's
//! last element, right origins equal, contents of one kind. Under a key it is not: there Yjs deletes a value when the
//! next one arrives *as a struct of its own*; two values in one struct would leave the first alive, and Yjs throws when
//! its parent is deleted. So values under a key join only when both are deleted.

use std::ops::Range;

use tandem_model::{ClientId, Clock, Id};

use crate::content::reference;
use crate::lib0::{Reader, var_uint_len};
use crate::structs::{self, Struct};

/// A run of text or values that has reached so many bytes grows no more; one that came longer is taken apart when it is
/// touched. So what touches the middle of a client's structs has little to read and move, however long a paste was: two
/// thousand values take a few microseconds. Each run has a head of some ten bytes.
pub(crate) const RUN_BYTES_MAX: usize = 2 * 1024;

/// A struct, or a part of one, that is about to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// Clock of its first element.
    pub(crate) clock: Clock,
    /// What is written.
    pub(crate) body: &'a Struct<'a>,
    /// Whether all of it is known to be deleted.
    pub(crate) deleted: bool,
    /// The same encoded: where that is at hand, it is copied.
    pub(crate) encoded: Option<&'a [u8]>,
}

impl<'a> Piece<'a> {
    pub(crate) fn new(clock: Clock, body: &'a Struct<'a>, deleted: bool) -> Self {
        Self { clock, body, deleted, encoded: None }
    }
}

/// Encoded structs in a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    /// The structs, one behind the other.
    pub(crate) bytes: Vec<u8>,
    /// How many they are.
    pub(crate) structs: u64,
    /// Where the last one starts.
    last_at: usize,
}

/// What must be known of the last struct to grow it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    reference: u8,
    keyed: bool,
    deleted: bool,
    right: Option<Id>,
    /// Where its length stands among the bytes.
    length_at: usize,
    length: u64,
}

impl Runs {
    /// Writes `piece` behind what is there: into the last struct where that is sound, else as a struct of its own.
    ///
    /// Says whether a struct was added.
    pub(crate) fn push(&mut self, client: ClientId, tail: &mut Option<Tail>, piece: &Piece<'_>) -> bool {
        if let Some(tail) = tail
            && tail.takes(client, piece, self.bytes.len())
        {
            self.grow(tail, piece.body);
            return false;
        }
        *tail = self.append(piece);
        self.structs += 1;
        true
    }

    /// None yet, and place for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// A copy of structs in a row: so many, of which the last starts at `last_at`.
    pub(crate) fn copied(bytes: &[u8], structs: u64, last_at: usize) -> Self {
        Self { bytes: bytes.to_vec(), structs, last_at }
    }

    /// Writes structs behind what is there as they are, the bytes of `from` from `position` on.
    pub(crate) fn append_raw(&mut self, from: &Self, position: usize, structs: u64) {
        self.last_at = self.bytes.len() + from.last_at.saturating_sub(position);
        self.bytes.extend_from_slice(&from.bytes[position..]);
        self.structs += structs;
    }

    /// Writes the structs of `from` up to `position`, of which the last starts at `last_at`.
    pub(crate) fn prefix_of(from: &Self, position: usize, last_at: usize, structs: u64) -> Self {
        Self::copied(&from.bytes[..position], structs, last_at)
    }

    /// Puts the structs of `put` in the place of the bytes `of`, which are so many structs.
    pub(crate) fn replace(&mut self, of: Range<usize>, structs: u64, put: &Self) {
        let reaches_end = of.end == self.bytes.len();
        self.last_at = if reaches_end { of.start + put.last_at } else { self.last_at - of.len() + put.bytes.len() };
        self.structs = self.structs - structs + put.structs;
        // What is deleted grows little: room for twice as much would be held for nothing.
        self.bytes.reserve_exact(put.bytes.len().saturating_sub(of.len()));
        self.bytes.splice(of, put.bytes.iter().copied());
    }

    /// Takes out the first struct, which is `bytes` long.
    pub(crate) fn remove_first(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.structs -= 1;
        self.last_at = self.last_at.saturating_sub(bytes);
    }

    /// What must be known of the last struct to grow it, if it can grow.
    pub(crate) fn tail(&self) -> Option<Tail> {
        let mut reader = Reader::at(&self.bytes, self.last_at);
        let head = structs::read_head(&mut reader)?;
        let length_at = reader.position();
        let tail = Tail {
            reference: head.reference,
            keyed: head.keyed,
            deleted: matches!(head.reference, 0 | reference::DELETED),
            right: head.right,
            length_at,
            length: reader.var_uint().ok()?,
        };
        tail.length_is_counted().then_some(tail)
    }

    fn append(&mut self, piece: &Piece<'_>) -> Option<Tail> {
        self.last_at = self.bytes.len();
        match piece.encoded {
            Some(encoded) => self.bytes.extend_from_slice(encoded),
            None => piece.body.write(&mut self.bytes),
        }
        let length_at = |length, body| self.bytes.len() - body - var_uint_len(length);
        match piece.body {
            Struct::Gc(length) => {
                let (length, length_at) = (*length, length_at(*length, 0));
                Some(Tail { reference: 0, keyed: false, deleted: true, right: None, length_at, length })
            }
            Struct::Item(item) => item.content.written_length().map(|length| Tail {
                reference: item.content.reference(),
                keyed: item.keyed,
                deleted: piece.deleted,
                right: item.right,
                length_at: length_at(length, item.content.body_len()),
                length,
            }),
            Struct::Skip(_) => None,
        }
    }

    /// The length grows in place; that it takes another byte is rare, and then the bytes behind it are few against it.
    fn grow(&mut self, tail: &mut Tail, body: &Struct<'_>) {
        let (added, content) = match body {
            Struct::Gc(length) | Struct::Skip(length) => (*length, None),
            Struct::Item(item) => (item.content.written_length().unwrap_or(0), Some(&item.content)),
        };
        let length = tail.length + added;
        let (width, wider) = (var_uint_len(tail.length), var_uint_len(length));
        if wider > width {
            let at = tail.length_at;
            self.bytes.splice(at..at, std::iter::repeat_n(0, wider - width));
        }
        overwrite_var_uint(&mut self.bytes[tail.length_at..tail.length_at + wider], length);
        tail.length = length;
        if let Some(content) = content {
            content.write_body(&mut self.bytes);
        }
    }
}

impl Tail {
    /// Whether `piece` can join the last struct of `bytes` bytes of structs.
    pub(crate) fn takes(&self, client: ClientId, piece: &Piece<'_>, bytes: usize) -> bool {
        match piece.body {
            Struct::Gc(_) => self.reference == 0,
            Struct::Skip(_) => false,
            Struct::Item(item) => {
                self.reference == item.content.reference()
                    && self.length_is_counted()
                    && bytes - self.length_at < RUN_BYTES_MAX
                    && item.origin == piece.clock.checked_sub(1).map(|clock| Id { client, clock })
                    && item.origin.is_some()
                    && self.right == item.right
                    && (self.reference == reference::DELETED
                        || !(self.keyed || item.keyed)
                        || (self.deleted && piece.deleted))
            }
        }
    }

    fn length_is_counted(&self) -> bool {
        matches!(self.reference, 0 | reference::DELETED | reference::JSON | reference::ANY | reference::STRING)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is meant")]
fn overwrite_var_uint(place: &mut [u8], mut value: u64) {
    let last = place.len() - 1;
    for byte in &mut place[..last] {
        *byte = value as u8 | 0x80;
        value >>= 7;
    }
    place[last] = value as u8;
}
