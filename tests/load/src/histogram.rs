//! Counts of latencies in buckets of constant relative width, as HDR histograms have them.

use serde::Serialize;

use crate::clock::Nanos;

/// Buckets to an octave: a value is known to within 0.8 %.
const SUB: usize = 128;
const SUB_BITS: u32 = SUB.trailing_zeros();
/// Up to 2^40 ns, 18 minutes; what is longer counts as that.
const BUCKETS: usize = SUB * (40 - SUB_BITS as usize + 2);

/// Counts of values between 1 ns and 18 minutes.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Nanos,
}

/// The percentiles that reports show, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Percentiles {
    /// Half of all were faster.
    pub p50: f64,
    /// 95 of 100 were faster.
    pub p95: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// 999 of 1,000 were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, longest: 0 }
    }
}

impl Histogram {
    /// Counts `value` once.
    pub fn record(&mut self, value: Nanos) {
        let index = index(value).min(BUCKETS - 1);
        self.counts[index] += 1;
        self.total += 1;
        self.longest = self.longest.max(value);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The value below which `share` (0 to 1) of all lie; 0 if there is none.
    pub fn at(&self, share: f64) -> Nanos {
        let wanted = (self.total as f64 * share).ceil().max(1.0);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= wanted {
                return highest(index).min(self.longest);
            }
        }
        self.longest
    }

    /// What reports show.
    pub fn percentiles(&self) -> Percentiles {
        let at = |share| milliseconds(self.at(share));
        Percentiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: milliseconds(self.longest) }
    }
}

/// Nanoseconds in milliseconds.
pub fn milliseconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e6
}

fn index(value: Nanos) -> usize {
    let shift = value.max(1).ilog2().saturating_sub(SUB_BITS);
    let within = usize::try_from(value >> shift).unwrap_or(usize::MAX);
    // From the second octave on, `within` has its highest bit set: that is the step to the next octave's buckets.
    (shift as usize * SUB).saturating_add(within)
}

/// The highest value of a bucket.
fn highest(index: usize) -> Nanos {
    let shift = (index / SUB).saturating_sub(1);
    let within = (index - shift * SUB) as u64;
    ((within + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_counted_in_it_to_within_a_hundredth() {
        for value in (0..200).chain((8..39).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + (1 << (bit - 2))])) {
            let high = highest(index(value));
            assert!(high >= value, "{value} is in the bucket that ends at {high}");
            assert!(high as f64 <= value as f64 * 1.01, "{value} is told as {high}");
        }
    }

    #[test]
    fn percentiles_are_the_values_at_their_ranks() {
        let mut histogram = Histogram::default();
        for value in 1..=10_000 {
            histogram.record(value * 1_000);
        }
        for (share, exact) in [(0.5, 5_000_000), (0.99, 9_900_000), (1.0, 10_000_000)] {
            let told = histogram.at(share) as f64;
            assert!((told - f64::from(exact)).abs() <= f64::from(exact) * 0.01, "{share}: {told}");
        }
        assert_eq!(histogram.count(), 10_000);
    }

    #[test]
    fn an_empty_histogram_tells_zero() {
        assert_eq!(Histogram::default().percentiles().max, 0.0);
    }
}
