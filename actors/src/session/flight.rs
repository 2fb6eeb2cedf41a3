//! Commands that a session handed over and that are not handled yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tandem_wire::Reservation;

use super::wake::Wake;

/// Commands of one session in flight; beyond, the session is not read.
pub const FLIGHTS_MAX: usize = 64;

/// Counts one session's commands in flight.
#[derive(Debug)]
pub struct Flights {
    count: AtomicUsize,
    wake: Arc<Wake>,
}

/// One command in flight: dropped when it is handled, or held back by whoever wants the session to wait.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    _reservation: Option<Reservation>,
}

impl Flights {
    /// None is in flight.
    #[must_use]
    pub fn new(wake: Arc<Wake>) -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), wake })
    }

    /// Starts one; it holds the message's share of the inbound budget.
    #[must_use]
    pub fn start(self: &Arc<Self>, reservation: Option<Reservation>) -> Flight {
        self.count.fetch_add(1, Ordering::AcqRel);
        Flight { flights: self.clone(), _reservation: reservation }
    }

    /// Whether no more should be read for now; the session is woken when that changes.
    #[must_use]
    pub fn are_full(&self) -> bool {
        self.count.load(Ordering::Acquire) >= FLIGHTS_MAX
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.flights.count.fetch_sub(1, Ordering::AcqRel) == FLIGHTS_MAX {
            self.flights.wake.nudge();
        }
    }
}
