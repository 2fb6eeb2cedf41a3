//! The simulator: the real actors on one thread, tokio's paused clock and the doubles of their ports, driven by a seed.
//!
//! A seed decides who is there, what they do and what breaks. While it runs, no acknowledgement may come before the log
//! holds what it acknowledges; nothing of a viewer or a forger may be stored; rows have no gaps. When it has calmed down,
//! every honest client, the room and a cold load of the log must be equal, and hold all that was acknowledged.
//!
//! `TANDEM_SEED=7` runs one seed and tells its story, `TANDEM_SEEDS=1000..2000` runs a range, `TANDEM_WRITE=7:Full` one write
//! that fails.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod authority;
mod client;
mod crowded;
mod dice;
mod drawing;
mod frames;
mod greeting;
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
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use log::Failure;
use plan::Plan;
use world::World;

/// The seeds of every test run.
const SEEDS: Range<u64> = 0..2000;

/// What a run came to.
struct Outcome {
    verdict: Result<(), String>,
    hash: (u64, u64),
    rows: u64,
    snapshots: u64,
    failures: u64,
    writes: u64,
    others_rows: u64,
    kept: u64,
    risen: u64,
}

/// Which of the writes fails, and how.
type Fault = Option<(u64, Failure)>;

/// Runs on one thread, with a clock that goes on only when everybody waits.
fn paused<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(what)
}

fn run(plan: Plan, fault: Fault, aloud: bool) -> Outcome {
    paused(async {
        let mut world = World::begin(plan, aloud).await;
        if let Some((n, failure)) = fault {
            world.server.log().fail_write(n, failure);
        }
        let mut verdict = world.storm().await;
        if verdict.is_ok() {
            verdict = world.calm().await;
        }
        let (snapshots, failures, others_rows) = world.server.log().counts();
        let (rows, writes) = (world.ledger.rows(), world.server.log().writes());
        Outcome {
            verdict,
            hash: world.story.hash(),
            rows,
            snapshots,
            failures,
            writes,
            others_rows,
            kept: world.kept,
            risen: world.risen,
        }
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
    runs: u64,
    events: u64,
    rows: u64,
    others_rows: u64,
    snapshots: u64,
    failures: u64,
    kept: u64,
    risen: u64,
    broken: Vec<String>,
}

impl Sum {
    fn add(&mut self, which: &str, outcome: Outcome, again: String) {
        self.runs += 1;
        self.events += outcome.hash.1;
        self.rows += outcome.rows;
        self.others_rows += outcome.others_rows;
        self.snapshots += outcome.snapshots;
        self.failures += outcome.failures;
        self.kept += outcome.kept;
        self.risen += outcome.risen;
        if let Err(promise) = outcome.verdict {
            println!("{which}: {promise}\n  {again}");
            self.broken.push(which.to_owned());
        }
    }

    fn assert_kept(&self) {
        let Self { runs, events, rows, others_rows, snapshots, failures, kept, risen, broken } = self;
        println!(
            "{runs} runs: {events} events, {rows} rows, {others_rows} of them another node's, {snapshots} snapshots, \
             {failures} failures of the store; around lulls {kept} rooms were kept and {risen} had actors"
        );
        assert!(broken.is_empty(), "{} of {runs} runs broke a promise: {}", broken.len(), broken.join(", "));
    }
}

/// Makes all runs, as many side by side as there are cores: each has a runtime, and what may panic, of its own.
fn run_all(runs: Range<u64>, one: impl Fn(u64) -> (String, Outcome, String) + Sync) -> Sum {
    let begun = Instant::now();
    let count = runs.end - runs.start;
    let (next, sum) = (AtomicU64::new(runs.start), Mutex::new(Sum::default()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= runs.end {
                return;
            }
            let (which, outcome, again) = one(at);
            let mut sum = sum.lock().expect("nobody panics while holding it");
            sum.add(&which, outcome, again);
            if sum.runs.is_multiple_of(500) {
                println!("{} of {count}, {} broke a promise, {:?}", sum.runs, sum.broken.len(), begun.elapsed());
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
    let sum = run_all(seeds, |seed| {
        let outcome = run(Plan::of(seed), None, aloud);
        (format!("seed {seed}"), outcome, again(&format!("TANDEM_SEED={seed}"), "every_seed"))
    });
    sum.assert_kept();
    assert!(sum.runs < 100 || (sum.kept > 0 && sum.risen > 0), "rooms were all alike");
}

#[test]
fn whichever_write_fails_nothing_that_was_acknowledged_is_lost() {
    let _alone = alone();
    let named = std::env::var("TANDEM_WRITE").ok();
    let quiet = run(Plan::steady(), None, false);
    assert_eq!((quiet.verdict, quiet.failures), (Ok(()), 0));
    assert!(quiet.writes > 20 && quiet.snapshots > 2, "{} writes, {} snapshots", quiet.writes, quiet.snapshots);
    let ways = Failure::ALL.len() as u64;
    let sum = run_all(0..quiet.writes * ways, |at| {
        let (n, failure) = (at / ways + 1, Failure::ALL[usize::try_from(at % ways).expect("a few")]);
        let which = format!("{n}:{failure:?}");
        let aloud = named.as_ref() == Some(&which);
        let outcome = if named.is_none() || aloud {
            run(Plan::steady(), Some((n, failure)), aloud)
        } else {
            Outcome {
                verdict: Ok(()),
                hash: (0, 0),
                rows: 0,
                snapshots: 0,
                failures: 0,
                writes: 0,
                others_rows: 0,
                kept: 0,
                risen: 0,
            }
        };
        let again = again(&format!("TANDEM_WRITE={which}"), "whichever_write");
        (format!("write {which}"), outcome, again)
    });
    sum.assert_kept();
    assert!(named.is_some() || sum.failures >= quiet.writes * ways, "{} writes failed", sum.failures);
}

fn again(which: &str, test: &str) -> String {
    format!("{which} cargo test -p tandem-actors --features failpoints --test simulator {test} -- --nocapture")
}

#[test]
fn acknowledging_before_the_commit_breaks_a_promise() {
    let _alone = alone();
    fail::cfg("gate::ack-early", "return").expect("the failpoint is built in");
    let broken = (0..20).filter(|seed| run(Plan::of(*seed), None, false).verdict.is_err()).count();
    fail::remove("gate::ack-early");
    assert!(broken > 0, "no seed of twenty noticed it");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let _alone = alone();
    for seed in 0..20 {
        let (first, second) = (run(Plan::of(seed), None, false), run(Plan::of(seed), None, false));
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}
