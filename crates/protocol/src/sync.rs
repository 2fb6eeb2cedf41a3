//! The three sync messages, the same in both protocols.

use tandem_yjs::lib0::{self, Reader};

use crate::{DecodeError, Kind};

const STEP1: u64 = 0;
const STEP2: u64 = 1;
const UPDATE: u64 = 2;

/// A sync message; its payload is borrowed and not looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync<'a> {
    /// "This is what I have": a state vector. Asks for a [`Sync::Step2`].
    Step1(&'a [u8]),
    /// "This is what you lack": the update that answers a [`Sync::Step1`], empty (`00 00`) if nothing is lacking.
    Step2(&'a [u8]),
    /// A fresh edit: an update.
    Update(&'a [u8]),
}

impl<'a> Sync<'a> {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Step1(_) => Kind::Step1,
            Self::Step2(_) => Kind::Step2,
            Self::Update(_) => Kind::Update,
        }
    }

    /// The state vector or update that it carries.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        match self {
            Self::Step1(payload) | Self::Step2(payload) | Self::Update(payload) => payload,
        }
    }

    /// Reads the message behind the outer type.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.var_uint()? {
            STEP1 => Ok(Self::Step1(reader.buf()?)),
            STEP2 => Ok(Self::Step2(reader.buf()?)),
            UPDATE => Ok(Self::Update(reader.buf()?)),
            other => Err(DecodeError::SyncKind(other)),
        }
    }

    /// Reads the kind behind the outer type, from bytes that may end anywhere.
    pub(crate) fn peek(reader: &mut Reader<'_>) -> Kind {
        match reader.var_uint() {
            Ok(STEP1) => Kind::Step1,
            Ok(STEP2) => Kind::Step2,
            Ok(UPDATE) => Kind::Update,
            _ => Kind::SyncUnknown,
        }
    }

    /// Writes all but the payload, which is returned.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>) -> &'a [u8] {
        let (number, payload) = match self {
            Self::Step1(payload) => (STEP1, payload),
            Self::Step2(payload) => (STEP2, payload),
            Self::Update(payload) => (UPDATE, payload),
        };
        lib0::write_var_uint(out, number);
        write_buf_head(out, payload)
    }
}

/// Writes a buffer's length; returns the buffer, which belongs behind it.
pub(crate) fn write_buf_head<'a>(out: &mut Vec<u8>, payload: &'a [u8]) -> &'a [u8] {
    lib0::write_var_uint(out, payload.len() as u64);
    payload
}
