//! Every bound that can be set, with its name, its default and what happens when it is reached.
//!
//! The names are those of the `[limits]` section of the configuration; units stand at their ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// All bounds of one node that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// One message after authentication. Longer: skipped unbuffered, refused as `too-large`, the socket stays.
    pub message_bytes: u64,
    /// One message before authentication. Longer, up to `message_bytes`: skipped unbuffered, and asked for afterwards.
    /// Longer than that: the socket is closed with 1009.
    pub message_bytes_unauthenticated: u64,
    /// A message longer than this is not even skipped: the socket is closed with 1009.
    pub skip_bytes: u64,
    /// Messages being received on the whole node, reserved at their headers. Beyond: sockets wait unread.
    pub inbound_bytes: u64,

    /// A socket that sent no byte is cut after this long; it is pinged after half of it.
    pub first_byte_seconds: u64,
    /// A socket whose first Auth was not answered is closed after this long (token functions are slow).
    pub auth_seconds: u64,
    /// Kept of one document's frames until its Auth is decided; more is dropped and asked for afterwards.
    pub pending_document_bytes: u64,
    /// The same for all documents of a socket.
    pub pending_socket_bytes: u64,
    /// Documents on one socket. Beyond: that document is refused.
    pub documents_per_socket: u64,
    /// Sockets an address; of IPv6 those of a /64 together. Beyond: 503 with `Retry-After`.
    pub sockets_per_address: u64,
    /// Of these, sockets that are not authenticated yet.
    pub unauthenticated_per_address: u64,

    /// Frames of one session a second; a faster one is paced by not being read.
    pub session_frames_per_second: u64,
    /// Frames that a session may send at once before it is paced: a returning client sends its whole queue.
    pub session_frames_burst: u64,
    /// Pings and empty frames a second. Beyond: closed.
    pub pings_per_second: u64,
    /// SyncStep1 a second of one document. Beyond: closed.
    pub steps_per_second: u64,
    /// SyncStep1 answered a second of one document; a faster one waits and the newest replaces it.
    pub step_answers_per_second: u64,
    /// Edits of one document whose acknowledgement a session owes. Beyond: the session is not read.
    pub owed_edits: u64,

    /// One document, as its encoding. At the limit new structs are refused as `full`; deletions and reading go on.
    pub document_bytes: u64,
    /// Client ids in one document; at the limit as with `document_bytes`. An update of more ids is refused unread.
    pub document_clients: u64,
    /// Structs in one document; at the limit as with `document_bytes`.
    pub document_structs: u64,

    /// Waiting for commit on the whole node. Beyond: no socket is read until something is committed.
    pub journal_bytes: u64,
    /// Commits begin so many milliseconds apart; the only edit never waits.
    pub commit_milliseconds: u64,
    /// Waiting for commit of one room. Beyond: its sessions are not read.
    pub journal_room_bytes: u64,

    /// A room's outbox ring. A session that falls out of it gets one merged difference.
    pub outbox_bytes: u64,
    /// A busy room wakes its readers this far apart, in microseconds for each of them; the only edit never waits.
    pub gather_microseconds: u64,
    /// At most so far apart, in milliseconds.
    pub gather_milliseconds: u64,
    /// A socket that accepted no byte for this long is closed.
    pub stall_seconds: u64,
    /// A message that has reserved of `inbound_bytes` may take so long, and a second for every 4 KiB; else its socket is closed.
    pub message_stall_seconds: u64,

    /// One presence state, as JSON. Longer: ignored, counted.
    pub presence_bytes: u64,
    /// Nesting of a presence state. Deeper: ignored, counted.
    pub presence_depth: u64,
    /// Presence flushes a second of one room.
    pub presence_flushes_per_second: u64,
    /// A presence state that was not refreshed for this long is removed.
    pub presence_seconds: u64,

    /// An empty Awareness goes out after this long without another message, for clients that count messages.
    pub keepalive_seconds: u64,
    /// A WebSocket ping goes out after this long without a byte from the client.
    pub ping_seconds: u64,
    /// A socket that sent no byte for this long after a ping is dead.
    pub pong_seconds: u64,
    /// A room that nobody is in, with nothing uncommitted, is kept this long.
    pub room_idle_seconds: u64,
    /// A room that is told more than so much in a second has an actor of its own, and so has one that is told 64 KiB at
    /// once, has 250 members, or is asked for a document of 256 KiB or more; the others share their keepers.
    pub room_keep_messages: u64,
    /// An actor of a room's own gives it back to its keeper after this long without a word, unless it has 250 members.
    pub room_sleep_seconds: u64,

    /// A document is compacted after so many rows since its snapshot, …
    pub compact_rows: u64,
    /// … or so many bytes in 3 rows or more (or twice what the document holds), once they are a quarter of the document.
    pub compact_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 * MIB,
            message_bytes_unauthenticated: 64 * KIB,
            skip_bytes: 256 * MIB,
            inbound_bytes: 256 * MIB,
            first_byte_seconds: 5,
            auth_seconds: 30,
            pending_document_bytes: 64 * KIB,
            pending_socket_bytes: 4 * MIB,
            documents_per_socket: 1000,
            sockets_per_address: 200,
            unauthenticated_per_address: 50,
            session_frames_per_second: 500,
            session_frames_burst: 5000,
            pings_per_second: 100,
            steps_per_second: 100,
            step_answers_per_second: 2,
            owed_edits: 10_000,
            document_bytes: 64 * MIB,
            document_clients: 50_000,
            document_structs: 2_000_000,
            journal_bytes: 64 * MIB,
            commit_milliseconds: 10,
            journal_room_bytes: 4 * MIB,
            outbox_bytes: MIB,
            gather_microseconds: 60,
            gather_milliseconds: 50,
            stall_seconds: 10,
            message_stall_seconds: 10,
            presence_bytes: 4 * KIB,
            presence_depth: 8,
            presence_flushes_per_second: 20,
            presence_seconds: 30,
            keepalive_seconds: 10,
            ping_seconds: 20,
            pong_seconds: 10,
            room_idle_seconds: 10,
            room_keep_messages: 100,
            room_sleep_seconds: 3,
            compact_rows: 500,
            compact_bytes: 64 * KIB,
        }
    }
}

impl Limits {
    /// A length from this structure as a `usize`; saturates on small machines.
    #[must_use]
    pub fn size(bytes: u64) -> usize {
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// A time from this structure.
    #[must_use]
    pub fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
