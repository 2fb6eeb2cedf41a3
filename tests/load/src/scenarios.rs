//! What is measured: each scenario puts one kind of load on a server that was just started.

pub mod typing;

use crate::clock::{Nanos, SECOND, now};
use crate::error::{Error, Result};
use crate::swarm::{Party, Swarm};

/// Turns the swarm until something holds.
///
/// # Errors
/// [`Error::Late`] with what `state` tells, if it does not within `seconds`.
pub fn until<P: Party>(
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
