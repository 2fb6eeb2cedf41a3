//! What is said to a client, in the protocol that it speaks.

use std::sync::Arc;

use bytes::Bytes;
use tandem_protocol::{Sync, hocuspocus, websocket, ysync};

/// A client's protocol for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// y-websocket: the socket is the document.
    YSync,
    /// Hocuspocus: the key that the client chose, its document's name with or without a session id.
    Hocuspocus {
        /// Repeated byte by byte in every frame.
        key: Arc<str>,
    },
}

/// Something to say, whatever the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying<'a> {
    /// Asks what we miss; a state vector.
    Step1(&'a [u8]),
    /// Answers SyncStep1; an update.
    Step2(&'a [u8]),
    /// An edit.
    Update(&'a [u8]),
    /// Presence; an awareness update.
    Awareness(&'a [u8]),
    /// An edit's fate.
    Status(bool),
    /// The application's own message, or ours about a refusal.
    Stateless(&'a str),
    /// The credential is good; whether edits are taken.
    Authenticated(bool),
    /// The credential is not good.
    Denied(&'a str),
    /// Asks for the credential again.
    TokenRequest,
    /// This document is closed.
    Close(&'a str),
}

impl Dialect {
    /// Encodes a whole WebSocket frame; `None` if the protocol has no word for it.
    #[must_use]
    pub fn frame(&self, saying: Saying<'_>) -> Option<Bytes> {
        let mut front = Vec::new();
        let payload = self.encode(saying, &mut front)?;
        Some(websocket::binary(&[&front, payload]))
    }

    /// Encodes a WebSocket frame up to the payload, the bytes of what is said, which follow as they are: so those who are
    /// told the same share it. `None` if the protocol has no word for it.
    #[must_use]
    pub fn front(&self, saying: Saying<'_>) -> Option<Bytes> {
        let mut front = Vec::new();
        let payload = self.encode(saying, &mut front)?.len();
        Some(websocket::binary_front(&front, payload))
    }

    /// Writes what stands before the payload, and returns that.
    fn encode<'a>(&'a self, saying: Saying<'a>, front: &mut Vec<u8>) -> Option<&'a [u8]> {
        Some(match self {
            Self::YSync => ysync::encode_head(&ysync_message(saying)?, front),
            Self::Hocuspocus { key } => {
                let message = hocuspocus_message(saying);
                hocuspocus::encode_head(&hocuspocus::Frame::Document { key, message }, front)
            }
        })
    }

    /// Whether all who speak it for the document named `plain` get the same bytes.
    #[must_use]
    pub fn shares(&self, plain: &str) -> bool {
        match self {
            Self::YSync => true,
            Self::Hocuspocus { key } => &**key == plain,
        }
    }

    /// Whether the client counts acknowledgements.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self, Self::Hocuspocus { .. })
    }
}

fn ysync_message(saying: Saying<'_>) -> Option<ysync::Message<'_>> {
    Some(match saying {
        Saying::Step1(vector) => ysync::Message::Sync(Sync::Step1(vector)),
        Saying::Step2(update) => ysync::Message::Sync(Sync::Step2(update)),
        Saying::Update(update) => ysync::Message::Sync(Sync::Update(update)),
        Saying::Awareness(states) => ysync::Message::Awareness(states),
        Saying::Denied(reason) => ysync::Message::PermissionDenied(reason),
        Saying::Status(_)
        | Saying::Stateless(_)
        | Saying::Authenticated(_)
        | Saying::TokenRequest
        | Saying::Close(_) => return None,
    })
}

fn hocuspocus_message(saying: Saying<'_>) -> hocuspocus::Message<'_> {
    use hocuspocus::{Message, Scope};
    match saying {
        Saying::Step1(vector) => Message::Sync(Sync::Step1(vector)),
        Saying::Step2(update) => Message::Sync(Sync::Step2(update)),
        Saying::Update(update) => Message::Sync(Sync::Update(update)),
        Saying::Awareness(states) => Message::Awareness(states),
        Saying::Status(durable) => Message::SyncStatus(durable),
        Saying::Stateless(text) => Message::Stateless(text),
        Saying::Authenticated(true) => Message::Authenticated(Scope::ReadWrite),
        Saying::Authenticated(false) => Message::Authenticated(Scope::ReadOnly),
        Saying::Denied(reason) => Message::PermissionDenied(reason),
        Saying::TokenRequest => Message::TokenRequest,
        Saying::Close(reason) => Message::Close(Some(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_and_what_follows_it_are_the_frame() {
        let update = vec![7; 70_000];
        for dialect in [Dialect::YSync, Dialect::Hocuspocus { key: "a document".into() }] {
            for saying in [Saying::Step2(&update), Saying::Update(&update), Saying::Awareness(&update[..100])] {
                let front = dialect.front(saying).expect("a word for it");
                let frame = dialect.frame(saying).expect("a word for it");
                assert_eq!([&front, &frame[front.len()..]].concat(), frame);
                assert!(front.len() < 40 && frame[front.len()..].iter().all(|byte| *byte == 7), "{front:?}");
            }
        }
    }
}
