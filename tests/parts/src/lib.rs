//! Keeps what a run of the parts found: a section of `docs/BENCHMARKS.md`, made of the files that criterion writes.
//!
//! The benches are in `benches/parts`; `make bench-parts` runs them.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use tandem_load::bench;
use tandem_load::error::{Error, Result};
use tandem_load::outcome::short;
use tandem_load::report;

const HEAD: &str = "## What each part costs by itself

`TANDEM_BLESS=1 make bench-parts`: no server and no clients, each step alone, over and over, as criterion times it. Medians,
in µs an item: for what is done to several at once, one of them. Only the commits wait for a disk; the waking is on one
thread; what is written goes to loopback, with the kernel's work.

| part | step | µs an item |
|---|---|---|
";

/// A run that has begun.
#[derive(Debug)]
pub struct Run {
    began: SystemTime,
    /// How busy the machine was with other things, as the load average of 15 minutes.
    busy: f64,
}

/// What one bench found.
struct Found {
    at: SystemTime,
    part: String,
    step: String,
    micros: f64,
}

impl Run {
    /// Begins one, now.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: SystemTime::now(), busy: bench::busy() }
    }

    /// Writes the section of what was found since it began, of criterion's folder, and the page that it stands on.
    ///
    /// # Errors
    /// Nothing was found, the figures cannot be read, or the page not be written.
    pub fn keep(&self, criterion: &Path, docs: &Path) -> Result<()> {
        let section = self.section(&found(criterion, self.began)?);
        let kept = docs.join("benchmarks");
        fs::write(kept.join("parts.md"), section).map_err(Error::io("the section of the parts"))?;
        report::write(&kept.join("results.json"), docs)
    }

    fn section(&self, found: &[Found]) -> String {
        let mut section = HEAD.to_owned();
        for Found { part, step, micros, .. } in found {
            // Writing to a string does not fail.
            let _ = writeln!(section, "| {part} | {step} | {} |", digits(*micros));
        }
        let (commit, machine, busy) = (commit(), bench::machine(), short(self.busy));
        let _ = writeln!(section, "\nMeasured: commit {commit}. On: {machine}; load average before {busy}.");
        section
    }
}

/// What was found since a moment, in the order in which it was.
fn found(criterion: &Path, since: SystemTime) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for part in entries(criterion)? {
        for one in entries(&part)? {
            let folder = one.join("new");
            let figures = folder.join("estimates.json");
            // A part has other files beside its benches, and a bench that is gone leaves its folder.
            let Ok(at) = fs::metadata(&figures).and_then(|file| file.modified()) else { continue };
            if at >= since {
                all.push(bench_of(&json(&folder.join("benchmark.json"))?, &json(&figures)?, at)?);
            }
        }
    }
    all.sort_by_key(|found| found.at);
    if all.is_empty() {
        Err(Error::Usage(format!("nothing was measured into {}", criterion.display())))
    } else {
        Ok(all)
    }
}

fn bench_of(told: &Value, figures: &Value, at: SystemTime) -> Result<Found> {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let nanos = figures.pointer("/median/point_estimate").and_then(Value::as_f64);
    let items = told.pointer("/throughput/Elements").map_or(Some(1.0), Value::as_f64);
    match (text("group_id"), text("function_id"), nanos, items) {
        (Some(part), Some(step), Some(nanos), Some(items)) => {
            Ok(Found { at, part, step, micros: nanos / items / 1_000.0 })
        }
        _ => Err(Error::Usage(format!("criterion tells something else than it did: {told}"))),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let told = || folder.display().to_string();
    let entries = fs::read_dir(folder).map_err(Error::io(told()))?;
    entries.map(|entry| Ok(entry.map_err(Error::io(told()))?.path())).collect()
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).map_err(Error::io(path.display().to_string()))?;
    Ok(serde_json::from_str(&text)?)
}

/// A number with three digits that tell something.
fn digits(micros: f64) -> String {
    match micros {
        tiny if tiny < 0.1 => format!("{tiny:.4}"),
        small if small < 1.0 => format!("{small:.3}"),
        _ => short(micros),
    }
}

/// The commit that is checked out.
fn commit() -> String {
    let mut git = Command::new("git");
    let answer = git.args(["rev-parse", "--short=12", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    match answer {
        Ok(answer) if answer.status.success() => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measured(criterion: &Path, part: &str, step: &str, items: &str, nanos: f64) {
        let new = criterion.join(part).join(step).join("new");
        fs::create_dir_all(&new).expect("a folder");
        let bench = format!(r#"{{"group_id":"{part}","function_id":"{step}","throughput":{items}}}"#);
        fs::write(new.join("benchmark.json"), bench).expect("a file");
        let figures = format!(r#"{{"mean":{{"point_estimate":1.0}},"median":{{"point_estimate":{nanos:?}}}}}"#);
        fs::write(new.join("estimates.json"), figures).expect("a file");
        // The next one is a later one.
        std::thread::sleep(Duration::from_millis(20));
    }

    #[test]
    fn the_section_has_a_row_for_each_bench_of_the_run_in_its_order() {
        let docs = tempfile::tempdir().expect("a folder");
        let criterion = docs.path().join("criterion");
        fs::create_dir_all(docs.path().join("benchmarks")).expect("a folder");
        measured(&criterion, "yjs", "gone", "null", 1.0);
        let run = Run::begin();
        std::thread::sleep(Duration::from_millis(20));
        measured(&criterion, "yjs", "decode", "null", 61.26);
        measured(&criterion, "commit", "10 rows", r#"{"Elements":10}"#, 1_234_000.0);
        run.keep(&criterion, docs.path()).expect("the page");
        let page = fs::read_to_string(docs.path().join("BENCHMARKS.md")).expect("the page");
        assert!(page.contains("| yjs | decode | 0.0613 |\n| commit | 10 rows | 123 |\n\nMeasured: "), "{page}");
        assert!(!page.contains("gone"), "{page}");
        assert!(Run::begin().keep(&criterion, docs.path()).is_err(), "nothing was measured since");
    }
}
