//! Sets of clocks as merged ranges: what of a client is deleted.

use std::ops::Range;

use tandem_model::Clock;

/// Ranges `[from, to)` that neither overlap nor touch, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    ranges: Vec<(Clock, Clock)>,
}

impl Ranges {
    /// Ranges that neither overlap nor touch, in order.
    pub(crate) fn of_merged(ranges: Vec<(Clock, Clock)>) -> Self {
        Self { ranges }
    }

    /// The ranges in order.
    pub(crate) fn as_slice(&self) -> &[(Clock, Clock)] {
        &self.ranges
    }

    /// Whether all of `[from, to)` is in.
    pub(crate) fn contains(&self, from: Clock, to: Clock) -> bool {
        let at = self.ranges.partition_point(|range| range.1 <= from);
        self.ranges.get(at).is_some_and(|range| range.0 <= from && to <= range.1)
    }

    /// The parts of merged ranges that are not in, in order.
    pub(crate) fn lacks(&self, ranges: &[(Clock, Clock)]) -> Vec<(Clock, Clock)> {
        let mut lacking = Vec::new();
        for (from, to) in ranges {
            let mut clock = *from;
            for range in overlapping(&self.ranges, *from, *to) {
                if clock < range.0 {
                    lacking.push((clock, range.0));
                }
                clock = clock.max(range.1);
            }
            if clock < *to {
                lacking.push((clock, *to));
            }
        }
        lacking
    }

    /// How many ends of ranges of which nothing is in touch nothing that is in.
    pub(crate) fn open_ends(&self, lacking: &[(Clock, Clock)]) -> u64 {
        let begins_open = |from: Clock| {
            let at = self.ranges.partition_point(|range| range.1 < from);
            self.ranges.get(at).is_none_or(|range| range.1 != from)
        };
        let ends_open = |to: Clock| {
            let at = self.ranges.partition_point(|range| range.0 < to);
            self.ranges.get(at).is_none_or(|range| range.0 != to)
        };
        lacking.iter().map(|range| u64::from(begins_open(range.0)) + u64::from(ends_open(range.1))).sum()
    }

    /// Adds ranges in order of which nothing is in. What is there moves at most twice, however many they are.
    pub(crate) fn add(&mut self, lacking: &[(Clock, Clock)]) {
        if lacking.is_empty() {
            return;
        }
        let between = self.join(lacking);
        let mut end = self.ranges.len();
        self.ranges.resize(end + between.len(), (0, 0));
        for (before, (at, range)) in between.into_iter().enumerate().rev() {
            self.ranges.copy_within(at..end, at + before + 1);
            self.ranges[at + before] = range;
            end = at;
        }
    }

    /// Joins those that touch something with it; answers the others, each with the place that it comes before.
    fn join(&mut self, lacking: &[(Clock, Clock)]) -> Vec<(usize, (Clock, Clock))> {
        let ranges = &mut self.ranges;
        let mut between = Vec::new();
        let (mut read, mut kept) = (0, 0);
        for &(from, to) in lacking {
            let at = read + ranges[read..].partition_point(|range| range.1 < from);
            (read, kept) = moved(ranges, read..at, kept);
            if kept > 0 && ranges[kept - 1].1 == from {
                ranges[kept - 1].1 = to;
            } else if ranges.get(read).is_some_and(|next| next.0 <= to) {
                let next = ranges[read];
                ranges[kept] = (next.0.min(from), next.1.max(to));
                (read, kept) = (read + 1, kept + 1);
            } else {
                between.push((kept, (from, to)));
                continue;
            }
            while ranges.get(read).is_some_and(|next| next.0 <= ranges[kept - 1].1) {
                ranges[kept - 1].1 = ranges[kept - 1].1.max(ranges[read].1);
                read += 1;
            }
        }
        let rest = read..ranges.len();
        (_, kept) = moved(ranges, rest, kept);
        ranges.truncate(kept);
        between
    }
}

/// Moves a stretch to the front; answers where reading and writing go on.
fn moved(ranges: &mut [(Clock, Clock)], stretch: Range<usize>, to: usize) -> (usize, usize) {
    let (read, kept) = (stretch.end, to + stretch.len());
    if stretch.start != to {
        ranges.copy_within(stretch, to);
    }
    (read, kept)
}

/// Those of merged ranges that overlap `[from, to)`, not clipped.
pub(crate) fn overlapping(ranges: &[(Clock, Clock)], from: Clock, to: Clock) -> &[(Clock, Clock)] {
    let start = ranges.partition_point(|range| range.1 <= from);
    let length = ranges[start..].partition_point(|range| range.0 < to);
    &ranges[start..start + length]
}

/// Clips merged ranges at `end`; answers what lay behind it.
pub(crate) fn clip(ranges: &mut Vec<(Clock, Clock)>, end: Clock) -> Vec<(Clock, Clock)> {
    if ranges.first().is_some_and(|first| first.0 >= end) {
        return std::mem::take(ranges);
    }
    let at = ranges.partition_point(|range| range.1 <= end);
    let mut behind = ranges.split_off(at);
    if let Some(first) = behind.first_mut().filter(|first| first.0 < end) {
        ranges.push((first.0, end));
        first.0 = end;
    }
    behind
}

/// Sorts ranges and joins those that overlap or touch.
pub(crate) fn merge_in_place(ranges: &mut Vec<(Clock, Clock)>) {
    if ranges.len() < 2 {
        return;
    }
    if !ranges.is_sorted() {
        ranges.sort();
    }
    let mut kept = 0;
    for at in 1..ranges.len() {
        let (from, to) = ranges[at];
        if from <= ranges[kept].1 {
            ranges[kept].1 = ranges[kept].1.max(to);
        } else {
            kept += 1;
            ranges[kept] = (from, to);
        }
    }
    ranges.truncate(kept + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of numbers, enough to try many shapes.
    fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    #[test]
    fn ranges_equal_a_set_of_clocks_however_they_are_added() {
        for seed in 0..300 {
            let mut next = numbers(seed);
            let mut ranges = Ranges::default();
            let mut set = std::collections::BTreeSet::new();
            for _ in 0..30 {
                let count = 1 + next(8);
                let mut added: Vec<_> = (0..count).map(|_| next(60)).map(|from| (from, from + 1 + from % 7)).collect();
                let expected: std::collections::BTreeSet<Clock> =
                    added.iter().flat_map(|range| range.0..range.1).filter(|clock| !set.contains(clock)).collect();
                set.extend(expected.iter().copied());
                merge_in_place(&mut added);
                let lacking = ranges.lacks(&added);
                assert!(lacking.iter().flat_map(|range| range.0..range.1).eq(expected));
                ranges.add(&lacking);
                let held: std::collections::BTreeSet<_> =
                    ranges.as_slice().iter().flat_map(|range| range.0..range.1).collect();
                assert_eq!(held, set);
                assert!(ranges.as_slice().windows(2).all(|pair| pair[0].1 < pair[1].0));
                let (from, to) = (next(60), 60 + next(9));
                assert_eq!(ranges.contains(from, to), (from..to).all(|clock| set.contains(&clock)));
            }
        }
    }
}
