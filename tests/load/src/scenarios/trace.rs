//! A paper being written, edit by edit, as one Yjs client would send it.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;

use flate2::read::GzDecoder;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::yjs::{ClientId, string, varuint};

/// Elements of a chunk of the sequence before it is cut in two.
const CHUNK: usize = 512;
/// The root text.
const ROOT: &str = "text";

/// The edits of one author.
#[derive(Debug)]
pub struct Trace {
    /// Where it is from.
    pub name: String,
    /// The author.
    pub client: ClientId,
    /// The author's clock at the end.
    pub clock: u64,
    edits: Vec<Edit>,
    structs: Vec<u8>,
    deleted: Vec<(u64, u64)>,
}

#[derive(Debug, Clone)]
struct Edit {
    /// The clock of its first struct.
    clock: u64,
    count: u64,
    structs: Range<usize>,
    deleted: Range<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paper {
    start_content: String,
    end_content: String,
    txns: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    /// Position, how many are deleted, what is inserted.
    patches: Vec<(usize, usize, String)>,
}

impl Trace {
    /// Reads a trace (`{startContent, endContent, txns: [{patches: [[at, deleted, inserted]]}]}`, gzipped), or makes one
    /// of `edits` edits and the same shape.
    ///
    /// # Errors
    /// There is no such file, or its edits do not give the text that it says they give.
    pub fn new(file: Option<&Path>, edits: usize) -> Result<Self> {
        let Some(path) = file else { return Self::made(edits) };
        let name = path.display().to_string();
        let open = File::open(path).map_err(Error::io(&name))?;
        let paper: Paper = serde_json::from_reader(BufReader::new(GzDecoder::new(open)))
            .map_err(|error| Error::Usage(format!("{name}: {error}")))?;
        let mut writer = Writer::new("the trace that was given".to_owned());
        if !paper.start_content.is_empty() {
            writer.write([(0, 0, paper.start_content.as_str())]);
        }
        for Transaction { patches } in &paper.txns {
            writer.write(patches.iter().map(|(at, deleted, inserted)| (*at, *deleted, inserted.as_str())));
        }
        if writer.text() != paper.end_content.encode_utf16().collect::<Vec<_>>() {
            return Err(Error::Usage(format!("{name}: the edits do not give the text at the end")));
        }
        Ok(writer.trace)
    }

    /// Somebody types in runs, takes words back, and jumps to places that were written before.
    fn made(edits: usize) -> Result<Self> {
        let mut random = SmallRng::seed_from_u64(1);
        let mut writer = Writer::new(format!("a made trace of {edits} edits"));
        let (mut length, mut at) = (0, 0);
        while writer.trace.edits.len() < edits {
            if random.random_bool(0.12) {
                at = random.random_range(0..=length);
            }
            let deletes = length > 0 && random.random_bool(0.3);
            for _ in 0..random.random_range(1..if deletes { 9 } else { 15 }) {
                if writer.trace.edits.len() == edits || (deletes && at == 0) {
                    break;
                }
                if deletes {
                    at -= 1;
                    length -= 1;
                    writer.write([(at, 1, "")]);
                } else {
                    let letter = &"etaoin shrdlu"[random.random_range(0..13)..][..1];
                    writer.write([(at, 0, letter)]);
                    at += 1;
                    length += 1;
                }
            }
        }
        Ok(writer.trace)
    }

    /// How many edits.
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Appends the update of some edits in a row.
    pub fn update(&self, edits: Range<usize>, out: &mut Vec<u8>) {
        let edits = &self.edits[edits];
        let structs: u64 = edits.iter().map(|edit| edit.count).sum();
        if let Some(first) = edits.first().filter(|_| structs > 0) {
            out.push(1);
            varuint(out, structs);
            varuint(out, self.client);
            varuint(out, first.clock);
            edits.iter().for_each(|edit| out.extend_from_slice(&self.structs[edit.structs.clone()]));
        } else {
            out.push(0);
        }
        let mut gone: Vec<_> = edits.iter().flat_map(|edit| &self.deleted[edit.deleted.clone()]).copied().collect();
        gone.sort_unstable();
        gone.dedup_by(|next, last| {
            let follows = last.0 + last.1 == next.0;
            if follows {
                last.1 += next.1;
            }
            follows
        });
        if gone.is_empty() {
            return out.push(0);
        }
        out.push(1);
        varuint(out, self.client);
        varuint(out, gone.len() as u64);
        for (clock, length) in gone {
            varuint(out, clock);
            varuint(out, length);
        }
    }
}

/// The text as a Yjs document holds it: what was deleted keeps its place.
#[derive(Default)]
struct Chunk {
    /// Clocks, and whether they are deleted.
    elements: Vec<(u32, bool)>,
    visible: usize,
}

struct Writer {
    chunks: Vec<Chunk>,
    letters: Vec<u16>,
    trace: Trace,
}

impl Writer {
    fn new(name: String) -> Self {
        let client = ClientId::from(SmallRng::seed_from_u64(7).random::<u32>());
        let trace = Trace { name, client, clock: 0, edits: Vec::new(), structs: Vec::new(), deleted: Vec::new() };
        Self { chunks: vec![Chunk::default()], letters: Vec::new(), trace }
    }

