//! Mutations from a seed: the same number gives the same inputs.

/// Longer inputs than this are cut.
const INPUT_BYTES_MAX: usize = 4096;

/// What breaks readers of lengths and numbers.
const TRICKY: [&[u8]; 10] = [
    &[0],
    &[0x7f],
    &[0x80],
    &[0x80, 0x01],
    &[0xff, 0x7f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    &[0xff; 11],
    b"\\u{[\"null",
];

/// A generator of numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// Begins at this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Makes the next input of the seeds, by one to eight changes.
pub fn next(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pick(seeds, random).to_vec();
    for _ in 0..=random.below(8) {
        change(&mut input, seeds, random);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn pick<'a>(seeds: &'a [Vec<u8>], random: &mut Random) -> &'a [u8] {
    seeds.get(random.below(seeds.len())).map_or(&[], Vec::as_slice)
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = at + random.below(input.len() - at + 1);
    match random.below(9) {
        0 => input.insert(at, random.byte()),
        1 => input.truncate(at),
        2 => drop(input.drain(at..end)),
        3 => input.splice(at..at, TRICKY[random.below(TRICKY.len())].iter().copied()).for_each(drop),
        4 => {
            let piece = input[at..end].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, piece).for_each(drop);
        }
        5 => {
            let other = pick(seeds, random);
            let from = random.below(other.len() + 1);
            input.splice(at..end, other[from..].iter().copied()).for_each(drop);
        }
        6 => edit(input, at, |byte, random| byte.wrapping_add(1 + (random.byte() & 3)), random),
        7 => edit(input, at, |byte, random| byte ^ (1 << random.below(8)), random),
        _ => edit(input, at, |_, random| random.byte(), random),
    }
}

fn edit(input: &mut [u8], at: usize, by: impl Fn(u8, &mut Random) -> u8, random: &mut Random) {
    if let Some(byte) = input.get_mut(at) {
        *byte = by(*byte, random);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_inputs_again_and_another_seed_others() {
        let seeds = [b"hello".to_vec(), Vec::new()];
        let inputs = |seed| -> Vec<_> {
            let mut random = Random::new(seed);
            (0..100).map(|_| next(&seeds, &mut random)).collect()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
    }
}
