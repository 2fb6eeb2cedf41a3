//! Metrics in Prometheus' form.

use std::time::Duration;

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};

const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const BYTES: [f64; 10] =
    [64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];
const COUNTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Recorded values pile up until they are sorted into their buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Records metrics from here on: `*_seconds` and `*_bytes` in their own buckets, all other histograms as counts.
///
/// # Errors
/// Something in this process records already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".into()), &BYTES)?
        .install_recorder()
}

/// Keeps the records small, for ever.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// Says what the edge's and the store's metrics mean.
pub fn describe() {
    super::store::describe();
    describe_counter!("tandem_http_requests_total", "Requests answered, by area and class of status");
    describe_histogram!("tandem_http_request_seconds", "From a request's head to its answer's head");
    describe_gauge!("tandem_http_connections", "Connections that speak HTTP now");
    describe_counter!(
        "tandem_http_connections_refused_total",
        "Connections refused since server.connections were open"
    );
    describe_counter!(
        "tandem_http_connections_broken_total",
        "Connections that ended within a request, by what broke them: a limit's name, no HTTP, the client, its network"
    );
    describe_counter!(
        "tandem_limits_reached_total",
        "Times that a limit was reached of which no refusal tells: something waited, was paced, asked for again or forgotten"
    );
    describe_gauge!("tandem_inbound_bytes", "Bytes of limits.inbound_bytes that messages hold");
    describe_gauge!("tandem_jobs_waiting", "Documents that wait to be compacted");
    describe_counter!("tandem_http_panics_total", "Handlers that panicked; their requests got 500");
    describe_counter!("tandem_thread_rests_total", "Times that a busy thread rested before it looked at its sockets");
    describe_gauge!("tandem_actors", "Living actors of a kind, as the supervision tree tells");
    describe_gauge!("tandem_tasks", "Living tasks of the runtime");
    describe_gauge!(
        "process_resident_memory_bytes",
        "Memory that the process touches: its own, its program and the database's pages that the kernel keeps for it"
    );
    describe_gauge!("tandem_memory_bytes", "Memory that is the process' own, and nobody else could take back");
    describe_gauge!("tandem_allocated_bytes", "Memory that the program has asked its allocator for and not given back");
    describe_gauge!(
        "tandem_allocated_pages_bytes",
        "The pages in which that lies: far more than was asked for means that it lies scattered"
    );
    describe_gauge!("process_open_fds", "File descriptors that the process has open");
    describe_counter!("tandem_panics_total", "Panics anywhere in the process");
}
