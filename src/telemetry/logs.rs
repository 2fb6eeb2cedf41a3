//! Logs on standard error, as text or as JSON.

use std::panic;

use tracing::error;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

/// Logs from here on what `filter` lets through.
///
/// # Errors
/// Something in this process logs already.
pub fn start_logs(format: LogFormat, filter: Targets) -> Result<(), TryInitError> {
    use std::io::IsTerminal;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).with(super::store::counting_slow()).try_init()
}

/// Logs panics, wherever they happen, instead of printing them beside the log.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let text = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        error!(target: "tandem::panic", thread = thread.name(), place, "panicked: {text}");
        metrics::counter!("tandem_panics_total").increment(1);
    }));
}
