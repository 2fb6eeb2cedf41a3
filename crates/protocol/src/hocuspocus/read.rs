//! From bytes to a frame.

use tandem_yjs::lib0::Reader;

use super::{
    AUTH, AUTHENTICATED, AWARENESS, BROADCAST_STATELESS, CLOSE, Direction, Frame, Message, PERMISSION_DENIED, PING,
    PONG, QUERY_AWARENESS, STATELESS, SYNC, SYNC_REPLY, SYNC_STATUS, Scope, TOKEN,
};
use crate::{DecodeError, Sync};

/// Reads a frame. Bytes behind the message are ignored, as the reference ignores them.
///
/// # Errors
/// [`DecodeError`] says what cannot be read.
pub fn decode(direction: Direction, frame: &[u8]) -> Result<Frame<'_>, DecodeError> {
    match frame {
        [PING] => return Ok(Frame::Ping),
        [PONG] => return Ok(Frame::Pong),
        _ => {}
    }
    let mut reader = Reader::new(frame);
    let key = reader.var_string()?;
    let message = message(direction, &mut reader)?;
    Ok(Frame::Document { key, message })
}

fn message<'a>(direction: Direction, reader: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    Ok(match reader.var_uint()? {
        SYNC => Message::Sync(Sync::read(reader)?),
        SYNC_REPLY => Message::SyncReply(Sync::read(reader)?),
        AWARENESS => Message::Awareness(reader.buf()?),
        AUTH => match direction {
            Direction::FromClient => auth_from_client(reader)?,
            Direction::FromServer => auth_from_server(reader)?,
        },
        QUERY_AWARENESS => Message::QueryAwareness,
        STATELESS => Message::Stateless(reader.var_string()?),
        BROADCAST_STATELESS => Message::BroadcastStateless(reader.var_string()?),
        CLOSE => match direction {
            Direction::FromClient => Message::Close(None),
            Direction::FromServer => Message::Close(Some(reader.var_string()?)),
        },
        SYNC_STATUS => Message::SyncStatus(reader.var_int()? == 1),
        other => Message::Unknown(other),
    })
}

fn auth_from_client<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    match reader.var_uint()? {
        TOKEN => {
            let token = reader.var_string()?;
            let version = if reader.is_empty() { None } else { Some(reader.var_string()?) };
            Ok(Message::Token { token, version })
        }
        other => Err(DecodeError::AuthKind(other)),
    }
}

fn auth_from_server<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    match reader.var_uint()? {
        TOKEN => Ok(Message::TokenRequest),
        PERMISSION_DENIED => Ok(Message::PermissionDenied(reader.var_string()?)),
        // The client takes every scope that is not "read-write" for read-only.
        AUTHENTICATED if reader.var_string()? == Scope::ReadWrite.as_str() => {
            Ok(Message::Authenticated(Scope::ReadWrite))
        }
        AUTHENTICATED => Ok(Message::Authenticated(Scope::ReadOnly)),
        other => Err(DecodeError::AuthKind(other)),
    }
}
