//! An update as it came: decoded and validated, borrowing its bytes.

use tandem_model::{ClientId, Clock};

use crate::content::Trust;
use crate::lib0::{MAX_INTEGER, Reader};
use crate::refusal::Refusal;
use crate::state_vector::StateVector;
use crate::structs::Struct;

/// The shortest struct takes two bytes, so does the shortest deleted range; a block and a client's ranges take three.
const STRUCT_BYTES_MIN: usize = 2;
const BLOCK_BYTES_MIN: usize = 3;

/// An update that holds to every rule which can be checked of it alone.
///
/// Borrows its input; what it allocates is one small entry a client.
#[derive(Clone, Debug)]
pub struct Update<'a> {
    bytes: &'a [u8],
    /// The highest client first, as Yjs writes them.
    blocks: Vec<Block>,
    deletions_at: usize,
    has_deletions: bool,
    /// Whether its structs are encoded as this crate encodes them.
    as_written: bool,
    /// Whether all of it is, and nothing else is there.
    whole: bool,
}

/// The structs of one client, which follow one another by clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) client: ClientId,
    /// Before the first struct, be it a Skip.
    pub(crate) start: Cursor,
    /// Clock of the first struct that is no Skip.
    pub(crate) first: Clock,
    /// Behind the last struct that is no Skip; equal to `first` if there is none.
    pub(crate) end: Clock,
}

/// A place between the structs of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// Where the next one starts among the bytes.
    at: usize,
    /// How many there are from it on.
    left: u64,
    /// Its clock.
    clock: Clock,
}

impl<'a> Update<'a> {
    /// Decodes an update in format v1 and checks every rule that makes it refused whole.
    ///
    /// Bytes behind the delete set are ignored, as Yjs does.
    ///
    /// # Errors
    /// [`Refusal`] names the rule that is broken.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        let (blocks, descending) = read_blocks(&mut reader)?;
        let (deletions_at, as_written) = (reader.position(), reader.is_as_written());
        let has_deletions = check_deletions(&mut reader)?;
        let whole = descending && reader.is_as_written() && reader.is_empty();
        Ok(Self { bytes, blocks, deletions_at, has_deletions, as_written, whole })
    }

    /// How many clients an update that is not decoded yet says it has structs of, where its length allows so many.
    ///
    /// Costs nothing: whoever cannot take so many need not read them.
    #[must_use]
    pub fn clients_said(bytes: &[u8]) -> Option<u64> {
        let mut reader = Reader::new(bytes);
        let count = reader.var_uint().ok()?;
        bounded(count, reader.remaining() / BLOCK_BYTES_MIN).is_ok().then_some(count)
    }

    /// Whether anything but Skips is among the structs.
    #[must_use]
    pub fn has_structs(&self) -> bool {
        self.blocks.iter().any(|block| block.first < block.end)
    }

    /// Whether anything is deleted.
    #[must_use]
    pub fn has_deletions(&self) -> bool {
        self.has_deletions
    }

    /// Whether it brings nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_structs() && !self.has_deletions
    }

    /// Each client that has structs in it, with the first clock and the clock behind the last; Skips do not count.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, Clock, Clock)> + '_ {
        self.filled().map(|block| (block.client, block.first, block.end))
    }

    /// What one must have beyond `held` to hold all of it: per client the clock behind its last struct or deleted element.
    #[must_use]
    pub fn ends_beyond(&self, held: &StateVector) -> StateVector {
        let structs = self.clients().map(|(client, _, end)| (client, end));
        let deletions = self.deletions().map(|(client, _, end)| (client, end));
        structs.chain(deletions).filter(|(client, end)| *end > held.get(*client)).collect()
    }

    /// All its bytes, if this crate encodes so what is in it.
    pub(crate) fn as_it_came(&self) -> Option<&'a [u8]> {
        self.whole.then_some(self.bytes)
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The blocks that hold anything but Skips, the highest client first.
    pub(crate) fn filled(&self) -> impl Iterator<Item = &Block> + '_ {
        self.blocks.iter().filter(|block| block.first < block.end)
    }

    /// The structs of a block from there on.
    pub(crate) fn structs(&self, from: Cursor) -> Structs<'a> {
        let reader = Reader::at(self.bytes, from.at);
        Structs { as_written: self.as_written, reader, left: from.left, clock: from.clock }
    }

    /// The deleted ranges as they stand: client, first clock, clock behind the last.
    pub(crate) fn deletions(&self) -> Deletions<'a> {
        let mut reader = Reader::at(self.bytes, self.deletions_at);
        let clients = reader.var_uint().unwrap_or(0);
        Deletions { reader, clients, client: ClientId(0), ranges: 0 }
    }
}

