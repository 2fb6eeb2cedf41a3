//! Second marks that are not reached everywhere: by how much is computed, why is said here.

/// A mark for the figure that a scenario is compared by.
pub struct Mark {
    /// What is to be reached.
    pub value: f64,
    /// Whether it is a multiple of the floor's.
    pub of_floor: bool,
    /// Whether more is better.
    pub at_least: bool,
    /// Where the time, or the room, goes, and what would have to change.
    pub why: &'static str,
}

/// Rooms in which everybody types: processor time a delivery.
pub const ROOMS: Mark = Mark {
    value: 1.2,
    of_floor: true,
    at_least: false,
    why: "Most of what is above the floor is the store's: SQLite's statements and its write to the disk run in the \
          server's own process, once for what all rooms appended in a window. The rest is the room's: to admit the edit, \
          to hand it to the journal and back. Wider windows would make it cheaper, and acknowledgements later; a store in \
          a process of its own would only move it.",
};

/// The most such rooms.
pub const CAPACITY: Mark = Mark {
    value: 0.7,
    of_floor: true,
    at_least: true,
    why: "At the most rooms its core is full, and it pays for more than the floor does: it admits each edit, and commits \
          it. It would take what the rooms above would take.",
};

/// Everybody at once: joins a second.
pub const JOIN: Mark = Mark {
    value: 0.6,
    of_floor: true,
    at_least: true,
    why: "Its core is full, and much of that is the system's work for packets, which no process is charged. A join is \
          one packet each way more than the floor's, the client's answer and ours, and an actor, a token's signature and \
          a member of a room. Sockets that are no actors of their own would be cheaper to begin.",
};

/// An idle socket, in KiB.
pub const IDLE: Mark = Mark {
    value: 9.4,
    of_floor: false,
    at_least: false,
    why: "The actor, its mailboxes and its task are two thirds of it; the rest is the session's own state, its timer and \
          the socket's. It would take an actor that is smaller while nothing happens.",
};
