//! What happened, as one number to compare and, if wanted, as lines to read.

use std::fmt::Display;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

/// The trace of one run; clones share it.
#[derive(Clone)]
pub struct Story(Arc<Mutex<State>>);

struct State {
    hash: u64,
    events: u64,
    began: Instant,
    aloud: bool,
    broken: Option<String>,
}

impl Story {
    /// Begins a story; `aloud` prints it.
    pub fn begin(aloud: bool) -> Self {
        let state = State { hash: 0xcbf2_9ce4_8422_2325, events: 0, began: Instant::now(), aloud, broken: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Notes that something happened, and the bytes of it.
    pub fn tell(&self, what: impl Display, bytes: &[u8]) {
        let mut state = self.0.lock().expect("nobody panics while holding it");
        let at = state.began.elapsed().as_millis();
        let line = format!("{at:>7} ms  {what}");
        if state.aloud {
            println!("{line}{}", shown(bytes));
        }
        for byte in line.bytes().chain(bytes.iter().copied()) {
            // FNV-1a.
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        state.events += 1;
    }

    /// Notes that a promise was broken; the first counts.
    pub fn broken(&self, promise: impl Display) {
        self.tell(format_args!("BROKEN: {promise}"), &[]);
        let mut state = self.0.lock().expect("nobody panics while holding it");
        let at = state.began.elapsed().as_millis();
        state.broken.get_or_insert_with(|| format!("at {at} ms: {promise}"));
    }

    /// The promise that was broken first, if any was.
    pub fn verdict(&self) -> Result<(), String> {
        self.0.lock().expect("nobody panics while holding it").broken.clone().map_or(Ok(()), Err)
    }

    /// The hash of all that was told, and how much that was.
    pub fn hash(&self) -> (u64, u64) {
        let state = self.0.lock().expect("nobody panics while holding it");
        (state.hash, state.events)
    }
}

fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 48;
    if bytes.is_empty() {
        return String::new();
    }
    let hex: String = bytes.iter().take(MOST).map(|byte| format!("{byte:02x}")).collect();
    format!("  [{}] {hex}{}", bytes.len(), if bytes.len() > MOST { "…" } else { "" })
}
