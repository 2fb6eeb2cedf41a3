//! `tandem serve`.

use std::time::Instant;

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::{describe, refuse};
use crate::app::{self, App};
use crate::config::Configuration;
use crate::exit::Exit;
use crate::signals::Signals;
use crate::telemetry;
use crate::version;

/// Serves until a signal comes, then drains; a second signal ends it at once.
pub async fn run(configuration: Configuration) -> Exit {
    let since = Instant::now();
    let log = &configuration.settings.log;
    if let Err(error) = telemetry::start_logs(log.format, log.level.0.clone()) {
        return refuse(&error, Exit::Unavailable);
    }
    telemetry::log_panics();
    info!(target: "tandem::start", "tandem {}, {}", version::line(), describe(&configuration));
    if let Some(warning) = app::unreachable_by_name(&configuration) {
        warn!(target: "tandem::start", "{warning}");
    }
    let stop = match stop_on_signals() {
        Ok(stop) => stop,
        Err(error) => return refuse(&error, Exit::Unavailable),
    };
    let app = match App::start(&configuration).await {
        Ok(app) => app,
        Err(error) => {
            error!(target: "tandem::start", "cannot start: {error}");
            return error.exit();
        }
    };
    info!(
        target: "tandem::start",
        took_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready: {} · documents in {} · Ctrl-C ends it", app.url(), app.data(),
    );
    app.run(stop).await
}

fn stop_on_signals() -> std::io::Result<watch::Receiver<bool>> {
    let mut signals = Signals::listen()?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let first = signals.next().await;
        info!(target: "tandem::stop", "{first}: draining; a second signal ends it at once");
        stop.send_replace(true);
        let second = signals.next().await;
        warn!(target: "tandem::stop", "{second}: ending at once, what was not committed was never acknowledged");
        std::process::exit(Exit::DrainedLate as i32);
    });
    Ok(stopped)
}
