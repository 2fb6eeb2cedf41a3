//! From a frame to bytes.

use tandem_yjs::lib0;

use super::{
    AUTH, AUTHENTICATED, AWARENESS, BROADCAST_STATELESS, CLOSE, Frame, Message, PERMISSION_DENIED, PING, PONG,
    QUERY_AWARENESS, STATELESS, SYNC, SYNC_REPLY, SYNC_STATUS, TOKEN,
};
use crate::sync::write_buf_head;

/// Appends the frame.
pub fn encode(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let payload = encode_head(frame, out);
    out.extend_from_slice(payload);
}

/// Appends the frame without its payload, and returns the payload that belongs behind it.
///
/// With [`crate::websocket::binary`] a large payload is thus copied once. Messages without payload return nothing.
pub fn encode_head<'a>(frame: &Frame<'a>, out: &mut Vec<u8>) -> &'a [u8] {
    match frame {
        Frame::Ping => {
            out.push(PING);
            &[]
        }
        Frame::Pong => {
            out.push(PONG);
            &[]
        }
        Frame::Document { key, message } => {
            lib0::write_var_string(out, key);
            write_message(message, out)
        }
    }
}

fn write_message<'a>(message: &Message<'a>, out: &mut Vec<u8>) -> &'a [u8] {
    lib0::write_var_uint(out, number(message));
    match message {
        Message::Sync(sync) | Message::SyncReply(sync) => sync.write_head(out),
        Message::Awareness(update) => write_buf_head(out, update),
        Message::Token { token, version } => {
            lib0::write_var_uint(out, TOKEN);
            lib0::write_var_string(out, token);
            match version {
                Some(version) => write_buf_head(out, version.as_bytes()),
                None => &[],
            }
        }
        Message::TokenRequest => {
            lib0::write_var_uint(out, TOKEN);
            &[]
        }
        Message::PermissionDenied(reason) => {
            lib0::write_var_uint(out, PERMISSION_DENIED);
            write_buf_head(out, reason.as_bytes())
        }
        Message::Authenticated(scope) => {
            lib0::write_var_uint(out, AUTHENTICATED);
            write_buf_head(out, scope.as_str().as_bytes())
        }
        Message::Stateless(text) | Message::BroadcastStateless(text) | Message::Close(Some(text)) => {
            write_buf_head(out, text.as_bytes())
        }
        Message::SyncStatus(durable) => {
            lib0::write_var_uint(out, u64::from(*durable));
            &[]
        }
        Message::QueryAwareness | Message::Close(None) | Message::Unknown(_) => &[],
    }
}

fn number(message: &Message<'_>) -> u64 {
    match message {
        Message::Sync(_) => SYNC,
        Message::SyncReply(_) => SYNC_REPLY,
        Message::Awareness(_) => AWARENESS,
        Message::Token { .. } | Message::TokenRequest | Message::PermissionDenied(_) | Message::Authenticated(_) => {
            AUTH
        }
        Message::QueryAwareness => QUERY_AWARENESS,
        Message::Stateless(_) => STATELESS,
        Message::BroadcastStateless(_) => BROADCAST_STATELESS,
        Message::Close(_) => CLOSE,
        Message::SyncStatus(_) => SYNC_STATUS,
        Message::Unknown(number) => *number,
    }
}
