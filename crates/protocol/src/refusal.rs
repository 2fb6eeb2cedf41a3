//! Every refusal, in one public table: its name, its way in each protocol, and whether to reconnect.
//!
//! The rules behind the table:
//! - A y-websocket (3.1.0 and later) takes a close with 44xx for final and comes back after any other, so that only what
//!   a reconnect cannot mend is 44xx, and "try again" is 45xx. 4408 is never sent to it.
//! - A Hocuspocus provider comes back after every close, so that it is told by a message wherever a document can be named.
//! - A refused edit closes nothing: it would come again with the next connection.
//!
//! `docs/PROTOCOLS.md` carries the table as [`markdown`] prints it; a test compares them.

mod markdown;
mod table;

pub use self::markdown::markdown;
use self::table::TABLE;

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The request's `Host` is not one of ours.
    HostRefused,
    /// The request's `Origin` may not connect.
    OriginRefused,
    /// The address has as many sockets as it may have.
    AddressFull,
    /// The document's name is empty, too long or holds control characters.
    NameNotAllowed,
    /// No token, or one that is not ours or not valid.
    Unauthenticated,
    /// No first Auth in time.
    AuthTimeout,
    /// The token's time is over.
    TokenExpired,
    /// No right on the document, or no such document: one answer.
    Forbidden,
    /// The socket carries as many documents as it may carry.
    TooManyDocuments,
    /// The document is not open on this socket.
    NotOpen,
    /// The document's room is down or the database cannot be reached.
    Unavailable,
    /// What is stored of the document cannot be read.
    Quarantined,
    /// The document was deleted while it was open.
    Gone,
    /// The node is stopping.
    Draining,
    /// Something broke inside Tandem and ended a session.
    Internal,
    /// The WebSocket layer itself was violated.
    BrokenWebsocket,
    /// A frame is no message of the protocol.
    BadFrame,
    /// A readable message that this side must not send, or a text frame.
    ProtocolMistake,
    /// A message beyond what is even skipped.
    Oversized,
    /// A message beyond `limits.message_bytes`.
    TooLarge,
    /// An edit to a document at its limit.
    Full,
    /// An edit by somebody who may only read.
    ReadOnly,
    /// An update that Yjs itself could not apply.
    BadUpdate,
    /// An edit under the client id of a live author.
    Forged,
    /// An edit that brings back, or builds on, what was deleted with the document's name.
    Deleted,
    /// An edit whose causes nobody could supply.
    Incomplete,
    /// More waits for the database than may wait.
    JournalFull,
    /// A presence state beyond its limits, or no JSON.
    PresenceRefused,
    /// A presence state of another session's client id.
    PresenceForeign,
    /// Pings, empty frames or SyncStep1 faster than any honest client.
    Flood,
    /// A message that reserved memory, or an answer behind edits that are not read, stood still for too long.
    Stalled,
    /// The socket accepted no byte for too long.
    Slow,
    /// The socket sent no sign of life for too long.
    Dead,
}

/// What a `y-websocket` gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YsyncWay {
    /// This status instead of the upgrade.
    Http(u16),
    /// The socket is closed with this code and the refusal's code as reason; below 1010 the WebSocket layer closes, with
    /// a reason of its own.
    Close(u16),
    /// A permission-denied message with the refusal's code; the socket stays.
    PermissionDenied,
    /// The connection ends without a close frame.
    Cut,
    /// Nothing: what was sent is ignored.
    Ignored,
    /// Nothing: the socket is not read until there is room.
    NotRead,
    /// Cannot happen.
    Never,
}

/// What a Hocuspocus provider gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HocuspocusWay {
    /// This status instead of the upgrade.
    Http(u16),
    /// PermissionDenied with the refusal's code; the socket and its other documents stay.
    PermissionDenied,
    /// SyncStatus 0 in the edit's place.
    NotSaved,
    /// SyncStatus 0 in the edit's place, and Stateless `{"code":…}` with the refusal's code.
    NotSavedWithCode,
    /// Stateless `{"code":…}` with the refusal's code; the document waits and opens by itself, the others go on.
    Waits,
    /// CLOSE with the refusal's code; the socket and its other documents stay.
    CloseDocument,
    /// CLOSE with the refusal's code, the socket and its other documents stay; where no document can be named, the
    /// socket is closed with this code.
    CloseDocumentOrSocket(u16),
    /// The socket is closed with this code and the refusal's code as reason; below 1010 the WebSocket layer closes, with
    /// a reason of its own.
    CloseSocket(u16),
    /// The connection ends without a close frame.
    Cut,
    /// Nothing: what was sent is ignored.
    Ignored,
    /// Nothing: acknowledgements wait, and the socket is not read until there is room.
    NotRead,
}

