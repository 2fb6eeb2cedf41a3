//! The one place where refusals are counted, whoever makes them.

use metrics::counter;
use tandem_protocol::Refusal;

/// Counts a refusal in `tandem_refusals_total`, by its name in the protocols' table.
pub fn count(refusal: Refusal) {
    counter!("tandem_refusals_total", "reason" => refusal.name()).increment(1);
}
