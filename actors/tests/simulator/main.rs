//! The simulator: the real actors on one thread, tokio's paused clock and the doubles of their ports, driven by a seed.
//!
//! A seed decides who is there, what they do and what breaks. While it runs, no acknowledgement may come before the log
//! holds what it acknowledges; nothing of a viewer or a forger may be stored; rows have no gaps. When it has calmed down,
//! every honest client, the room and a cold load of the log must be equal, and hold all that was acknowledged.
//!
//! `TANDEM_SEED=7` runs one seed and tells its story, `TANDEM_SEEDS=1000..2000` runs a range.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod authority;
mod client;
mod dice;
mod drawing;
mod frames;
mod ledger;
mod log;
mod node;
mod pipe;
mod plan;
mod quiet;
mod replica;
mod story;
mod world;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use plan::Plan;
use world::World;

/// The seeds of every test run.
const SEEDS: Range<u64> = 0..200;

/// What a run came to.
struct Outcome {
    verdict: Result<(), String>,
    hash: (u64, u64),
    rows: u64,
    snapshots: u64,
    failures: u64,
}

fn run(seed: u64, aloud: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::begin(Plan::of(seed), aloud).await;
        let mut verdict = world.storm().await;
        if verdict.is_ok() {
            verdict = world.calm().await;
        }
        let (snapshots, failures) = world.server.log().counts();
        Outcome { verdict, hash: world.story.hash(), rows: world.ledger.rows(), snapshots, failures }
    })
}

/// Failpoints belong to the process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    fail::remove("gate::ack-early");
    node::arm();
    guard
}

fn seeds() -> (Range<u64>, bool) {
    if let Ok(seed) = std::env::var("TANDEM_SEED") {
        let seed: u64 = seed.parse().expect("TANDEM_SEED is a number");
        return (seed..seed + 1, true);
    }
    let Ok(range) = std::env::var("TANDEM_SEEDS") else { return (SEEDS, false) };
    let (from, to) = range.split_once("..").expect("TANDEM_SEEDS is a range: 0..1000");
    (from.parse().expect("a number")..to.parse().expect("a number"), false)
}

/// What many runs came to.
#[derive(Default)]
struct Sum {
    seeds: u64,
    events: u64,
    rows: u64,
    snapshots: u64,
    failures: u64,
    broken: Vec<u64>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.seeds += 1;
        self.events += outcome.hash.1;
        self.rows += outcome.rows;
        self.snapshots += outcome.snapshots;
        self.failures += outcome.failures;
        if let Err(promise) = outcome.verdict {
            println!("seed {seed}: {promise}\n  {}", again(seed));
            self.broken.push(seed);
        }
    }
}

/// Runs all seeds, as many side by side as there are cores: each has a runtime, and what may panic, of its own.
fn run_all(seeds: Range<u64>, aloud: bool) -> Sum {
    let begun = Instant::now();
    let count = seeds.end - seeds.start;
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = run(seed, aloud);
            let mut sum = sum.lock().expect("nobody panics while holding it");
            sum.add(seed, outcome);
            if sum.seeds.is_multiple_of(500) {
                println!("{} of {count} seeds, {} broke a promise, {:?}", sum.seeds, sum.broken.len(), begun.elapsed());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    sum.into_inner().expect("nobody panics while holding it")
}

#[test]
fn every_seed_converges_and_loses_nothing_that_was_acknowledged() {
    let _alone = alone();
    let (seeds, aloud) = seeds();
    let Sum { seeds, events, rows, snapshots, failures, broken } = run_all(seeds, aloud);
    println!("{seeds} seeds: {events} events, {rows} rows, {snapshots} snapshots, {failures} failures of the store");
    assert!(broken.is_empty(), "{} of {seeds} seeds broke a promise: {broken:?}", broken.len());
}

fn again(seed: u64) -> String {
    format!(
        "TANDEM_SEED={seed} cargo test -p tandem-actors --features failpoints --test simulator every_seed -- --nocapture"
    )
}

#[test]
fn acknowledging_before_the_commit_breaks_a_promise() {
    let _alone = alone();
    fail::cfg("gate::ack-early", "return").expect("the failpoint is built in");
    let broken = (0..20).filter(|seed| run(*seed, false).verdict.is_err()).count();
    fail::remove("gate::ack-early");
    assert!(broken > 0, "no seed of twenty noticed it");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let _alone = alone();
    for seed in 0..20 {
        let (first, second) = (run(seed, false), run(seed, false));
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}