/// Walks over the structs of a block that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Structs<'a> {
    as_written: bool,
    reader: Reader<'a>,
    left: u64,
    clock: Clock,
}

impl<'a> Structs<'a> {
    /// Where they stand.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor { at: self.reader.position(), left: self.left, clock: self.clock }
    }

    /// How many bytes were passed since, and what, if that is how this crate encodes it.
    pub(crate) fn since(&self, before: Cursor) -> (u64, Option<&'a [u8]>) {
        let passed = self.reader.since(before.at);
        (passed.len() as u64, self.as_written.then_some(passed))
    }
}

impl<'a> Iterator for Structs<'a> {
    type Item = (Clock, Struct<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let read = Struct::read(&mut self.reader, Trust::Own).ok()?;
        let clock = self.clock;
        self.clock += read.len();
        Some((clock, read))
    }
}

/// Walks over the deleted ranges of an update that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletions<'a> {
    reader: Reader<'a>,
    clients: u64,
    client: ClientId,
    ranges: u64,
}

impl Iterator for Deletions<'_> {
    type Item = (ClientId, Clock, Clock);

    fn next(&mut self) -> Option<Self::Item> {
        while self.ranges == 0 {
            self.clients = self.clients.checked_sub(1)?;
            self.client = ClientId(self.reader.var_uint().ok()?);
            self.ranges = self.reader.var_uint().ok()?;
        }
        self.ranges -= 1;
        let clock = self.reader.var_uint().ok()?;
        let length = self.reader.var_uint().ok()?;
        Some((self.client, clock, clock + length))
    }
}

/// The blocks, the highest client first, and whether they stand so.
fn read_blocks(reader: &mut Reader<'_>) -> Result<(Vec<Block>, bool), Refusal> {
    let count = bounded(reader.var_uint()?, reader.remaining() / BLOCK_BYTES_MIN)?;
    let mut blocks: Vec<Block> = Vec::with_capacity(count);
    let mut descending = true;
    for _ in 0..count {
        let block = read_block(reader)?;
        descending &= blocks.last().is_none_or(|last| last.client > block.client);
        blocks.push(block);
    }
    if !descending {
        blocks.sort_unstable_by_key(|block| std::cmp::Reverse(block.client));
        if blocks.windows(2).any(|pair| pair[0].client == pair[1].client) {
            return Err(Refusal::RepeatedClient);
        }
    }
    Ok((blocks, descending))
}

fn read_block(reader: &mut Reader<'_>) -> Result<Block, Refusal> {
    let count = reader.var_uint()?;
    let client = ClientId(reader.var_uint()?);
    let start = reader.var_uint()?;
    bounded(count, reader.remaining() / STRUCT_BYTES_MIN)?;
    let cursor = Cursor { at: reader.position(), left: count, clock: start };
    let mut block = Block { client, start: cursor, first: start, end: start };
    let mut clock = start;
    let mut filled = false;
    for _ in 0..count {
        let read = Struct::read(reader, Trust::Foreign)?;
        if read.refers_forward(client, clock) {
            return Err(Refusal::ForwardReference);
        }
        let end = behind(clock, read.len())?;
        if !matches!(read, Struct::Skip(_)) {
            block.first = if filled { block.first } else { clock };
            block.end = end;
            filled = true;
        }
        clock = end;
    }
    if !filled {
        block.end = block.first;
    }
    Ok(block)
}

/// Whether there are any.
fn check_deletions(reader: &mut Reader<'_>) -> Result<bool, Refusal> {
    let clients = reader.var_uint()?;
    bounded(clients, reader.remaining() / 2)?;
    let mut any = false;
    let mut former = None;
    for _ in 0..clients {
        let client = reader.var_uint()?;
        let ranges = reader.var_uint()?;
        bounded(ranges, reader.remaining() / 2)?;
        let (mut ordered, mut end) = (former.is_none_or(|former| former > client) && ranges > 0, None);
        for _ in 0..ranges {
            let clock = reader.var_uint()?;
            let length = reader.var_uint()?;
            if length == 0 {
                return Err(Refusal::ZeroLength);
            }
            ordered &= end.is_none_or(|end| end < clock);
            end = Some(behind(clock, length)?);
            any = true;
        }
        if !ordered {
            reader.note_variant();
        }
        former = Some(client);
    }
    Ok(any)
}

/// A count is believed only as far as the rest of the input can hold so many.
fn bounded(count: u64, most: usize) -> Result<usize, Refusal> {
    usize::try_from(count).ok().filter(|count| *count <= most).ok_or(Refusal::Truncated)
}

fn behind(clock: Clock, length: u64) -> Result<Clock, Refusal> {
    clock.checked_add(length).filter(|end| *end <= MAX_INTEGER).ok_or(Refusal::Clock)
}
