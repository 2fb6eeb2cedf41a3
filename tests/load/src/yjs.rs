//! Authors who write Yjs updates (version 1), and what a reader's state vector says of them.

use crate::clock::Nanos;

/// A Yjs client id.
pub type ClientId = u64;

/// Appends a variable-length unsigned integer, as lib0 writes it.
pub fn varuint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// Appends a string with its length.
pub fn string(out: &mut Vec<u8>, text: &str) {
    varuint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// The root text that all authors write to.
pub const ROOT: &str = "text";
/// The update that holds nothing.
pub const EMPTY: &[u8] = &[0, 0];

const ORIGIN: u8 = 0x80;
const RIGHT: u8 = 0x40;
const STRING: u8 = 4;

/// The letter at a clock: any will do, and each author's text can be made again from its length.
fn letter(clock: u64) -> u8 {
    b"etaoin shrdlu"[(clock % 13) as usize]
}

/// Somebody who types at the end of a line of their own, as a Yjs text would have it.
#[derive(Debug, Clone)]
pub struct Author {
    /// Its random id.
    pub id: ClientId,
    /// The clock of its next struct.
    pub clock: u64,
    /// The clock of its first letter: what is below is the seed.
    pub first: u64,
    before: Option<(ClientId, u64)>,
    after: Option<(ClientId, u64)>,
}

impl Author {
    /// An author with nothing written.
    pub fn new(id: ClientId) -> Self {
        Self { id, clock: 0, first: 0, before: None, after: None }
    }

    /// The update that gives the document `lines` empty lines, written by this author. All take their places by [`Author::sit`].
    pub fn seed(&mut self, lines: u64) -> Vec<u8> {
        let mut out = vec![1, 1];
        varuint(&mut out, self.id);
        out.extend([0, STRING, 1]);
        string(&mut out, ROOT);
        string(&mut out, &"\n".repeat(usize::try_from(lines).unwrap_or(0)));
        out.push(0);
        self.clock = lines;
        self.first = lines;
        out
    }

    /// Takes the end of line `line` of `lines` that `seeder` wrote.
    pub fn sit(&mut self, seeder: ClientId, line: u64, lines: u64) {
        self.before = Some((seeder, line));
        self.after = (line + 1 < lines).then_some((seeder, line + 1));
    }

    /// Types one letter: appends the update that says so.
    pub fn letter(&mut self, out: &mut Vec<u8>) {
        out.extend([1, 1]);
        self.structs(out, self.clock, 1);
        out.push(0);
        self.before = Some((self.id, self.clock));
        self.clock += 1;
    }

    /// What it typed at `from` and later, for a server that asks; empty if there is nothing.
    pub fn since(&self, from: u64) -> Vec<u8> {
        let from = from.max(self.first);
        if from >= self.clock {
            return EMPTY.to_vec();
        }
        let mut out = vec![1, 1];
        let mut then = self.clone();
        if from > self.first {
            then.before = Some((self.id, from - 1));
        }
        then.structs(&mut out, from, self.clock - from);
        out.push(0);
        out
    }

    fn structs(&self, out: &mut Vec<u8>, clock: u64, length: u64) {
        varuint(out, self.id);
        varuint(out, clock);
        let with = |side: Option<_>, bit| if side.is_some() { bit } else { 0 };
        out.push(STRING | with(self.before, ORIGIN) | with(self.after, RIGHT));
        for (id, clock) in [self.before, self.after].into_iter().flatten() {
            varuint(out, id);
            varuint(out, clock);
        }
        if self.before.is_none() && self.after.is_none() {
            out.push(1);
            string(out, ROOT);
        }
        varuint(out, length);
        out.extend((clock..clock + length).map(letter));
    }
}

/// Bytes being read.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Takes a byte.
    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// Takes a variable-length unsigned integer.
    #[inline]
    pub fn varuint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Takes bytes that are led by their length.
    #[inline]
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varuint()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn id(&mut self) -> Option<(ClientId, u64)> {
        Some((self.varuint()?, self.varuint()?))
    }
}

/// Calls `each` with the client, the first clock and the length of every struct of an update. `None` if it holds what
/// is no update, or content that no author of this tool writes.
pub fn structs(update: &[u8], mut each: impl FnMut(ClientId, u64, u64)) -> Option<()> {
    let mut reader = Reader(update);
    for _ in 0..reader.varuint()? {
        let count = reader.varuint()?;
        let (client, mut clock) = reader.id()?;
        for _ in 0..count {
            let (length, held) = one(&mut reader)?;
            if held {
                each(client, clock, length);
            }
            clock = clock.checked_add(length)?;
        }
    }
    Some(())
}

