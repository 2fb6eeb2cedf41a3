//! Says at the start what is being done, and how long it took.

use std::time::Instant;

use tracing::info;

/// One step of the start, being done.
#[derive(Debug)]
pub struct Step {
    what: &'static str,
    since: Instant,
}

impl Step {
    /// Says that `what` begins.
    #[must_use]
    pub fn begin(what: &'static str) -> Self {
        info!(target: "tandem::start", "{what} …");
        Self { what, since: Instant::now() }
    }

    /// Says that it is done, with what came of it.
    pub fn done(self, outcome: &str) {
        let took_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(target: "tandem::start", took_ms, "{}: {outcome}", self.what);
    }
}
