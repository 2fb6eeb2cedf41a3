//! The primitives of lib0's encoding: variable-length integers, strings and buffers.
//!
//! Every length is checked against what is left of the input before it is believed; nothing here
//! allocates for reading. Integers go up to 2^53-1 in at most eight bytes, as JavaScript counts;
//! encodings that are longer than needed are read, and never written.

use thiserror::Error;

/// The largest integer that JavaScript counts exactly.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// A `varUint` of more bytes than this cannot stay below [`MAX_INTEGER`] without padding.
const VARINT_BYTES_MAX: usize = 8;

/// Why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The input ends before the value that it announces.
    #[error("input ends early")]
    Truncated,
    /// An integer above 2^53-1, or one written in more than eight bytes.
    #[error("integer out of range")]
    Integer,
    /// A string that is not UTF-8.
    #[error("invalid utf-8")]
    Utf8,
}

/// Reads values off the front of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Whether anything was read that is written in fewer bytes, or in others.
    varies: bool,
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, varies: false }
    }

    /// Starts at `position` of `bytes`; a position behind the end reads as the end.
    #[must_use]
    pub fn at(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position: position.min(bytes.len()), varies: false }
    }

    /// Whether all that was read is what would be written in its place: no integer takes more bytes than it must.
    pub(crate) fn is_as_written(&self) -> bool {
        !self.varies
    }

    /// Notes that what was read is not what would be written in its place.
    pub(crate) fn note_variant(&mut self) {
        self.varies = true;
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// What is left, without reading it.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// What was read since `start`, a former [`position`](Self::position).
    #[must_use]
    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start.min(self.position)..self.position]
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end of the input.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.position).ok_or(DecodeError::Truncated)?;
        self.position += 1;
        Ok(byte)
    }

    /// Reads `length` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.position.checked_add(length).ok_or(DecodeError::Truncated)?;
        let taken = self.bytes.get(self.position..end).ok_or(DecodeError::Truncated)?;
        self.position = end;
        Ok(taken)
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// [`DecodeError::Integer`] above 2^53-1 or beyond eight bytes, [`DecodeError::Truncated`].
    #[inline]
    pub fn var_uint(&mut self) -> Result<u64, DecodeError> {
        let first = *self.bytes.get(self.position).ok_or(DecodeError::Truncated)?;
        if first < 0x80 {
            self.position += 1;
            return Ok(u64::from(first));
        }
        if let Some(word) = self.bytes.get(self.position..).and_then(<[u8]>::first_chunk::<VARINT_BYTES_MAX>) {
            return self.var_word(u64::from_le_bytes(*word));
        }
        self.position += 1;
        self.var_tail(u64::from(first & 0x7f), 7)
    }

    /// Reads a signed integer; minus zero reads as zero.
    ///
    /// # Errors
    /// [`DecodeError::Integer`] when the magnitude is above 2^53-1 or takes more than eight bytes,
    /// [`DecodeError::Truncated`].
    pub fn var_int(&mut self) -> Result<i64, DecodeError> {
        let first = self.u8()?;
        let magnitude = u64::from(first & 0x3f);
        let magnitude = if first & 0x80 == 0 { magnitude } else { self.var_tail(magnitude, 6)? };
        let value = i64::try_from(magnitude).map_err(|_| DecodeError::Integer)?;
        Ok(if first & 0x40 == 0 { value } else { -value })
    }

    /// Reads a buffer that is preceded by its length.
    ///
    /// # Errors
    /// As [`var_uint`](Self::var_uint), and [`DecodeError::Truncated`] when fewer bytes are left.
    #[inline]
    pub fn buf(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.var_uint()?;
        self.take(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)
    }

    /// Reads a string that is preceded by its length in bytes.
    ///
    /// # Errors
    /// As [`buf`](Self::buf), and [`DecodeError::Utf8`].
    #[inline]
    pub fn var_string(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.buf()?).map_err(|_| DecodeError::Utf8)
    }

    /// Reads an unsigned integer off the eight bytes ahead, all at once: the ids of clients take five.
    #[inline]
    fn var_word(&mut self, word: u64) -> Result<u64, DecodeError> {
        let ends = !word & CONTINUES;
        if ends == 0 {
            return Err(DecodeError::Integer);
        }
        let bits = ends.trailing_zeros() + 1;
        self.position += bits as usize / 8;
        self.varies |= (word >> (bits - 8)) & 0x7f == 0;
        let value = packed(word & (u64::MAX >> (64 - bits)) & !CONTINUES);
        if value <= MAX_INTEGER { Ok(value) } else { Err(DecodeError::Integer) }
    }

    fn var_tail(&mut self, mut value: u64, mut shift: u32) -> Result<u64, DecodeError> {
        for _ in 1..VARINT_BYTES_MAX {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.varies |= byte == 0;
                return if value <= MAX_INTEGER { Ok(value) } else { Err(DecodeError::Integer) };
            }
            shift += 7;
        }
        Err(DecodeError::Integer)
    }
}

/// The bit of each of eight bytes that says that another follows.
const CONTINUES: u64 = 0x8080_8080_8080_8080;

/// Eight groups of seven bits, a byte each, the lowest first, as one number.
fn packed(groups: u64) -> u64 {
    let pairs = (groups & 0x007f_007f_007f_007f) | (groups & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    (fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4
}

/// The lowest 56 bits of a number as eight groups of seven, a byte each.
fn spread(value: u64) -> u64 {
    let fours = (value & 0x0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
    let pairs = (fours & 0x0000_3fff_0000_3fff) | (fours & 0x0fff_c000_0fff_c000) << 2;
    (pairs & 0x007f_007f_007f_007f) | (pairs & 0x3f80_3f80_3f80_3f80) << 1
}

/// Writes an unsigned integer, in as few bytes as it takes.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is meant")]
pub fn write_var_uint(out: &mut Vec<u8>, mut value: u64) {
    if value < 0x80 {
        return out.push(value as u8);
    }
    if value <= MAX_INTEGER {
        // All eight bytes at once, and back to those that it takes.
        let bytes = var_uint_len(value);
        let word = spread(value) | CONTINUES & ((1 << (8 * bytes - 1)) - 1);
        let end = out.len() + bytes;
        out.extend_from_slice(&word.to_le_bytes());
        return out.truncate(end);
    }
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a signed integer, in as few bytes as it takes.
pub fn write_var_int(out: &mut Vec<u8>, value: i64) {
    let magnitude = value.unsigned_abs();
    let sign = if value < 0 { 0x40 } else { 0 };
    let low = (magnitude & 0x3f) as u8 | sign;
    let rest = magnitude >> 6;
    if rest == 0 {
        out.push(low);
    } else {
        out.push(low | 0x80);
        write_var_uint(out, rest);
    }
}

/// Writes a buffer, preceded by its length.
#[inline]
pub fn write_buf(out: &mut Vec<u8>, bytes: &[u8]) {
    write_var_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a string, preceded by its length in bytes.
#[inline]
pub fn write_var_string(out: &mut Vec<u8>, text: &str) {
    write_buf(out, text.as_bytes());
}

/// How many bytes [`write_var_uint`] takes for `value`.
#[must_use]
pub fn var_uint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}
