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
mod other;
mod pipe;
mod plan;
mod quiet;
mod replica;
mod story;
mod world;

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    others_rows: u64,
}

fn run(seed: u64, aloud: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::begin(Plan::of(seed), aloud).await;
        let mut verdict = world.storm().await;
        if verdict.is_ok() {
            verdict = world.calm().await;
        }
        let (snapshots, failures, others_rows) = world.server.log().counts();
        Outcome { verdict, hash: world.story.hash(), rows: world.ledger.rows(), snapshots, failures, others_rows }
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

#[test]
fn every_seed_converges_and_loses_nothing_that_was_acknowledged() {
    let _alone = alone();
    let (seeds, aloud) = seeds();
    let (first, count) = (seeds.start, seeds.end - seeds.start);
    let mut broken = Vec::new();
    let begun = std::time::Instant::now();
    let (mut events, mut rows, mut snapshots, mut failures, mut others) = (0, 0, 0, 0, 0);
    for seed in seeds {
        let outcome = run(seed, aloud);
        events += outcome.hash.1;
        rows += outcome.rows;
        snapshots += outcome.snapshots;
        failures += outcome.failures;
        others += outcome.others_rows;
        if (seed + 1 - first).is_multiple_of(100) {
            println!("{} of {count} seeds, {} broke a promise, {:?}", seed + 1 - first, broken.len(), begun.elapsed());
        }
        if let Err(promise) = outcome.verdict {
            println!("seed {seed}: {promise}\n  {}", again(seed));
            broken.push(seed);
        }
    }
    println!(
        "{count} seeds: {events} events, {rows} rows, {others} of them another node's, {snapshots} snapshots, \
         {failures} failures of the store"
    );
    assert!(broken.is_empty(), "{} of {count} seeds broke a promise: {broken:?}", broken.len());
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
