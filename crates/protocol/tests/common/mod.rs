//! The captured vectors, and a tongue to say what a frame means in their words.

#![allow(dead_code, reason = "each test uses its part")]

use std::fmt::Write;

use tandem_protocol::awareness::{self, AwarenessLimits};
use tandem_protocol::hocuspocus::{self, Direction, Frame};
use tandem_protocol::{Sync, ysync};
use tandem_yjs::lib0::Reader;

pub const LIMITS: AwarenessLimits = AwarenessLimits { entries: 100, state_bytes: 4096, depth: 8 };

/// One captured payload.
pub struct Vector {
    pub flow: String,
    pub direction: String,
    pub opcode: Option<String>,
    pub bytes: Vec<u8>,
    pub meaning: String,
}

impl Vector {
    pub fn is_hocuspocus(&self) -> bool {
        self.flow.starts_with("hp-")
    }

    pub fn is_ysync(&self) -> bool {
        self.flow.starts_with("yw-")
    }

    pub fn sent_by(&self) -> Direction {
        match self.direction.as_str() {
            "client->server" => Direction::FromClient,
            "server->client" => Direction::FromServer,
            other => panic!("{other} is no direction of a frame"),
        }
    }
}

pub fn vectors() -> Vec<Vector> {
    let file: serde_json::Value = serde_json::from_str(include_str!("../vectors.json")).expect("the file is JSON");
    let text = |value: &serde_json::Value, key: &str| value[key].as_str().map(str::to_owned);
    let listed = file["vectors"].as_array().expect("the file lists vectors");
    listed
        .iter()
        .map(|vector| Vector {
            flow: text(vector, "flow").expect("a flow"),
            direction: text(vector, "direction").expect("a direction"),
            opcode: text(vector, "opcode"),
            bytes: unhex(vector["hex"].as_str().expect("bytes")),
            meaning: text(vector, "meaning").expect("a meaning"),
        })
        .collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

pub fn ysync_meaning(message: &ysync::Message<'_>) -> String {
    match message {
        ysync::Message::Sync(sync) => format!("sync/{}", sync_meaning(sync)),
        ysync::Message::Awareness(update) => format!("awareness {}", awareness_meaning(update)),
        ysync::Message::PermissionDenied(reason) => format!("auth/permissionDenied {reason:?}"),
        ysync::Message::QueryAwareness => "queryAwareness".into(),
        ysync::Message::Unknown(number) => format!("type {number}"),
    }
}

pub fn hocuspocus_meaning(frame: &Frame<'_>) -> String {
    let (key, message) = match frame {
        Frame::Ping => return "Ping (connection level)".into(),
        Frame::Pong => return "Pong (connection level)".into(),
        Frame::Document { key, message } => (serde_json::Value::from(*key), message),
    };
    let meaning = match message {
        hocuspocus::Message::Sync(sync) => format!("Sync/{}", sync_meaning(sync)),
        hocuspocus::Message::SyncReply(sync) => format!("SyncReply/{}", sync_meaning(sync)),
        hocuspocus::Message::Awareness(update) => format!("Awareness {}", awareness_meaning(update)),
        hocuspocus::Message::Token { token, version } => {
            format!("Auth/Token {token:?} version {}", version.unwrap_or("null"))
        }
        hocuspocus::Message::TokenRequest => "Auth/TokenSyncRequest".into(),
        hocuspocus::Message::PermissionDenied(reason) => format!("Auth/PermissionDenied {reason:?}"),
        hocuspocus::Message::Authenticated(scope) => format!("Auth/Authenticated {:?}", scope.as_str()),
        hocuspocus::Message::QueryAwareness => "QueryAwareness".into(),
        hocuspocus::Message::Stateless(text) => format!("Stateless {text:?}"),
        hocuspocus::Message::BroadcastStateless(text) => format!("BroadcastStateless {text:?}"),
        hocuspocus::Message::Close(None) => "CLOSE (no reason)".into(),
        hocuspocus::Message::Close(Some(reason)) => format!("CLOSE {reason:?}"),
        hocuspocus::Message::SyncStatus(durable) => format!("SyncStatus {}", u8::from(*durable)),
        hocuspocus::Message::Unknown(number) => format!("type {number}"),
    };
    format!("{key} {meaning}")
}

/// What an update holds is said by the crate that reads updates; here its size must do.
fn sync_meaning(sync: &Sync<'_>) -> String {
    match sync {
        Sync::Step1(vector) => format!("SyncStep1 sv={{{}}}", state_vector_meaning(vector)),
        Sync::Step2(update) => format!("SyncStep2 {}B", update.len()),
        Sync::Update(update) => format!("Update {}B", update.len()),
    }
}

fn state_vector_meaning(vector: &[u8]) -> String {
    let mut reader = Reader::new(vector);
    let clients = reader.var_uint().expect("a state vector");
    let clocks = (0..clients).map(|_| {
        let client = reader.var_uint().expect("a client");
        format!("{client}:{}", reader.var_uint().expect("a clock"))
    });
    clocks.collect::<Vec<_>>().join(",")
}

fn awareness_meaning(update: &[u8]) -> String {
    let entries = match awareness::decode(update, &LIMITS) {
        Ok(entries) => entries,
        Err(error) => return error.to_string(),
    };
    let mut out = String::new();
    for entry in entries {
        let entry = entry.expect("a captured state is kept");
        let state = entry.state.as_str();
        let separator = if out.is_empty() { "" } else { "; " };
        write!(out, "{separator}client {} clock {} state {state}", entry.client, entry.clock).expect("a String grows");
    }
    out
}

/// A small seeded generator (splitmix64), so that a failure can be run again.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