/// Whether a client should come back because of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// It changes nothing: first the token, the name, the right or the edit must be another.
    Never,
    /// After a pause.
    Later,
    /// Now.
    AtOnce,
}

/// One line of the table.
struct Row {
    refusal: Refusal,
    name: &'static str,
    code: &'static str,
    meaning: &'static str,
    ysync: YsyncWay,
    hocuspocus: HocuspocusWay,
    reconnect: Reconnect,
}

impl Refusal {
    /// All of them, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.refusal)
    }

    /// Its stable name: the label in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What stands on the wire: a close reason, a permission-denied reason, the `code` of a Stateless.
    ///
    /// It is the name, but for those that clients already know under another.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// One sentence about when it happens.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What a `y-websocket` gets.
    #[must_use]
    pub fn ysync(self) -> YsyncWay {
        self.row().ysync
    }

    /// What a Hocuspocus provider gets.
    #[must_use]
    pub fn hocuspocus(self) -> HocuspocusWay {
        self.row().hocuspocus
    }

    /// Whether a client should come back because of it.
    #[must_use]
    pub fn reconnect(self) -> Reconnect {
        self.row().reconnect
    }

    /// The payload of the Stateless message that goes with it: `{"code":"too-large"}`.
    #[must_use]
    pub fn stateless(self) -> String {
        format!("{{\"code\":\"{}\"}}", self.code())
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_refusal_stands_at_its_place_in_the_table() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.refusal as usize, at, "{:?}", row.refusal);
        }
        assert_eq!(Refusal::Dead as usize + 1, TABLE.len());
    }

    #[test]
    fn names_are_unique_and_fit_every_place_they_go_to() {
        let names: HashSet<_> = Refusal::all().map(Refusal::name).collect();
        assert_eq!(names.len(), TABLE.len());
        for text in Refusal::all().flat_map(|refusal| [refusal.name(), refusal.code()]) {
            assert!(text.len() < 32 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{text}");
        }
    }

    #[test]
    fn a_y_websocket_stays_away_exactly_when_a_reconnect_changes_nothing() {
        for refusal in Refusal::all() {
            // Below 4000 are the WebSocket layer's own codes.
            if let YsyncWay::Close(code @ 4000..) = refusal.ysync() {
                assert_ne!(code, 4408, "{refusal:?}");
                let stays_away = (4400..4500).contains(&code);
                assert_eq!(stays_away, refusal.reconnect() == Reconnect::Never, "{refusal:?}");
            }
        }
    }

    #[test]
    fn a_refused_edit_closes_nothing() {
        for refusal in Refusal::all() {
            let not_saved = matches!(refusal.hocuspocus(), HocuspocusWay::NotSaved | HocuspocusWay::NotSavedWithCode);
            assert_eq!(not_saved, refusal.ysync() == YsyncWay::PermissionDenied, "{refusal:?}");
        }
    }

    #[test]
    fn codes_that_clients_know_are_kept() {
        assert_eq!(Refusal::Unauthenticated.code(), "permission-denied");
        assert_eq!(Refusal::Forbidden.code(), "permission-denied");
        assert_eq!(Refusal::Full.stateless(), "{\"code\":\"too-large\"}");
        assert_eq!(Refusal::Deleted.stateless(), "{\"code\":\"deleted\"}");
        assert_eq!(Refusal::TokenExpired.ysync(), YsyncWay::Close(4401));
        assert_eq!(Refusal::Draining.ysync(), YsyncWay::Close(4503));
        assert_eq!(Refusal::Draining.hocuspocus(), HocuspocusWay::CloseSocket(1012));
    }
}
