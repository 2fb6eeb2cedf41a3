//! What the system tells of a process, and where it may run.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit, setsid};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::clock::Nanos;
use crate::error::{Error, Result};

/// How `/proc/PID/stat` counts time: a hundredth of a second, on every Linux that has left the last century.
const TICK: Nanos = 10_000_000;

/// There when sessions are groups of their own.
const GROUPS: &str = "/proc/self/autogroup";

/// A process that is measured.
#[derive(Debug, Clone)]
pub struct Process {
    pid: u32,
}

/// Processor time that a process had taken at some moment.
#[derive(Debug, Clone, Default)]
pub struct Cpu {
    /// Exact, by thread.
    threads: HashMap<u64, Nanos>,
    /// Coarse, threads that ended included.
    ticks: Nanos,
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Resident pages.
    pub rss_kib: u64,
    /// Resident pages, shared ones in proportion.
    pub pss_kib: u64,
    /// Resident pages that no file holds: what the process keeps, without its program and the pages of a database.
    pub anonymous_kib: u64,
}

impl Process {
    /// The process `pid`.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// This process.
    pub fn own() -> Self {
        Self { pid: std::process::id() }
    }

    /// Processor time that it has taken so far.
    pub fn cpu(&self) -> Result<Cpu> {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = fs::read_to_string(&path).map_err(Error::io(&path))?;
        // The name in brackets may hold anything; utime and stime are the 12th and 13th field after it.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
        let ticks: Nanos = fields.skip(11).take(2).filter_map(|field| field.parse::<Nanos>().ok()).sum();
        let mut threads = HashMap::new();
        let path = format!("/proc/{}/task", self.pid);
        for entry in fs::read_dir(&path).map_err(Error::io(&path))?.flatten() {
            // A thread may end meanwhile.
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let id = entry.file_name().to_string_lossy().parse().unwrap_or(0);
            threads.insert(id, text.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or(0));
        }
        Ok(Cpu { threads, ticks: ticks * TICK })
    }

    /// Its memory now.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let line = |name| {
            let line = text.lines().find_map(|line: &str| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
        };
        Ok(Memory { rss_kib: line("Rss:"), pss_kib: line("Pss:"), anonymous_kib: line("Anonymous:") })
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(0, Iterator::count)
    }
}

impl Cpu {
    /// Processor time between `earlier` and this: exact, unless threads that ended took more than a trace of it.
    pub fn since(&self, earlier: &Self) -> Nanos {
        let of = |(id, time): (&u64, &Nanos)| time.saturating_sub(earlier.threads.get(id).copied().unwrap_or(0));
        let exact: Nanos = self.threads.iter().map(of).sum();
        let coarse = self.ticks.saturating_sub(earlier.ticks);
        if coarse > exact + exact / 50 + 4 * TICK { coarse } else { exact }
    }
}

/// Binds this thread, and what it starts from now on, to one processor.
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(Error::errno(format!("binding to processor {core}")))
}

/// The processors that this thread may run on.
pub fn cores() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
}

/// Asks for precedence over what else the machine does, for this process and what it starts. Answers whether it got it.
pub fn precede() -> bool {
    // Where sessions are groups of their own, niceness counts within a session only: the group's own is set as well.
    // A process that leads its group, as a shell's child does, cannot leave it, and lifts that one.
    let _ = setsid();
    let group = !Path::new(GROUPS).exists() || fs::write(GROUPS, "-15").is_ok();
    setpriority_process(None, -15).is_ok() && group
}

/// Allows as many open files as the system lets this process have.
pub fn raise_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).map_err(Error::errno("the limit of open files"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_takes_processor_time_and_memory() {
        let own = Process::own();
        let before = own.cpu().expect("its time");
        let mut sum = 0_u64;
        while own.cpu().expect("its time").since(&before) < 2_000_000 {
            sum = std::hint::black_box(sum + 1);
        }
        let memory = own.memory().expect("its memory");
        assert!(memory.rss_kib > memory.anonymous_kib && memory.anonymous_kib > 10, "{memory:?}");
        assert!(own.threads() >= 1);
    }
}
