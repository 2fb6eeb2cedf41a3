//! What a run found, as a line for machines and one for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::histogram::Percentiles;
use crate::machine::Memory;

/// The figures of one run. A figure's name ends in its unit, but for a step's, which is in µs a delivery.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The scenario.
    pub scenario: String,
    /// The server.
    pub server: String,
    /// What was asked for.
    pub load: String,
    /// What was found.
    pub figures: BTreeMap<String, f64>,
}

impl Outcome {
    /// An outcome without figures.
    pub fn new(scenario: &str, server: &str, load: String) -> Self {
        Self { scenario: scenario.to_owned(), server: server.to_owned(), load, figures: BTreeMap::new() }
    }

    /// Adds a figure.
    pub fn tell(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }

    /// Adds percentiles under a common name.
    pub fn tell_percentiles(&mut self, of: &str, percentiles: &Percentiles) {
        let Percentiles { p50, p95, p99, p999, max } = *percentiles;
        for (name, value) in [("p50", p50), ("p95", p95), ("p99", p99), ("p99.9", p999), ("max", max)] {
            self.tell(&format!("{of}{name}_ms"), value);
        }
    }

    /// Adds the server's memory.
    pub fn tell_memory(&mut self, memory: Memory) {
        self.tell("rss_kib", memory.rss_kib as f64);
        self.tell("pss_kib", memory.pss_kib as f64);
    }

    /// A figure; 0 if it was not measured.
    pub fn figure(&self, name: &str) -> f64 {
        self.figures.get(name).copied().unwrap_or(0.0)
    }

    /// The line for people.
    pub fn line(&self) -> String {
        let mut line = format!("{:<8} {:<17}", self.scenario, self.server);
        for (name, value) in &self.figures {
            line += &format!(" {name} {}", short(*value));
        }
        line
    }
}

/// A number with as many digits as one reads.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
