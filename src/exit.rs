//! Exit codes, those of `sysexits.h`.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// The command line cannot be understood.
    Usage = 64,
    /// Something that is needed is not there: the store, the address to listen on.
    Unavailable = 69,
    /// The root of the actors gave up: restart the process.
    RootFailed = 70,
    /// The drain took longer than `server.drain_seconds`; what was waiting stands in the log.
    DrainedLate = 75,
    /// The configuration is wrong.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
