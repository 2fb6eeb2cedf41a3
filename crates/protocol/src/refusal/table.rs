//! The table itself, in the order of the enum.

use super::HocuspocusWay as Hp;
use super::Reconnect::{AtOnce, Later, Never};
use super::YsyncWay as Yw;
use super::{HocuspocusWay, Reconnect, Refusal, Row, YsyncWay};

const fn row(
    refusal: Refusal,
    name: &'static str,
    y: YsyncWay,
    h: HocuspocusWay,
    r: Reconnect,
    m: &'static str,
) -> Row {
    Row { refusal, name, code: name, meaning: m, ysync: y, hocuspocus: h, reconnect: r }
}

impl Row {
    /// A refusal that clients know under another name.
    const fn known_as(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }
}

#[rustfmt::skip]
pub(super) static TABLE: [Row; 33] = [
    row(Refusal::HostRefused, "host-refused", Yw::Http(403), Hp::Http(403), Never,
        "The request's Host is not in `ALLOWED_HOSTS`."),
    row(Refusal::OriginRefused, "origin-refused", Yw::Http(403), Hp::Http(403), Never,
        "The request's Origin is not in `CORS_ORIGINS`."),
    row(Refusal::AddressFull, "address-full", Yw::Http(503), Hp::Http(503), Later,
        "The address has as many sockets, or as many unauthenticated ones, as it may have. `Retry-After` says when."),
    row(Refusal::NameNotAllowed, "name-not-allowed", Yw::Close(4422), Hp::PermissionDenied, Never,
        "The document's name is empty, all white space, longer than 255 bytes, or holds control characters."),
    row(Refusal::Unauthenticated, "unauthenticated", Yw::Close(4401), Hp::PermissionDenied, Never,
        "There is no token, or its signature, form or start is not right.").known_as("permission-denied"),
    row(Refusal::AuthTimeout, "auth-timeout", Yw::Close(4508), Hp::CloseSocket(4408), Later,
        "Nobody authenticated on the socket within `limits.auth_seconds`."),
    row(Refusal::TokenExpired, "token-expired", Yw::Close(4401), Hp::PermissionDenied, Never,
        "The token's `exp` and `auth.leeway_seconds` have passed, before or during the connection."),
    row(Refusal::Forbidden, "forbidden", Yw::Close(4403), Hp::PermissionDenied, Never,
        "The token gives no right on the document, or no longer, or there is no such document: one answer.").known_as("permission-denied"),
    row(Refusal::TooManyDocuments, "too-many-documents", Yw::Never, Hp::PermissionDenied, Never,
        "The socket carries `limits.documents_per_socket` documents already."),
    row(Refusal::NotOpen, "not-open", Yw::Never, Hp::Ignored, Never,
        "A message for a document that was refused or closed on this socket, or a too large one under a key that is not in use \
         there. A new Auth opens it."),
    row(Refusal::Unavailable, "unavailable", Yw::Close(4503), Hp::Waits, Later,
        "The document's room is down, or it cannot be loaded because the database cannot be reached or too many documents wait to be \
         read. Tandem tries again by itself; a y-websocket is closed when that took 20 s. Who was in goes on meanwhile, without \
         acknowledgements."),
    row(Refusal::Quarantined, "quarantined", Yw::Close(4423), Hp::PermissionDenied, Never,
        "What is stored of the document cannot be read; an operator has to look. It is never overwritten."),
    row(Refusal::Gone, "gone", Yw::Close(4410), Hp::CloseDocument, Never,
        "The document was deleted while it was open here.").known_as("deleted"),
    row(Refusal::Draining, "draining", Yw::Close(4503), Hp::CloseSocket(1012), AtOnce,
        "The node is stopping; what was owed has been sent. An upgrade meanwhile gets HTTP 503."),
    row(Refusal::Internal, "internal", Yw::Cut, Hp::Cut, AtOnce,
        "Something broke inside Tandem and ended this connection only."),
    row(Refusal::BrokenWebsocket, "broken-websocket", Yw::Close(1002), Hp::CloseSocket(1002), AtOnce,
        "The WebSocket layer was violated. 1007 for a text that is no UTF-8, 1008 for too many fragments."),
    row(Refusal::BadFrame, "bad-frame", Yw::Close(4400), Hp::CloseDocumentOrSocket(4400), Never,
        "A frame cannot be read as a message of the protocol. A key that is not in use on this socket counts as unreadable."),
    row(Refusal::ProtocolMistake, "protocol-mistake", Yw::Close(4400), Hp::CloseDocumentOrSocket(4400), Never,
        "A text frame, or a message that only a server sends (BroadcastStateless)."),
    row(Refusal::Oversized, "oversized", Yw::Close(1009), Hp::CloseSocket(1009), AtOnce,
        "A message beyond `limits.skip_bytes`; before authentication, one beyond `limits.message_bytes`, or more in all than \
         that and `limits.pending_socket_bytes`. Who was authenticated and comes back within ten minutes is not asked for it \
         again, as for `too-large`."),
    row(Refusal::TooLarge, "too-large", Yw::PermissionDenied, Hp::NotSavedWithCode, Never,
        "A message beyond `limits.message_bytes`. For ten minutes, while the document stays loaded, what the same subject \
         brings and would have to wait for something missing is refused at once (SyncStatus 0 alone) instead of asked for; \
         all else is taken."),
    row(Refusal::Full, "full", Yw::PermissionDenied, Hp::NotSavedWithCode, Never,
        "New content for a document at `limits.document_bytes`, `document_clients` or `document_structs`; deletions and \
         reading go on, but for deletions that would cut it into more than twice as much. An update of more client ids than \
         `document_clients` is refused whole.").known_as("too-large"),
    row(Refusal::ReadOnly, "read-only", Yw::PermissionDenied, Hp::NotSaved, Never,
        "New content from a viewer. Deletions that merely repeat what the document did are no edit."),
    row(Refusal::BadUpdate, "bad-update", Yw::PermissionDenied, Hp::NotSaved, Never,
        "An update that a fresh Yjs could not apply, or that falls into too many pieces; nothing of it is taken, but for \
         what its reason says."),
    row(Refusal::Forged, "forged", Yw::PermissionDenied, Hp::NotSaved, Never,
        "New content under the client id of a live author, which that author does not have, or what builds on it."),
    row(Refusal::Deleted, "deleted", Yw::PermissionDenied, Hp::NotSavedWithCode, Never,
        "An edit that brings back what was deleted with the document's name, or builds on it."),
    row(Refusal::Incomplete, "incomplete", Yw::PermissionDenied, Hp::NotSaved, Never,
        "An edit that builds on something which its bringer, asked three times, did not supply. It is asked again every 10 s."),
    row(Refusal::JournalFull, "journal-full", Yw::NotRead, Hp::NotRead, Never,
        "More waits for the database than `limits.journal_bytes` or `journal_room_bytes`. Nothing is lost. Counted when the \
         reading stops."),
    row(Refusal::PresenceRefused, "presence-refused", Yw::Ignored, Hp::Ignored, Never,
        "Presence that cannot be read, or a state that is no JSON or beyond `limits.presence_bytes` or `presence_depth`."),
    row(Refusal::PresenceForeign, "presence-foreign", Yw::Ignored, Hp::Ignored, Never,
        "A presence state that is news, for a client id which belongs to another session."),
    row(Refusal::Flood, "flood", Yw::Close(4429), Hp::CloseDocumentOrSocket(4429), Never,
        "More than `limits.steps_per_second` SyncStep1 of one document in a second; or, for which the socket is closed, \
         `limits.pings_per_second` pings and empty frames."),
    row(Refusal::Stalled, "stalled", Yw::Close(4508), Hp::CloseSocket(4508), AtOnce,
        "A message of more than 16 KiB was announced and came slower than 4 KiB a second, after `limits.message_stall_seconds`; \
         or an answer to us lay for 10 s behind more edits than `limits.owed_edits`."),
    row(Refusal::Slow, "slow", Yw::Cut, Hp::Cut, AtOnce,
        "The socket accepted no byte for `limits.stall_seconds`; it would accept no close frame either."),
    row(Refusal::Dead, "dead", Yw::Cut, Hp::Cut, AtOnce,
        "A ping stayed unanswered for `limits.pong_seconds`, or a new socket sent nothing for `limits.first_byte_seconds`."),
];
