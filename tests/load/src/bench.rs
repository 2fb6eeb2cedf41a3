//! All scenarios at fixed loads, the servers in turn, so that a machine that slows down slows all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::scenarios::{Trace, capacity, cold, cursors, idle, join, typing};
use crate::servers::{Kind, Programs};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The servers, in the order of their turns.
    pub servers: Vec<Kind>,
    /// Scenarios by name; empty for all.
    pub only: Vec<String>,
    /// How often each server has its turn.
    pub rounds: u32,
    /// The trace; without it one is made.
    pub trace: Option<PathBuf>,
}

/// The runs of one scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Runs {
    /// What Tandem said of itself.
    pub tandem: String,
    /// The machine.
    pub machine: String,
    /// How busy the machine was with other things, as the load average of 15 minutes before the first run.
    pub busy: f64,
    /// Every run, in its order.
    pub outcomes: Vec<Outcome>,
    /// Servers that did not pass, and why.
    pub failed: BTreeMap<String, String>,
}

/// The runs that are kept, by scenario.
pub type Kept = BTreeMap<String, Runs>;

/// The loads of `docs/BENCHMARKS.md`.
pub fn plans() -> Vec<Plan> {
    let rooms = typing::Load { rooms: 300, writers: 3, readers: 0, rate: 5.0, warm_up: 3.0, seconds: 10.0 };
    let search = typing::Load { warm_up: 2.0, seconds: 5.0, ..rooms };
    vec![
        Plan::Rooms(rooms),
        Plan::Steps(rooms),
        Plan::Hot(typing::Load { rooms: 1, writers: 5, readers: 200, rate: 100.0, ..rooms }),
        Plan::Cursors(cursors::Load { cursors: 60, echoing: 3, rate: 20.0, warm_up: 3.0, seconds: 10.0 }),
        Plan::Join(join::Load { sockets: 2_000, documents: 100, letters: 1_000, at_once: 500 }),
        Plan::Idle(idle::Load {
            sockets: vec![500, 1_000, 1_500, 2_000],
            documents: vec![100, 700, 1_300, 2_000],
            rest: idle::REST,
        }),
        Plan::Replay,
        Plan::Cold(cold::Load::default()),
        Plan::Capacity(capacity::Search { load: search, within_ms: 250.0, from: 600, exact: 0.05 }),
    ]
}

/// Runs what is asked and keeps the figures in `results`, which is written after every scenario.
///
/// # Errors
/// A scenario of that name does not exist, or the file cannot be written. That a server fails is kept and told.
pub fn run(asked: &Asked, programs: &Programs, results: &Path) -> Result<()> {
    let mut plans = plans();
    if let Some(unknown) = asked.only.iter().find(|name| plans.iter().all(|plan| plan.name() != **name)) {
        let names: Vec<_> = plans.iter().map(Plan::name).collect();
        return Err(Error::Usage(format!("there is no scenario {unknown}; there are: {}", names.join(" "))));
    }
    plans.retain(|plan| asked.only.is_empty() || asked.only.iter().any(|name| name == plan.name()));
    let wants = plans.iter().any(Plan::wants_trace);
    let trace = wants.then(|| Trace::new(asked.trace.as_deref(), 259_778)).transpose()?;
    for plan in plans {
        let runs = scenario(&plan, asked, programs, trace.as_ref());
        let mut kept = read(results)?;
        kept.insert(plan.name().to_owned(), runs);
        if let Some(folder) = results.parent() {
            fs::create_dir_all(folder).map_err(Error::io("the folder of the figures"))?;
        }
        fs::write(results, serde_json::to_string_pretty(&kept)? + "\n").map_err(Error::io("the figures"))?;
    }
    Ok(())
}

/// The runs that are kept; none if there is no such file.
///
/// # Errors
/// The file holds something else.
pub fn read(results: &Path) -> Result<Kept> {
    if !results.exists() {
        return Ok(Kept::new());
    }
    Ok(serde_json::from_str(&fs::read_to_string(results).map_err(Error::io("the figures"))?)?)
}

fn scenario(plan: &Plan, asked: &Asked, programs: &Programs, trace: Option<&Trace>) -> Runs {
    let (busy, mut outcomes, mut failed) = (busy(), Vec::new(), BTreeMap::new());
    for round in 1..=asked.rounds {
        for &kind in asked.servers.iter().filter(|&&kind| plan.suits(kind)) {
            let name = kind.name().to_owned();
            // One that failed once is not asked again.
            if failed.contains_key(&name) {
                continue;
            }
            eprintln!("{} {round}/{} {name}", plan.name(), asked.rounds);
            match plan.run(kind, programs, trace) {
                Ok(outcome) => {
                    eprintln!("  {}", outcome.line());
                    outcomes.push(outcome);
                }
                Err(error) => {
                    eprintln!("  {name} failed: {error}");
                    failed.insert(name, error.to_string());
                }
            }
        }
    }
    Runs { tandem: version(programs), machine: machine(), busy, outcomes, failed }
}

/// What Tandem says of itself: its version and the commit that it was built from.
fn version(programs: &Programs) -> String {
    let output = Command::new(&programs.tandem).arg("--version").output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Processors, memory and kernel.
#[must_use]
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    let memory = read("/proc/meminfo");
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let model = model.map_or("unknown processor", |(_, model)| model);
    format!(
        "{model}, {count} processors, {} GiB, Linux {}",
        (kib + (1 << 19)) >> 20,
        kernel.split('-').next().unwrap_or_default().trim()
    )
}

/// How busy the machine is, as the load average of 15 minutes.
#[must_use]
pub fn busy() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').nth(2).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}
