//! What a client said about one document, whatever its protocol.

use tandem_protocol::hocuspocus::{self, Direction, Frame};
use tandem_protocol::{Kind, Refusal, Sync, ysync};

/// One decoded frame of a client.
pub(super) enum Said<'a> {
    Token(&'a str),
    Sync(Sync<'a>),
    Awareness(&'a [u8]),
    QueryAwareness,
    Stateless(&'a str),
    Leave,
    Nothing,
}

impl<'a> Said<'a> {
    pub(super) fn ysync(frame: &'a [u8]) -> Result<Self, Refusal> {
        Ok(match ysync::decode(frame).map_err(|_| Refusal::BadFrame)? {
            ysync::Message::Sync(sync) => Self::Sync(sync),
            ysync::Message::Awareness(states) => Self::Awareness(states),
            ysync::Message::QueryAwareness => Self::QueryAwareness,
            ysync::Message::PermissionDenied(_) | ysync::Message::Unknown(_) => Self::Nothing,
        })
    }

    pub(super) fn hocuspocus(frame: &'a [u8]) -> Result<Self, Refusal> {
        use hocuspocus::Message;
        let message = match hocuspocus::decode(Direction::FromClient, frame).map_err(|_| Refusal::BadFrame)? {
            Frame::Document { message, .. } => message,
            Frame::Ping | Frame::Pong => return Ok(Self::Nothing),
        };
        Ok(match message {
            Message::Sync(sync) | Message::SyncReply(sync) => Self::Sync(sync),
            Message::Awareness(states) => Self::Awareness(states),
            Message::Token { token, .. } => Self::Token(token),
            Message::QueryAwareness => Self::QueryAwareness,
            Message::Stateless(text) => Self::Stateless(text),
            Message::Close(_) => Self::Leave,
            Message::BroadcastStateless(_) => return Err(Refusal::ProtocolMistake),
            Message::TokenRequest
            | Message::PermissionDenied(_)
            | Message::Authenticated(_)
            | Message::SyncStatus(_)
            | Message::Unknown(_) => Self::Nothing,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Token(_) => Kind::Auth,
            Self::Sync(sync) => sync.kind(),
            Self::Awareness(_) => Kind::Awareness,
            Self::QueryAwareness => Kind::QueryAwareness,
            Self::Stateless(_) => Kind::Stateless,
            Self::Leave => Kind::Close,
            Self::Nothing => Kind::Unknown,
        }
    }
}
