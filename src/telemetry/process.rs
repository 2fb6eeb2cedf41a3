//! What the process itself takes of the machine, read when it is asked for.

use std::fs;

use metrics::gauge;
use tikv_jemalloc_ctl::{epoch, stats};
use tokio::runtime::Handle;

/// Sets the gauges of memory, descriptors and tasks. Where there is no `/proc` the first two are left out.
pub fn observe_process() {
    gauge!("tandem_tasks").set(count(Handle::current().metrics().num_alive_tasks()));
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let pages = [("VmRSS:", "process_resident_memory_bytes"), ("RssAnon:", "tandem_memory_bytes")];
        for (line, name) in pages {
            if let Some(bytes) = bytes(&status, line) {
                gauge!(name).set(bytes);
            }
        }
    }
    observe_allocator();
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        // The one that lists them is listed too.
        gauge!("process_open_fds").set(count(descriptors.count().saturating_sub(1)));
    }
}

/// Sets the gauges of the allocator: what is asked of it, and the pages that this keeps busy.
fn observe_allocator() {
    // Its figures are those of the last time that it was told to count.
    if epoch::advance().is_err() {
        return;
    }
    for (bytes, name) in
        [(stats::allocated::read(), "tandem_allocated_bytes"), (stats::active::read(), "tandem_allocated_pages_bytes")]
    {
        if let Ok(bytes) = bytes {
            #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
            gauge!(name).set(bytes as f64);
        }
    }
}

/// The bytes that a line of `/proc/self/status` tells.
fn bytes(status: &str, line: &str) -> Option<f64> {
    let text = status.lines().find_map(|one| one.strip_prefix(line))?;
    let kilobytes: u32 = text.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kilobytes) * 1024.0)
}

fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}
