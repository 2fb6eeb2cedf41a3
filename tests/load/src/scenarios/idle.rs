//! What a socket and a document cost that do nothing: two slopes, by least squares.

use std::time::Duration;

use super::join::{Guests, names};
use crate::clock::{SECOND, now};
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::servers::{Kind, Programs, Server};
use crate::swarm::Swarm;

/// Memory is read until so many readings in a row differ by less than [`STEADY_KIB`].
const STEADY: usize = 4;
/// See [`STEADY`].
const STEADY_KIB: u64 = 64;
/// How long memory may take to become steady, in seconds.
const SETTLE: u64 = 30;

/// What lies still for so long is idle, in seconds: before, memory is not read. Allocators give back what they keep for
/// their owners after 10 to 20 s.
pub const REST: u64 = 30;

/// The letters in a document.
const LINE: u64 = 80;

/// The points at which memory is read.
#[derive(Debug, Clone)]
pub struct Load {
    /// Sockets, in [`Load::documents`]' first number of documents.
    pub sockets: Vec<usize>,
    /// Documents, with the last number of sockets in them.
    pub documents: Vec<usize>,
    /// Seconds of stillness before memory is read; [`REST`] if what is read is to mean something.
    pub rest: u64,
}

impl Load {
    /// The load in words.
    pub fn words(&self) -> String {
        let Self { sockets, documents, .. } = self;
        format!("{sockets:?} sockets in {} documents, then the last of them in {documents:?}", documents[0])
    }
}

/// Starts a server for each number of documents, and tells both slopes.
///
/// # Errors
/// A server did not start, or not everybody could join.
pub fn run(kind: Kind, programs: &Programs, load: &Load) -> Result<Outcome> {
    let (Some(&most), Some(&few)) = (load.sockets.iter().max(), load.documents.first()) else {
        return Err(Error::Usage("a slope wants at least two points".to_owned()));
    };
    if load.sockets.iter().any(|sockets| *sockets < few) {
        return Err(Error::Usage(format!("{few} documents want as many sockets at least")));
    }
    let mut by_sockets = Vec::new();
    let mut by_documents = Vec::new();
    for &documents in &load.documents {
        let server = Server::start(kind, programs)?;
        let names = names(documents, &server)?;
        let mut swarm = Swarm::new(server.address)?;
        let mut guests = Guests::new(&server, &names);
        let steps: &[usize] = if documents == few { &load.sockets } else { &[most] };
        let mut there = 0;
        for &sockets in steps {
            guests.come(sockets - there, &server, &names, &mut swarm)?;
            if there == 0 {
                // A line in each document: what holds nothing at all is no document.
                guests.write(LINE, &mut swarm)?;
            }
            there = sockets;
            let memory = steady(&server, load.rest, &mut swarm, &mut guests)?;
            if documents == few {
                by_sockets.push((sockets as f64, memory));
            }
            if sockets == most {
                by_documents.push((documents as f64, memory));
            }
        }
    }
    let mut outcome = Outcome::new("idle", kind.name(), load.words());
    outcome.tell("socket_kib", slope(&by_sockets));
    outcome.tell("document_kib", slope(&by_documents));
    for (points, of) in [(&by_sockets, "sockets"), (&by_documents, "documents")] {
        for (count, kib) in points {
            outcome.tell(&format!("at_{count:05}_{of}_kib"), *kib);
        }
    }
    Ok(outcome)
}

/// The server's resident memory once it does not change, with the sockets served meanwhile.
fn steady(server: &Server, rest: u64, swarm: &mut Swarm, guests: &mut Guests) -> Result<f64> {
    swarm.wait(Duration::from_secs(rest), guests)?;
    let last = now() + SETTLE * SECOND;
    let mut readings = Vec::new();
    loop {
        swarm.wait(Duration::from_millis(500), guests)?;
        readings.push(server.process.memory()?.rss_kib);
        let recent = &readings[readings.len().saturating_sub(STEADY)..];
        let (low, high) = (recent.iter().min().copied().unwrap_or(0), recent.iter().max().copied().unwrap_or(0));
        if recent.len() == STEADY && high - low <= STEADY_KIB || now() > last {
            return Ok(high as f64);
        }
    }
}

/// The slope of the line through the points that leaves the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (both, square) = points.iter().fold((0.0, 0.0), |(both, square), point| {
        (both + (point.0 - x) * (point.1 - y), square + (point.0 - x) * (point.0 - x))
    });
    if square > 0.0 { both / square } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line_through_the_points() {
        assert!((slope(&[(100.0, 1_110.0), (200.0, 2_090.0), (300.0, 3_110.0)]) - 10.0).abs() < 0.01);
        assert!(slope(&[(5.0, 3.0)]).abs() < f64::EPSILON);
    }
}
