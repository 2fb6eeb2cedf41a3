//! The server under test, and a client that says exactly what a test wants to say.

mod client;
mod command;
mod server;
mod socket;

pub use client::{Answer, Request, exchange};
pub use command::{run, run_in};
pub use server::{SECRET, Server};
pub use socket::{Socket, frame};

use std::time::Duration;

/// Nothing that a test waits for takes this long; reached only by a fault.
pub const DEADLINE: Duration = Duration::from_secs(30);
