//! What kind of message a frame holds, without its body.

/// The kind of a message of either protocol: enough to count it, and to answer one that was too large to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SyncStep1: a state vector.
    Step1,
    /// SyncStep2: the update that answers a SyncStep1.
    Step2,
    /// Update: a fresh edit.
    Update,
    /// A sync message whose number is none of the three, or stands behind the bytes at hand.
    SyncUnknown,
    /// Awareness.
    Awareness,
    /// An auth message of any sort.
    Auth,
    /// QueryAwareness.
    QueryAwareness,
    /// Stateless.
    Stateless,
    /// BroadcastStateless.
    BroadcastStateless,
    /// CLOSE.
    Close,
    /// SyncStatus.
    SyncStatus,
    /// Ping.
    Ping,
    /// Pong.
    Pong,
    /// A number that the protocol does not know.
    Unknown,
}

impl Kind {
    /// A short stable name, for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Step1 => "step1",
            Self::Step2 => "step2",
            Self::Update => "update",
            Self::SyncUnknown => "sync-unknown",
            Self::Awareness => "awareness",
            Self::Auth => "auth",
            Self::QueryAwareness => "query-awareness",
            Self::Stateless => "stateless",
            Self::BroadcastStateless => "broadcast-stateless",
            Self::Close => "close",
            Self::SyncStatus => "sync-status",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it carries an edit: the messages that a SyncStatus answers.
    #[must_use]
    pub fn is_edit(self) -> bool {
        matches!(self, Self::Step2 | Self::Update)
    }
}
