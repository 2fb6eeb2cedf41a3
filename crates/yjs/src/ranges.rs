//! Sets of clocks as merged ranges: what of a client is deleted.

use tandem_model::Clock;

/// From this many new ranges on, one pass over all of them is cheaper than moving the tail for each.
const ONE_BY_ONE_MAX: usize = 4;

/// Ranges `[from, to)` that neither overlap nor touch, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    ranges: Vec<(Clock, Clock)>,
}

impl Ranges {
    /// The ranges in order.
    pub(crate) fn as_slice(&self) -> &[(Clock, Clock)] {
        &self.ranges
    }

    /// Whether all of `[from, to)` is in.
    pub(crate) fn contains(&self, from: Clock, to: Clock) -> bool {
        let at = self.ranges.partition_point(|range| range.1 <= from);
        self.ranges.get(at).is_some_and(|range| range.0 <= from && to <= range.1)
    }

    /// Adds `[from, to)` and hands each part that was not in to `fresh`.
    pub(crate) fn add(&mut self, from: Clock, to: Clock, fresh: &mut dyn FnMut(Clock, Clock)) {
        // What is appended in order, as most is, moves nothing.
        let start = self.ranges.partition_point(|range| range.1 < from);
        let length = self.ranges[start..].partition_point(|range| range.0 <= to);
        let touched = &self.ranges[start..start + length];
        let mut clock = from;
        for range in touched {
            if clock < range.0.min(to) {
                fresh(clock, range.0.min(to));
            }
            clock = clock.max(range.1);
        }
        if clock < to {
            fresh(clock, to);
        }
        let from = touched.first().map_or(from, |range| range.0.min(from));
        let to = touched.last().map_or(to, |range| range.1.max(to));
        match length {
            0 => self.ranges.insert(start, (from, to)),
            1 => self.ranges[start] = (from, to),
            _ => {
                self.ranges[start] = (from, to);
                self.ranges.drain(start + 1..start + length);
            }
        }
    }

    /// Adds many ranges, which may come in any order and overlap; hands over what was not in, in order.
    pub(crate) fn add_all(&mut self, added: &mut Vec<(Clock, Clock)>, fresh: &mut dyn FnMut(Clock, Clock)) {
        merge_in_place(added);
        let behind = self.ranges.last().map_or(0, |range| range.1);
        if added.first().is_some_and(|range| range.0 >= behind) {
            return self.append(added, fresh);
        }
        if added.len() <= ONE_BY_ONE_MAX {
            for (from, to) in added.iter() {
                self.add(*from, *to, fresh);
            }
            return;
        }
        for (from, to) in added.iter() {
            self.gaps(*from, *to, fresh);
        }
        let mut all = std::mem::take(&mut self.ranges);
        all.append(added);
        // Two sorted runs: the sort of the standard library merges them in one pass.
        merge_in_place(&mut all);
        self.ranges = all;
    }

    /// Adds merged ranges that all lie behind what is there: nothing is searched and nothing moves.
    fn append(&mut self, added: &[(Clock, Clock)], fresh: &mut dyn FnMut(Clock, Clock)) {
        added.iter().for_each(|(from, to)| fresh(*from, *to));
        let joins = self.ranges.last().zip(added.first()).is_some_and(|(last, first)| last.1 == first.0);
        let mut rest = added.iter().copied();
        if joins && let (Some(last), Some(first)) = (self.ranges.last_mut(), rest.next()) {
            last.1 = first.1;
        }
        self.ranges.extend(rest);
    }

    fn gaps(&self, from: Clock, to: Clock, fresh: &mut dyn FnMut(Clock, Clock)) {
        let mut clock = from;
        for range in overlapping(&self.ranges, from, to) {
            if clock < range.0 {
                fresh(clock, range.0);
            }
            clock = clock.max(range.1);
        }
        if clock < to {
            fresh(clock, to);
        }
    }
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
                let mut expected: std::collections::BTreeSet<Clock> =
                    added.iter().flat_map(|range| range.0..range.1).filter(|clock| !set.contains(clock)).collect();
                set.extend(expected.iter().copied());
                ranges.add_all(&mut added, &mut |from, to| {
                    for clock in from..to {
                        assert!(expected.remove(&clock), "{clock} was in, or is handed over twice");
                    }
                });
                assert!(expected.is_empty());
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