    /// One transaction.
    fn write<'a>(&mut self, patches: impl IntoIterator<Item = (usize, usize, &'a str)>) {
        let (clock, structs, deleted) = (self.trace.clock, self.trace.structs.len(), self.trace.deleted.len());
        let mut count = 0;
        for (at, gone, new) in patches {
            for _ in 0..gone {
                self.delete(at);
            }
            if !new.is_empty() {
                self.insert(at, new);
                count += 1;
            }
        }
        self.trace.edits.push(Edit {
            clock,
            count,
            structs: structs..self.trace.structs.len(),
            deleted: deleted..self.trace.deleted.len(),
        });
    }

    /// The place right before the visible element number `at`: behind all that is deleted there, as Yjs finds it.
    fn place(&self, at: usize) -> (usize, usize) {
        let mut left = at;
        for (number, chunk) in self.chunks.iter().enumerate() {
            if left >= chunk.visible && number + 1 < self.chunks.len() {
                left -= chunk.visible;
                continue;
            }
            let mut index = 0;
            for &(_, deleted) in &chunk.elements {
                if !deleted {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                }
                index += 1;
            }
            return (number, index);
        }
        (0, 0)
    }

    fn delete(&mut self, at: usize) {
        let (number, index) = self.place(at);
        let chunk = &mut self.chunks[number];
        if let Some((clock, deleted)) = chunk.elements.get_mut(index) {
            *deleted = true;
            chunk.visible -= 1;
            self.trace.deleted.push((u64::from(*clock), 1));
        }
    }

    fn insert(&mut self, at: usize, text: &str) {
        let (number, index) = self.place(at);
        let before = match index.checked_sub(1) {
            Some(last) => self.chunks[number].elements.get(last),
            None => self.chunks[..number].iter().rev().find_map(|chunk| chunk.elements.last()),
        };
        let after = match self.chunks[number].elements.get(index) {
            Some(element) => Some(element),
            None => self.chunks[number + 1..].iter().find_map(|chunk| chunk.elements.first()),
        };
        let out = &mut self.trace.structs;
        out.push(4 | if before.is_some() { 0x80 } else { 0 } | if after.is_some() { 0x40 } else { 0 });
        for (clock, _) in [before, after].into_iter().flatten() {
            varuint(out, self.trace.client);
            varuint(out, u64::from(*clock));
        }
        if before.is_none() && after.is_none() {
            out.push(1);
            string(out, ROOT);
        }
        string(out, text);
        let first = u32::try_from(self.trace.clock).unwrap_or(u32::MAX);
        let units: Vec<u16> = text.encode_utf16().collect();
        let chunk = &mut self.chunks[number];
        chunk.elements.splice(index..index, (first..).map(|clock| (clock, false)).take(units.len()));
        chunk.visible += units.len();
        self.trace.clock += units.len() as u64;
        self.letters.extend(units);
        if chunk.elements.len() > CHUNK {
            let elements = chunk.elements.split_off(chunk.elements.len() / 2);
            let visible = elements.iter().filter(|(_, deleted)| !deleted).count();
            chunk.visible -= visible;
            self.chunks.insert(number + 1, Chunk { elements, visible });
        }
    }

    fn text(&self) -> Vec<u16> {
        let elements = self.chunks.iter().flat_map(|chunk| &chunk.elements).filter(|(_, deleted)| !deleted);
        elements.filter_map(|&(clock, _)| self.letters.get(clock as usize).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yjs::structs;

    #[test]
    fn edits_give_the_text_that_they_describe() {
        let mut writer = Writer::new(String::new());
        let mut text: Vec<u8> = Vec::new();
        let mut random = SmallRng::seed_from_u64(3);
        for _ in 0..5_000 {
            let at = random.random_range(0..=text.len());
            let gone = random.random_range(0..3).min(text.len() - at);
            let new = &"abcdef"[..random.random_range(0..5)];
            text.splice(at..at + gone, new.bytes());
            writer.write([(at, gone, new)]);
        }
        let told: Vec<u8> = writer.text().into_iter().filter_map(|unit| u8::try_from(unit).ok()).collect();
        assert_eq!(String::from_utf8_lossy(&told), String::from_utf8_lossy(&text));
    }

    #[test]
    fn updates_of_edits_follow_on_one_another() {
        let trace = Trace::new(None, 1_000).expect("a made trace");
        assert_eq!(trace.len(), 1_000);
        for batch in [1, 7, 1_000] {
            let mut clock = 0;
            for from in (0..1_000).step_by(batch) {
                let mut update = Vec::new();
                trace.update(from..(from + batch).min(1_000), &mut update);
                let read = structs(&update, |client, first, length| {
                    assert_eq!((client, first), (trace.client, clock));
                    clock += length;
                });
                assert_eq!(read, Some(()));
            }
            assert_eq!(clock, trace.clock);
        }
    }
}
