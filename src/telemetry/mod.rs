//! What the process tells about itself: logs, metrics, panics.

mod logs;
mod metrics;
mod process;
mod store;

pub use logs::{log_panics, start_logs};
pub use metrics::{describe, start_metrics, upkeep};
pub use process::observe_process;
pub use store::gauge_store;
