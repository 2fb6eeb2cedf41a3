//! Where a server's processor time goes: samples of a running server, each told to a step of an edit's path.
//!
//! The samples are perf's, taken of the very binary that is measured. Within the kernel the call that the server made
//! says which step it was; outside of it the function does, by the crates and modules in its name, those of the types that
//! it was made for included: what polls a session is the session's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::error::{Error, Result};

/// Samples a second. A prime, so that nothing that happens every millisecond is always met, or never.
const SAMPLES_A_SECOND: u32 = 2_999;

/// How the steps are known, the first that fits: the disk is the store's whoever asks for it, and so is all that its threads
/// do.
const STEPS: [(&str, Is); 18] = [
    ("store: the disk", Is::Call(&["fdatasync", "fsync", "pwrite", "pread", "fallocate", "ftruncate"])),
    ("store: statements", Is::Thread("sqlx")),
    ("read sockets", Is::Call(&["recv", "sys_read"])),
    ("write sockets", Is::Call(&["send", "writev"])),
    ("wait and wake", Is::Call(&["epoll_", "futex", "nanosleep", "sys_write", "sched_yield", "timerfd"])),
    ("wait and wake", Is::Function(&["epoll_wait", "syscall", "clock_gettime"])),
    ("interrupts and other calls", Is::Kernel),
    ("store: statements", Is::Function(&["sqlite", "sqlx", "sea_orm", "sea_query", "tandem_store", "flume"])),
    ("frames", Is::Function(&["tandem_wire", "tungstenite"])),
    ("messages", Is::Function(&["tandem_protocol", "tandem_model"])),
    ("admit: the index", Is::Function(&["tandem_yjs"])),
    (
        "commit: the journal",
        Is::Function(&["tandem_actors7journal", "tandem_actors::journal", "tandem_actors3row", "tandem_actors::row"]),
    ),
    (
        "room",
        Is::Function(&[
            "tandem_actors4room",
            "tandem_actors::room",
            "tandem_actors5rooms",
            "tandem_actors6keeper",
            "tandem_actors::keeper",
        ]),
    ),
    ("session", Is::Function(&["tandem_actors7session", "tandem_actors::session"])),
    ("other actors", Is::Function(&["tandem_actors", "ractor"])),
    ("tasks and timers", Is::Function(&["tokio", "mio", "futures", "parking_lot", "pthread", "core"])),
    ("memory", Is::Function(&["rjem", "je_", "malloc", "free", "mem", "alloc"])),
    ("other", Is::Anything),
];

/// The steps, in the order of an edit's path.
const ORDER: [&str; 15] = [
    "wait and wake",
    "read sockets",
    "frames",
    "messages",
    "session",
    "room",
    "admit: the index",
    "commit: the journal",
    "store: statements",
    "store: the disk",
    "write sockets",
    "other actors",
    "tasks and timers",
    "memory",
    "interrupts and other calls",
];

/// How a step is known.
#[derive(Debug, Clone, Copy)]
enum Is {
    /// A call into the kernel whose name holds one of these.
    Call(&'static [&'static str]),
    /// Anything else in the kernel.
    Kernel,
    /// A thread whose name begins so.
    Thread(&'static str),
    /// A function whose name, mangled or not, holds one of these.
    Function(&'static [&'static str]),
    /// What nothing else is.
    Anything,
}

/// One sample.
#[derive(Debug, PartialEq, Eq)]
struct Sample<'a> {
    thread: &'a str,
    /// Whether the kernel was at work.
    kernel: bool,
    /// The function, and those that called it, from the inside out.
    functions: Vec<&'a str>,
}

impl Sample<'_> {
    /// The call into the kernel that it was taken in.
    fn call(&self) -> Option<&str> {
        self.functions.iter().rev().copied().find(|name| name.contains("_sys_"))
    }

    /// The step that it is told to.
    fn step(&self) -> &'static str {
        let call = self.call();
        let function = self.functions.first().copied().unwrap_or_default();
        let holds = |name: &str, parts: &[&str]| parts.iter().any(|part| name.contains(part));
        let is = |is: Is| match is {
            Is::Call(parts) => call.is_some_and(|call| holds(call, parts)),
            Is::Kernel => self.kernel,
            Is::Thread(begin) => self.thread.starts_with(begin),
            Is::Function(parts) => !self.kernel && holds(function, parts),
            Is::Anything => true,
        };
        STEPS.iter().find(|(_, step)| is(*step)).map_or("other", |(name, _)| name)
    }
}

