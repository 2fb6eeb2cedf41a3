//! Work that would hold up the tasks beside it.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinError, spawn, spawn_blocking};

/// Runs `work` on a thread of its own; on a runtime of one thread in its turn, so that what such a runtime does depends on
/// nothing but its input.
///
/// # Errors
/// [`JoinError`] if it panics.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        spawn(async move { work() }).await
    } else {
        spawn_blocking(work).await
    }
}
