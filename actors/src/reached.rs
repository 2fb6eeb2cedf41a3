//! Bounds that were reached where nobody is refused: something waits, is paced, is asked for again, or is forgotten.

use metrics::counter;

/// Counts in `tandem_limits_reached_total` that a bound was reached, by its name in the configuration or the code.
pub fn count(limit: &'static str) {
    counter!("tandem_limits_reached_total", "limit" => limit).increment(1);
}