/// The names of the steps, in the order of an edit's path, what is none of them last.
pub fn names() -> impl Iterator<Item = &'static str> {
    ORDER.into_iter().chain(["other"])
}

/// perf, sampling a process until it is told to end.
#[derive(Debug)]
pub struct Sampler {
    perf: Child,
    folder: TempDir,
}

impl Sampler {
    /// Begins to sample the process `after` so many seconds.
    ///
    /// # Errors
    /// perf is not there, or not allowed.
    pub fn begin(process: u32, after: f64) -> Result<Self> {
        let folder = TempDir::new().map_err(Error::io("a temporary folder"))?;
        let perf = Command::new("perf")
            .args(["record", "--quiet", "--event", "cpu-clock", "--call-graph", "fp"])
            .args(["--freq", &SAMPLES_A_SECOND.to_string(), "--delay", &format!("{:.0}", after * 1_000.0)])
            .args(["--pid", &process.to_string(), "--output"])
            .arg(samples(&folder))
            .stdout(Stdio::null())
            .spawn()
            .map_err(Error::io("perf, which tells where time goes (Debian: linux-perf)"))?;
        Ok(Self { perf, folder })
    }

    /// Ends it and answers each step's share of the samples.
    ///
    /// # Errors
    /// perf failed, or saw nothing.
    pub fn end(mut self) -> Result<BTreeMap<&'static str, f64>> {
        // One that ended by itself says so below.
        let _ = kill_process(Pid::from_child(&self.perf), Signal::INT);
        self.perf.wait().map_err(Error::io("perf record"))?;
        let output = Command::new("perf")
            .args(["script", "--fields", "comm,ip,sym", "--no-inline", "--input"])
            .arg(samples(&self.folder))
            .stderr(Stdio::inherit())
            .output()
            .map_err(Error::io("perf script"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut counts = BTreeMap::new();
        let mut calls = false;
        for sample in read(&text) {
            calls |= sample.call().is_some();
            *counts.entry(sample.step()).or_insert(0.0) += 1.0;
        }
        // Without the kernel's part all that is left would look dearer than it is.
        if !calls {
            return Err(Error::Server(
                "perf does not see the kernel: kernel.perf_event_paranoid must allow it".to_owned(),
            ));
        }
        let all: f64 = counts.values().sum();
        counts.values_mut().for_each(|count| *count /= all);
        Ok(counts)
    }
}

fn samples(folder: &TempDir) -> PathBuf {
    folder.path().join("samples")
}

/// Reads what `perf script` prints: a line with the thread, a line a function, an empty line.
fn read(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.split("\n\n").filter_map(|block| {
        let mut lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
        let thread = lines.next()?;
        let frames: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
        // The kernel's half of the addresses.
        let kernel = frames.first().is_some_and(|(address, _)| address.len() == 16 && address.starts_with("ffff"));
        Some(Sample { thread, kernel, functions: frames.into_iter().map(|(_, name)| name).collect() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "tokio-rt-worker \n\tffffffff81000001 tcp_sendmsg\n\tffffffff82000001 __x64_sys_sendto\n\t55aa _RNv7session\n\n\
        tokio-rt-worker \n\t    55ab _ZN10tandem_yjs5admit17h0E\n\n\
        sqlx-sqlite-wor \n\t    55ac sqlite3VdbeExec\n\n\
        sqlx-sqlite-wor \n\tffffffff83000001 ext4_sync_file\n\tffffffff84000001 __x64_sys_fdatasync\n\n\
        sqlx-sqlite-wor \n\tffffffff83000002 futex_wake\n\tffffffff84000002 __x64_sys_futex\n\n\
        tokio-rt-worker \n\tffffffff85000001 exit_to_user_mode_loop\n\n\
        tokio-rt-worker \n\t    55ad [unknown]\n";

    #[test]
    fn a_sample_is_told_to_the_call_into_the_kernel_or_to_its_function() {
        let steps: Vec<_> = read(PRINTED).map(|sample| sample.step()).collect();
        let expected = [
            "write sockets",
            "admit: the index",
            "store: statements",
            "store: the disk",
            "store: statements",
            "interrupts and other calls",
            "other",
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn every_step_has_its_place_in_the_order() {
        let names: Vec<_> = names().collect();
        for (step, _) in STEPS {
            assert_eq!(names.iter().filter(|name| **name == step).count(), 1, "{step}");
        }
    }
}
