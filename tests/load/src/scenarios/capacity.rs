//! The most rooms that a server carries.

use super::typing::{self, Load};
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::servers::{Kind, Programs, Server};

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// A room, and for how long.
    pub load: Load,
    /// The 99th of 100 deliveries must take less, in milliseconds.
    pub within_ms: f64,
    /// Where the search begins, in rooms.
    pub from: usize,
    /// It ends when the answer is known to within this share.
    pub exact: f64,
}

/// Doubles or halves from the first guess until the answer lies between two numbers, then narrows them down, each try on
/// a server of its own.
///
/// # Errors
/// A server did not start. That it fails under a load is an answer.
pub fn run(kind: Kind, programs: &Programs, search: &Search, mut told: impl FnMut(&str)) -> Result<Outcome> {
    let mut best: Option<(usize, Outcome)> = None;
    let mut failed: Option<usize> = None;
    let mut rooms = search.from.max(1);
    loop {
        let carried = attempt(kind, programs, search, rooms, &mut told)?;
        match carried {
            Some(outcome) => best = Some((rooms, outcome)),
            None => failed = Some(rooms),
        }
        rooms = match (&best, failed) {
            (Some((good, _)), Some(bad)) if bad as f64 <= *good as f64 * (1.0 + search.exact) => break,
            (Some((good, _)), Some(bad)) if bad - good <= 1 => break,
            (Some((good, _)), Some(bad)) => usize::midpoint(*good, bad),
            (Some((good, _)), None) => good * 3 / 2 + 1,
            (None, Some(1)) => break,
            (None, Some(bad)) => bad / 2,
            (None, None) => break,
        };
    }
    let mut outcome = Outcome::new("capacity", kind.name(), format!("the most rooms: {}", search.load.words()));
    if let Some((rooms, at)) = best {
        outcome.tell("rooms", rooms as f64);
        for name in ["p50_ms", "p99_ms", "server_percent", "load_percent", "cpu_us", "rss_kib"] {
            outcome.tell(name, at.figure(name));
        }
    } else {
        outcome.tell("rooms", 0.0);
    }
    Ok(outcome)
}

fn attempt(
    kind: Kind,
    programs: &Programs,
    search: &Search,
    rooms: usize,
    told: &mut impl FnMut(&str),
) -> Result<Option<Outcome>> {
    let server = Server::start(kind, programs)?;
    let load = Load { rooms, ..search.load };
    let outcome = match typing::run("capacity", &server, load) {
        Ok(outcome) => outcome,
        Err(error @ (Error::Late { .. } | Error::Socket { .. })) => {
            told(&format!("{} does not carry {rooms} rooms: {error}", kind.name()));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (p99, missing) = (outcome.figure("p99_ms"), outcome.figure("missing"));
    let carried = p99 < search.within_ms && missing == 0.0;
    let verdict = if carried { "carries" } else { "does not carry" };
    told(&format!(
        "{} {verdict} {rooms} rooms: p99 {p99:.1} ms, {missing} missing, server {:.0} %, load {:.0} %",
        kind.name(),
        outcome.figure("server_percent"),
        outcome.figure("load_percent"),
    ));
    Ok(carried.then_some(outcome))
}
