//! The node's inbound budget: bytes of messages that are being received, or have been and are not handled yet.
//!
//! First come, first served. A message reserves once, before its first byte is buffered, and never asks for more while
//! it holds something: so sockets cannot wait for each other in a circle.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Messages up to this many bytes reserve nothing.
pub const FREE_BYTES: u64 = 16 * 1024;

/// Permits count in units of this many bytes.
const UNIT_BYTES: u64 = 1024;

/// The bytes that all sockets of one node may hold of incoming messages.
#[derive(Debug)]
pub struct Budget {
    units: Arc<Semaphore>,
    units_max: u32,
    waits: AtomicU64,
}

impl Budget {
    /// Creates a budget of so many bytes, at least one unit of 1 KiB and at most 512 GiB.
    #[must_use]
    pub fn new(bytes: u64) -> Arc<Self> {
        let most = u64::from(u32::MAX >> 3);
        let units_max = u32::try_from((bytes / UNIT_BYTES).clamp(1, most)).unwrap_or(1);
        Arc::new(Self { units: Arc::new(Semaphore::new(units_max as usize)), units_max, waits: AtomicU64::new(0) })
    }

    /// The bytes that nobody holds now.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.units.available_permits() as u64 * UNIT_BYTES
    }

    /// All its bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.units_max) * UNIT_BYTES
    }

    /// How many messages had to wait for others.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Begins to reserve. More than the whole budget reserves the whole budget, so that it is served at all.
    pub(crate) fn reserve(&self, bytes: u64) -> Wait {
        let units = units(bytes).min(self.units_max);
        match Arc::clone(&self.units).try_acquire_many_owned(units) {
            Ok(permit) => Wait::Ready(Some(permit)),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                self.waits.fetch_add(1, Ordering::Relaxed);
                let units_of_all = Arc::clone(&self.units);
                Wait::Queued(Box::pin(async move { units_of_all.acquire_many_owned(units).await.ok() }))
            }
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// A place in the budget's queue. Dropping it gives the place up.
pub(crate) enum Wait {
    /// It was there at once.
    Ready(Option<OwnedSemaphorePermit>),
    /// Others come first.
    Queued(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
}

impl Wait {
    /// Ready once the bytes are reserved.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reservation> {
        let permit = match self {
            Self::Ready(permit) => permit.take(),
            Self::Queued(future) => std::task::ready!(future.as_mut().poll(cx)),
        };
        Poll::Ready(Reservation(permit))
    }
}

/// Bytes of the budget that are held; dropping it gives them back.
#[derive(Debug, Default)]
pub struct Reservation(Option<OwnedSemaphorePermit>);

impl Reservation {
    /// The bytes that it holds, in whole KiB; none for a small message.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |permit| permit.num_permits() as u64 * UNIT_BYTES)
    }

    /// Gives back what a message of so many bytes does not need.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        if let Some(permit) = &mut self.0 {
            let spare = permit.num_permits().saturating_sub(units(bytes) as usize);
            drop(permit.split(spare));
        }
    }
}
