//! The binary: reads the command line and runs one command.

use std::process::ExitCode;

use tandem::cli::Cli;
use tandem::commands;

/// glibc's allocator keeps what a busy hour left in its arenas; this one gives pages back by itself, and costs less on
/// the path of an edit. `.cargo/config.toml` says how many arenas it has.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // The harness' build obeys the variable FAILPOINTS; no shipped binary has this feature.
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    match Cli::read() {
        Ok(cli) => commands::run(cli).into(),
        Err(exit) => exit.into(),
    }
}
