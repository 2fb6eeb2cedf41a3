//! What a run found, as a line for machines and one for people.

use serde::Serialize;

use crate::histogram::Percentiles;
use crate::machine::Memory;

/// The figures of one run. What a scenario does not measure is absent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// The scenario.
    pub scenario: String,
    /// The server.
    pub server: String,
    /// What was asked for.
    pub load: String,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// What counted as one in that time.
    pub deliveries: u64,
    /// Of all that was sent in that time, what never arrived.
    pub missing: u64,
    /// Server processor time, µs for one of them.
    pub cpu_us: f64,
    /// The server's share of its processor, in per cent.
    pub cpu_percent: f64,
    /// From the moment an edit was due until a reader had it, in milliseconds.
    pub latency_ms: Percentiles,
    /// From the moment an edit was due until it was acknowledged, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_ms: Option<Percentiles>,
    /// The server's memory at the end.
    pub memory: Memory,
    /// The server's threads at the end.
    pub threads: usize,
    /// This tool's share of its own processor, in per cent: above 90 the latencies are its own.
    pub load_percent: f64,
    /// How late this tool sent, at the 99th of 100, in milliseconds.
    pub late_ms: f64,
    /// Messages that brought the deliveries.
    pub messages: u64,
}

impl Outcome {
    /// The line for people.
    pub fn line(&self) -> String {
        let latency = &self.latency_ms;
        let mut line = format!(
            "{:<8} {:<18} {:>8.2} µs CPU a delivery  {:>9} deliveries  {:>5} missing  p50 {:.2} p95 {:.2} p99 {:.2} p99.9 {:.2} max {:.1} ms  server {:.1} % CPU, {} KiB, {} threads",
            self.scenario,
            self.server,
            self.cpu_us,
            self.deliveries,
            self.missing,
            latency.p50,
            latency.p95,
            latency.p99,
            latency.p999,
            latency.max,
            self.cpu_percent,
            self.memory.rss_kib,
            self.threads,
        );
        if let Some(acknowledged) = &self.acknowledged_ms {
            line += &format!("  acknowledged p50 {:.2} p99 {:.2} ms", acknowledged.p50, acknowledged.p99);
        }
        line + &format!(
            "  (load {:.0} % CPU, {:.2} ms late, {:.1} deliveries a message)",
            self.load_percent,
            self.late_ms,
            self.deliveries as f64 / self.messages.max(1) as f64
        )
    }
}
