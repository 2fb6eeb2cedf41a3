//! Another process: the test's own binary, started again to run the same test, which then plays that process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Names the database in the environment of the other process.
pub const ROLE: &str = "TANDEM_STORE_TEST_URL";

/// The other process, seen from the one that started it.
pub struct Other {
    child: Child,
    reports: Receiver<String>,
}

impl Other {
    /// Starts this binary again, to run `test` alone.
    pub fn start(test: &str, url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ROLE, url).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, reports) = channel();
        // Read at once, whoever listens: a full pipe would hold the other process up.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // What the test's own harness prints is no report.
                if let Some((_, report)) = line.split_once("report ")
                    && sender.send(report.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self { child, reports }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next report; none comes from a process that ended.
    pub fn report(&mut self) -> Option<String> {
        self.reports.recv().ok()
    }

    /// Ends the process as a power cut would: SIGKILL. Answers what it had reported and nobody had read.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut rest = Vec::new();
        while let Some(report) = self.report() {
            rest.push(report);
        }
        let status = self.child.wait().unwrap();
        assert!(!status.success(), "it was killed, it did not end by itself: {status}");
        rest
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells the other side, at once: standard output is flushed at the end of each line.
pub fn report(text: &str) {
    println!("report {text}");
}
