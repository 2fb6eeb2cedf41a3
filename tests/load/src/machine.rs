//! What the system tells of a process, and where it may run.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::ClockId;
use nix::unistd::Pid;

use crate::clock::Nanos;
use crate::error::{Error, Result};

/// A process that is measured, with the ones it started.
#[derive(Debug, Clone)]
pub struct Process {
    pid: i32,
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Memory {
    /// Resident pages.
    pub rss_kib: u64,
    /// Resident pages, shared ones in proportion.
    pub pss_kib: u64,
}

impl Process {
    /// The process `pid`.
    pub fn new(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| Error::Usage(format!("{pid} is no process")))?;
        Ok(Self { pid })
    }

    /// Processor time that it has taken so far, all threads, those that ended included.
    pub fn cpu(&self) -> Result<Nanos> {
        let what = || Error::errno(format!("the processor clock of process {}", self.pid));
        let time = ClockId::pid_cpu_clock_id(Pid::from_raw(self.pid)).and_then(ClockId::now).map_err(what())?;
        Ok(u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0))
    }

    /// Its memory now.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
        let line = |name| {
            let line = text.lines().find_map(|line: &str| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
        };
        Ok(Memory { rss_kib: line("Rss:"), pss_kib: line("Pss:") })
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(0, Iterator::count)
    }
}

/// The processor time of this process.
pub fn own_cpu() -> Nanos {
    Process { pid: Pid::this().as_raw() }.cpu().unwrap_or(0)
}

/// Binds this thread, and what it starts from now on, to one processor.
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core).map_err(Error::errno(format!("processor {core}")))?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(Error::errno(format!("binding to processor {core}")))
}

/// The processors that this thread may run on.
pub fn cores() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect()
}

/// Allows as many open files as the system lets this process have.
pub fn raise_files() -> Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(Error::errno("the limit of open files"))?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(Error::errno("the limit of open files"))?;
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_takes_processor_time_and_memory() {
        let before = own_cpu();
        let mut sum = 0_u64;
        while own_cpu() == before {
            sum = std::hint::black_box(sum + 1);
        }
        let own = Process::new(std::process::id()).expect("this process");
        assert!(own.memory().expect("its memory").rss_kib > 100);
        assert!(own.threads() >= 1);
    }
}
