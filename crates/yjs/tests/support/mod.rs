//! What the tests share: a seeded generator, a small writer of updates, admission in one call.

#![allow(dead_code, reason = "each test file uses its part")]

use tandem_yjs::lib0::{write_var_string, write_var_uint};
use tandem_yjs::{Admission, Collect, Index, IndexLimits, Update, Verdict};

/// Numbers from a seed: the same seed gives the same test.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound.max(1)
    }

    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).expect("a bound that is an index")
    }
}

/// Writes updates struct by struct; counts are patched in by [`Writer::finish`].
#[derive(Clone, Default)]
pub struct Writer {
    blocks: Vec<(u64, u64, u64, Vec<u8>)>,
    deletions: Vec<(u64, Vec<(u64, u64)>)>,
}

impl Writer {
    pub fn client(mut self, client: u64, clock: u64) -> Self {
        self.blocks.push((0, client, clock, Vec::new()));
        self
    }

    /// Adds a struct: its info byte and what follows.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        let block = self.blocks.last_mut().expect("a client first");
        block.0 += 1;
        block.3.extend_from_slice(bytes);
        self
    }

    /// A text on the root `t`.
    pub fn root_text(self, text: &str) -> Self {
        let mut bytes = vec![4, 1, 1, b't'];
        write_var_string(&mut bytes, text);
        self.raw(&bytes)
    }

    /// A text behind an element.
    pub fn text_after(self, (client, clock): (u64, u64), text: &str) -> Self {
        let mut bytes = vec![0x84];
        write_var_uint(&mut bytes, client);
        write_var_uint(&mut bytes, clock);
        write_var_string(&mut bytes, text);
        self.raw(&bytes)
    }

    pub fn delete(mut self, client: u64, ranges: &[(u64, u64)]) -> Self {
        self.deletions.push((client, ranges.to_vec()));
        self
    }

    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::new();
        write_var_uint(&mut out, self.blocks.len() as u64);
        for (structs, client, clock, bytes) in self.blocks {
            for number in [structs, client, clock] {
                write_var_uint(&mut out, number);
            }
            out.extend(bytes);
        }
        write_var_uint(&mut out, self.deletions.len() as u64);
        for (client, ranges) in self.deletions {
            write_var_uint(&mut out, client);
            write_var_uint(&mut out, ranges.len() as u64);
            for (clock, length) in ranges {
                write_var_uint(&mut out, clock);
                write_var_uint(&mut out, length);
            }
        }
        out
    }
}

pub fn update() -> Writer {
    Writer::default()
}

pub fn collecting() -> Index {
    Index::new(Collect::Collected, IndexLimits::NONE)
}

pub fn keeping() -> Index {
    Index::new(Collect::Kept, IndexLimits::NONE)
}

/// Admits what is sound, and checks the index.
pub fn admit(index: &mut Index, bytes: &[u8]) -> Admission<'static> {
    let update = Update::decode(bytes).expect("the update is sound");
    let admission = index.admit(&update, &mut |_| Verdict::Take);
    index.check_invariants();
    admission.into_owned()
}

/// An index that was loaded from the encoding of another.
pub fn reloaded(index: &Index, collect: Collect) -> Index {
    let mut loaded = Index::new(collect, IndexLimits::NONE);
    let admission = admit(&mut loaded, &index.encode());
    assert_eq!((admission.missing, admission.refused), (None, None), "an encoding is taken whole");
    loaded
}
