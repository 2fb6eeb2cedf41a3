//! What the process itself takes of the machine, read when it is asked for.

use std::fs;

use metrics::gauge;
use tokio::runtime::Handle;

/// Sets the gauges of memory, descriptors and tasks. Where there is no `/proc` the first two are left out.
pub fn observe_process() {
    gauge!("tandem_tasks").set(count(Handle::current().metrics().num_alive_tasks()));
    if let Some(bytes) = resident_bytes() {
        gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // The one that lists them is listed too.
        gauge!("process_open_fds").set(count(descriptors.count().saturating_sub(1)));
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kilobytes) * 1024.0)
}

fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}
