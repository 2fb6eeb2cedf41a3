//! Loads that act at scheduled times, whatever the server does, and what is counted of them.

use crate::clock::{Nanos, SECOND, now, seconds};
use crate::error::Result;
use crate::histogram::{Histogram, milliseconds};
use crate::machine::Process;
use crate::outcome::Outcome;
use crate::servers::Server;
use crate::swarm::{Party, Swarm};

/// The last of what was sent may be on its way so long, in seconds.
const DRAIN: u64 = 10;

/// Counts deliveries.
#[derive(Debug)]
pub struct Tally {
    /// What is measured: due from the first moment on and before the second.
    window: (Nanos, Nanos),
    expected: u64,
    delivered: u64,
    within: u64,
    messages: u64,
    latency: Histogram,
}

impl Default for Tally {
    fn default() -> Self {
        let window = (Nanos::MAX, Nanos::MAX);
        Self { window, expected: 0, delivered: 0, within: 0, messages: 0, latency: Histogram::default() }
    }
}

impl Tally {
    /// Whether what was due then counts.
    #[inline]
    pub fn counts(&self, due: Nanos) -> bool {
        (self.window.0..self.window.1).contains(&due)
    }

    /// Something is sent that so many are to get.
    pub fn sent(&mut self, due: Nanos, readers: u64) {
        if self.counts(due) {
            self.expected += readers;
        }
    }

    /// One of them got it.
    #[inline]
    pub fn arrived(&mut self, due: Nanos, at: Nanos) {
        self.within += 1;
        if self.counts(due) {
            self.delivered += 1;
            self.latency.record(at.saturating_sub(due));
        }
    }

    /// A message that brought something came in.
    #[inline]
    pub fn message(&mut self) {
        self.messages += 1;
    }
}

/// A party that acts at scheduled times.
pub trait Paced: Party {
    /// The socket does what it is there for; it was due then.
    fn act(&mut self, socket: usize, due: Nanos, swarm: &mut Swarm) -> Result<()>;
    /// What was counted so far.
    fn tally(&mut self) -> &mut Tally;
    /// Whether something is still owed to it, beyond deliveries.
    fn waits(&self) -> bool;
}

/// Who acts when: everybody once in an interval, each at a phase of its own.
#[derive(Debug)]
pub struct Schedule {
    /// Phase and socket, by phase.
    turns: Vec<(Nanos, usize)>,
    start: Nanos,
    interval: Nanos,
    at: usize,
    round: u64,
}

impl Schedule {
    /// A schedule from `start` on.
    pub fn new(mut turns: Vec<(Nanos, usize)>, start: Nanos, interval: Nanos) -> Self {
        turns.sort_unstable();
        Self { turns, start, interval, at: 0, round: 0 }
    }

    fn due(&self) -> Nanos {
        self.start + self.round * self.interval + self.turns[self.at].0
    }

    /// Lets act who is due before `end`, and takes what comes in until then.
    fn drive(&mut self, swarm: &mut Swarm, party: &mut impl Paced, end: Nanos, late: &mut Histogram) -> Result<()> {
        loop {
            let at = now();
            while self.due() <= at && self.due() < end {
                let due = self.due();
                party.act(self.turns[self.at].1, due, swarm)?;
                late.record(now().saturating_sub(due));
                self.at += 1;
                if self.at == self.turns.len() {
                    self.at = 0;
                    self.round += 1;
                }
            }
            if at >= end {
                return Ok(());
            }
            swarm.turn(self.due().min(end), party)?;
        }
    }
}

/// Drives the schedule through its warm-up and the measurement, and waits for what is on its way.
pub fn measure(
    server: &Server,
    swarm: &mut Swarm,
    party: &mut impl Paced,
    schedule: &mut Schedule,
    (warm_up, measured): (f64, f64),
    outcome: &mut Outcome,
) -> Result<()> {
    let from = schedule.start + seconds(warm_up);
    let before = from + seconds(measured);
    party.tally().window = (from, before);
    schedule.drive(swarm, party, from, &mut Histogram::default())?;
    let (began, server_before, own_before) = (now(), server.process.cpu()?, Process::own().cpu()?);
    let (within, messages) = (party.tally().within, party.tally().messages);
    let mut late = Histogram::default();
    schedule.drive(swarm, party, before, &mut late)?;
    let took = (now() - began) as f64;
    let (server_took, own_took) =
        (server.process.cpu()?.since(&server_before) as f64, Process::own().cpu()?.since(&own_before) as f64);
    let within = (party.tally().within - within) as f64;
    let messages = (party.tally().messages - messages) as f64;
    let last = now() + DRAIN * SECOND;
    while (party.tally().delivered < party.tally().expected || party.waits()) && now() < last {
        swarm.turn(last, party)?;
    }
    let tally = party.tally();
    outcome.tell("deliveries", within);
    outcome.tell("expected", tally.expected as f64);
    outcome.tell("missing", (tally.expected - tally.delivered) as f64);
    outcome.tell("seconds", took / 1e9);
    outcome.tell("cpu_us", server_took / 1e3 / within.max(1.0));
    outcome.tell("server_percent", server_took * 100.0 / took);
    // Above 90 the latencies are this tool's own.
    outcome.tell("load_percent", own_took * 100.0 / took);
    outcome.tell("load_late_p99_ms", milliseconds(late.at(0.99)));
    outcome.tell("deliveries_a_message", within / messages.max(1.0));
    outcome.tell_percentiles("", &tally.latency.percentiles());
    outcome.tell_memory(server.process.memory()?);
    outcome.tell("threads", server.process.threads() as f64);
    Ok(())
}
