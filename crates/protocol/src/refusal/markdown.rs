//! The table as `docs/PROTOCOLS.md` shows it.

use std::fmt::Write;

use super::{HocuspocusWay, Reconnect, Refusal, YsyncWay};

const HEADER: &str = "\
| name | when | y-websocket | Hocuspocus | reconnect |
|---|---|---|---|---|
";

/// The table of all refusals in Markdown, with a line break at its end.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(HEADER);
    for refusal in Refusal::all() {
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            refusal.name(),
            refusal.meaning(),
            ysync(refusal),
            hocuspocus(refusal),
            reconnect(refusal.reconnect()),
        );
    }
    out
}

fn ysync(refusal: Refusal) -> String {
    let code = refusal.code();
    match refusal.ysync() {
        YsyncWay::Http(status) => format!("HTTP {status}"),
        YsyncWay::Close(number @ ..1010) => format!("closed {number}"),
        YsyncWay::Close(number) => format!("closed {number} `{code}`"),
        YsyncWay::PermissionDenied => format!("permission-denied `{code}`"),
        YsyncWay::Cut => "cut".into(),
        YsyncWay::Ignored => "nothing".into(),
        YsyncWay::NotRead => "nothing; not read meanwhile".into(),
        YsyncWay::Never => "–".into(),
    }
}

fn hocuspocus(refusal: Refusal) -> String {
    let code = refusal.code();
    match refusal.hocuspocus() {
        HocuspocusWay::Http(status) => format!("HTTP {status}"),
        HocuspocusWay::PermissionDenied => format!("PermissionDenied `{code}`"),
        HocuspocusWay::NotSaved => "SyncStatus 0".into(),
        HocuspocusWay::NotSavedWithCode => format!("SyncStatus 0, Stateless `{}`", refusal.stateless()),
        HocuspocusWay::Waits => format!("Stateless `{}`; opens by itself", refusal.stateless()),
        HocuspocusWay::CloseDocument => format!("CLOSE `{code}`"),
        HocuspocusWay::CloseDocumentOrSocket(number) => {
            format!("CLOSE `{code}`; without a readable key the socket {number} `{code}`")
        }
        HocuspocusWay::CloseSocket(number @ ..1010) => format!("socket {number}"),
        HocuspocusWay::CloseSocket(number) => format!("socket {number} `{code}`"),
        HocuspocusWay::Cut => "cut".into(),
        HocuspocusWay::Ignored => "nothing".into(),
        HocuspocusWay::NotRead => "nothing; SyncStatus waits, not read meanwhile".into(),
    }
}

fn reconnect(reconnect: Reconnect) -> &'static str {
    match reconnect {
        Reconnect::Never => "no",
        Reconnect::Later => "later",
        Reconnect::AtOnce => "at once",
    }
}
