//! What can go wrong while measuring.

use std::io;

/// A run that says nothing about the server, or that the server failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// A server did not start, or ended in the middle.
    #[error("{0}")]
    Server(String),
    /// A socket was closed or spoke what the protocol does not hold.
    #[error("socket {socket}: {what}")]
    Socket {
        /// Its number in the swarm.
        socket: usize,
        /// What happened.
        what: String,
    },
    /// Something that must happen did not happen in time.
    #[error("{what} did not happen within {seconds} s: {state}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long, in seconds.
        seconds: u64,
        /// How far it came.
        state: String,
    },
    /// Figures that are kept cannot be read or written.
    #[error("figures: {0}")]
    Figures(#[from] serde_json::Error),
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// Names what the system refused.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io(what.into(), error)
    }

    /// The same for an error number.
    pub fn errno(what: impl Into<String>) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::Io(what.into(), io::Error::from(errno))
    }
}

/// The result of a part of a run.
pub type Result<T> = std::result::Result<T, Error>;
