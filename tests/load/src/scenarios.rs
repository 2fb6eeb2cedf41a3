//! What is measured: each scenario puts one kind of load on a server that was just started.

pub mod capacity;
pub mod cold;
pub mod cursors;
pub mod idle;
pub mod join;
mod member;
mod paced;
pub mod replay;
mod trace;
pub mod typing;

pub use self::trace::Trace;

use crate::clock::{Nanos, SECOND, now};
use crate::error::{Error, Result};
use crate::swarm::{Party, Swarm};

/// Everybody must be in within this time, in seconds.
const JOIN: u64 = 120;

/// Turns the swarm until something holds; answers when it did.
///
/// # Errors
/// [`Error::Late`] with what `state` tells, if it does not within `seconds`.
fn until<P: Party>(
    swarm: &mut Swarm,
    party: &mut P,
    what: &'static str,
    seconds: u64,
    holds: impl Fn(&P) -> bool,
    state: impl Fn(&P) -> String,
) -> Result<Nanos> {
    let last = now() + seconds * SECOND;
    while !holds(party) {
        if now() > last {
            return Err(Error::Late { what, seconds, state: state(party) });
        }
        swarm.turn(last, party)?;
    }
    Ok(now())
}