/// The length of one struct, and whether it is something (a skip is not).
fn one(reader: &mut Reader<'_>) -> Option<(u64, bool)> {
    let info = reader.byte()?;
    match info & 0x1f {
        0 => return Some((reader.varuint()?, true)),
        10 => return Some((reader.varuint()?, false)),
        _ => {}
    }
    if info & ORIGIN != 0 {
        reader.id()?;
    }
    if info & RIGHT != 0 {
        reader.id()?;
    }
    if info & (ORIGIN | RIGHT) == 0 {
        match reader.varuint()? {
            1 => drop(reader.bytes()?),
            _ => drop(reader.id()?),
        }
        if info & 0x20 != 0 {
            reader.bytes()?;
        }
    }
    match info & 0x1f {
        1 => Some((reader.varuint()?, true)),
        4 => {
            let text = reader.bytes()?;
            // UTF-16 units: a byte that is no continuation is one, the first of four is two.
            let units = if text.is_ascii() {
                text.len() as u64
            } else {
                text.iter().map(|&byte| u64::from(byte & 0xc0 != 0x80) + u64::from(byte >= 0xf0)).sum()
            };
            Some((units, true))
        }
        _ => None,
    }
}

/// How much of some authors' writing somebody has: the part of a state vector that a scenario looks at.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    heads: Vec<u64>,
    /// What came before its clock's turn: Yjs would hold it back.
    early: Vec<(usize, u64, u64)>,
}

impl Seen {
    /// Knows nothing of `authors` authors.
    pub fn nothing(authors: usize) -> Self {
        Self { heads: vec![0; authors], early: Vec::new() }
    }

    /// The clock up to which it has `author`'s writing.
    pub fn head(&self, author: usize) -> u64 {
        self.heads[author]
    }

    /// Takes the clocks `from..from + length` of an author; `news` hears of each stretch that enters the vector.
    pub fn take(&mut self, author: usize, from: u64, length: u64, news: &mut impl FnMut(usize, u64, u64)) {
        let head = self.heads[author];
        let end = from + length;
        if from > head {
            self.early.push((author, from, length));
            return;
        }
        if end <= head {
            return;
        }
        self.heads[author] = end;
        news(author, head, end);
        while let Some(at) =
            self.early.iter().position(|&(whose, from, _)| whose == author && from <= self.heads[author])
        {
            let (_, from, length) = self.early.swap_remove(at);
            let (head, end) = (self.heads[author], from + length);
            if end > head {
                self.heads[author] = end;
                news(author, head, end);
            }
        }
    }
}

/// When each letter of an author is due: one every `interval` from `start` on, the first at clock `first`.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// When the first is due.
    pub start: Nanos,
    /// From one to the next.
    pub interval: Nanos,
    /// The first letter's clock.
    pub first: u64,
}

impl Beat {
    /// When the letter at `clock` is due.
    pub fn due(&self, clock: u64) -> Nanos {
        self.start + (clock - self.first) * self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(update: &[u8]) -> Vec<(u64, u64, u64)> {
        let mut all = Vec::new();
        assert_eq!(structs(update, |client, clock, length| all.push((client, clock, length))), Some(()));
        all
    }

    #[test]
    fn an_author_seeds_types_and_answers_what_it_typed() {
        let mut author = Author::new(300);
        assert_eq!(read(&author.seed(3)), [(300, 0, 3)]);
        author.sit(300, 1, 3);
        let mut out = Vec::new();
        author.letter(&mut out);
        assert_eq!(out, [1, 1, 0xac, 2, 3, 0xc4, 0xac, 2, 1, 0xac, 2, 2, 1, letter(3), 0]);
        out.clear();
        author.letter(&mut out);
        assert_eq!(out, [1, 1, 0xac, 2, 4, 0xc4, 0xac, 2, 3, 0xac, 2, 2, 1, letter(4), 0]);
        assert_eq!(author.since(4), out);
        assert_eq!(read(&author.since(0)), [(300, 3, 2)]);
        assert_eq!(author.since(5), EMPTY);
    }

    #[test]
    fn a_vector_grows_by_what_follows_on_it_and_holds_back_what_comes_early() {
        let mut seen = Seen::nothing(2);
        let mut news = Vec::new();
        let mut hear = |author, from, to| news.push((author, from, to));
        seen.take(0, 2, 2, &mut hear);
        seen.take(1, 0, 1, &mut hear);
        seen.take(0, 0, 2, &mut hear);
        seen.take(0, 1, 2, &mut hear);
        assert_eq!((seen.head(0), seen.head(1)), (4, 1));
        assert_eq!(news, [(1, 0, 1), (0, 0, 2), (0, 2, 4)]);
    }

    #[test]
    fn a_skip_is_nothing_and_what_is_cut_short_is_no_update() {
        assert_eq!(read(&[1, 2, 7, 0, 10, 4, 4, 1, 1, b't', 1, b'x', 0]), [(7, 4, 1)]);
        assert_eq!(structs(&[1, 1, 7], |_, _, _| {}), None);
    }
}
