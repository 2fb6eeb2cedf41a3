//! Bounds that were reached where no refusal of the table tells it: something waits, is paced, is asked for again, or is
//! forgotten. What a turn of a session leaves for its next one is not told: that is how everybody has their turn.

use metrics::counter;

/// Counts in `tandem_limits_reached_total` how often a bound was reached, by its name in the configuration or the code.
pub fn count(limit: &'static str, times: usize) {
    if times > 0 {
        counter!("tandem_limits_reached_total", "limit" => limit).increment(times as u64);
    }
}
