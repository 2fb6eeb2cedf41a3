//! What the store tells, in numbers.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use tandem_store::Statistics;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Where the database layer tells its statements: only the slow ones, as the store opens it.
const STATEMENTS: &str = "sqlx::query";

const SLOW: &str = "tandem_store_slow_statements_total";

/// Sets the gauges of the store.
pub fn gauge_store(statistics: &Statistics) {
    let Statistics { pool, writer } = statistics;
    for (state, connections) in [("open", pool.open), ("idle", pool.idle), ("max", pool.max)] {
        gauge!("tandem_store_connections", "state" => state).set(connections);
    }
    gauge!("tandem_store_writes_waiting").set(writer.waiting);
    gauge!("tandem_store_failing").set(f64::from(u8::from(writer.failing)));
    gauge!("tandem_store_last_commit_seconds").set(writer.last_commit.as_secs_f64());
    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!("tandem_store_tail_rows").set(writer.tail_rows as f64);
    counter!("tandem_store_commits_total").absolute(writer.commits);
    counter!("tandem_store_rows_total").absolute(writer.rows);
    counter!("tandem_store_failures_total").absolute(writer.failures);
}

/// Says what the store's metrics mean.
pub(super) fn describe() {
    describe_counter!(SLOW, "Statements that took longer than store.slow_statement_ms");
    describe_gauge!("tandem_store_connections", "Connections of the pool, by state; max is how many there may be");
    describe_gauge!("tandem_store_writes_waiting", "Writes that wait for their turn or for a connection");
    describe_gauge!("tandem_store_failing", "1 while the newest write failed");
    describe_gauge!("tandem_store_last_commit_seconds", "How long the newest write took");
    describe_gauge!("tandem_store_tail_rows", "Committed rows that wait in segments to go to their documents; SQLite");
    describe_counter!("tandem_store_commits_total", "Writes that ended well");
    describe_counter!("tandem_store_rows_total", "Log rows appended");
    describe_counter!("tandem_store_failures_total", "Writes that failed");
    counter!(SLOW).increment(0);
}

/// Counts slow statements, whatever of them is logged.
pub(super) fn counting_slow<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    CountSlow.with_filter(Targets::new().with_target(STATEMENTS, LevelFilter::WARN))
}

struct CountSlow;

impl<S: Subscriber> Layer<S> for CountSlow {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut slow = Slow(false);
        event.record(&mut slow);
        if slow.0 {
            counter!(SLOW).increment(1);
        }
    }
}

/// Whether an event has the field of slow statements.
struct Slow(bool);

impl Visit for Slow {
    fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
        self.0 |= field.name() == "slow_threshold";
    }
}
