//! From bytes to entries.

use tandem_model::ClientId;
use tandem_yjs::lib0::{self, Reader};

use super::{AwarenessError, AwarenessLimits, Entry, Refused, State, StateFault};
use crate::json::{self, Fault};

/// The fewest bytes that an entry takes: a client, a clock, and the length of its state.
const ENTRY_BYTES_MIN: usize = 3;

/// An entry whose state was not looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// Whose state.
    pub client: ClientId,
    /// Grows with each change of this client's state.
    pub clock: u64,
    /// The state's text, unchecked.
    pub json: &'a str,
}

impl<'a> Raw<'a> {
    /// Looks at the state: its size, that it is JSON, and how deep it nests. Builds nothing.
    ///
    /// # Errors
    /// [`Refused`] if the state is not to be kept.
    pub fn check(&self, limits: &AwarenessLimits) -> Result<Entry<'a>, Refused> {
        let Self { client, clock, .. } = *self;
        match self.state(limits) {
            Ok(state) => Ok(Entry { client, clock, state }),
            Err(fault) => Err(Refused { client, clock, fault }),
        }
    }

    fn state(&self, limits: &AwarenessLimits) -> Result<State<'a>, StateFault> {
        if self.json.len() > limits.state_bytes {
            return Err(StateFault::TooLarge(self.json.len()));
        }
        match json::check(self.json, limits.depth) {
            Ok(()) if self.json.trim_ascii() == "null" => Ok(State::Gone),
            Ok(()) => Ok(State::Json(self.json)),
            Err(Fault::TooDeep) => Err(StateFault::TooDeep),
            Err(Fault::Invalid) => Err(StateFault::Json),
        }
    }
}

/// The entries of an update, read one after the other; ends after the first error.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Raw<'a>, AwarenessError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = read(&mut self.reader).map_err(AwarenessError::from);
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Raw<'a>, lib0::DecodeError> {
    Ok(Raw { client: ClientId(reader.var_uint()?), clock: reader.var_uint()?, json: reader.var_string()? })
}

/// Begins to read an update of at most so many entries. Allocates nothing.
///
/// # Errors
/// [`AwarenessError`] if the number of entries cannot be read, is above `entries_max`, or cannot stand in the bytes.
pub fn entries(update: &[u8], entries_max: usize) -> Result<Entries<'_>, AwarenessError> {
    let mut reader = Reader::new(update);
    let announced = reader.var_uint()?;
    let left = usize::try_from(announced).unwrap_or(usize::MAX);
    if left > entries_max {
        return Err(AwarenessError::TooManyEntries(announced));
    }
    if left > reader.remaining() / ENTRY_BYTES_MIN {
        return Err(lib0::DecodeError::Truncated.into());
    }
    Ok(Entries { reader, left })
}

/// What [`decode`] gives: each entry in its place, or why it is not to be kept.
pub type Decoded<'a> = Vec<Result<Entry<'a>, Refused>>;

/// Reads an update whole. An entry whose state is too large, too deep or no JSON is [`Refused`] in its place.
///
/// # Errors
/// [`AwarenessError`] if the update cannot be read to its end.
pub fn decode<'a>(update: &'a [u8], limits: &AwarenessLimits) -> Result<Decoded<'a>, AwarenessError> {
    let raw = entries(update, limits.entries)?;
    let mut checked = Vec::with_capacity(raw.left);
    for entry in raw {
        checked.push(entry?.check(limits));
    }
    Ok(checked)
}
