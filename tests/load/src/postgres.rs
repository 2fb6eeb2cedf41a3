//! A PostgreSQL of one measured server's own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::{Error, Result};

/// A server in a temporary folder, as `tests/postgres/server` starts it; it ends with its standard input.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    /// The URL of its one database.
    pub url: String,
}

impl Postgres {
    /// Starts one, which makes a cluster first: some seconds.
    pub fn start(script: &Path) -> Result<Self> {
        let command = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = command.map_err(Error::io(format!("starting {}", script.display())))?;
        let mut ready = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut ready).map_err(Error::io("PostgreSQL's start"))?;
        }
        match ready.split_whitespace().collect::<Vec<_>>()[..] {
            ["ready", url, _log] => Ok(Self { url: url.to_owned(), child }),
            _ => Err(Error::Server(format!("{} is not ready: what it says stands above", script.display()))),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Nothing would be left to do about it.
        let _ = self.child.wait();
    }
}
