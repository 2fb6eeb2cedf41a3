//! The awareness update, with a full JSON parser as the second opinion.

use serde::de::IgnoredAny;
use tandem_protocol::awareness::{AwarenessLimits, Entry, Raw, State, StateFault, decode, encode, entries};

const LIMITS: AwarenessLimits = AwarenessLimits { entries: 50, state_bytes: 200, depth: 8 };

/// What is kept is valid JSON within the limits, nothing valid is called invalid, and what is kept is written and read
/// again as the same.
///
/// # Panics
/// When it is not so.
pub fn awareness(data: &[u8]) {
    let walked = entries(data, LIMITS.entries).and_then(Iterator::collect::<Result<Vec<Raw<'_>>, _>>);
    let decoded = decode(data, &LIMITS);
    assert_eq!(walked.is_ok(), decoded.is_ok());
    let (Ok(walked), Ok(decoded)) = (walked, decoded) else { return };
    assert!(walked.len() == decoded.len() && walked.len() <= LIMITS.entries);
    let mut kept: Vec<Entry<'_>> = Vec::new();
    for (raw, entry) in walked.iter().zip(decoded) {
        assert_eq!(raw.check(&LIMITS), entry);
        let is_json = serde_json::from_str::<IgnoredAny>(raw.json).is_ok();
        match entry {
            Ok(entry) => {
                assert!(is_json && raw.json.len() <= LIMITS.state_bytes, "{:?} is kept", raw.json);
                assert_eq!(entry.state == State::Gone, raw.json.trim() == "null");
                kept.push(entry);
            }
            Err(refused) => match refused.fault {
                StateFault::TooLarge(bytes) => assert!(bytes > LIMITS.state_bytes && bytes == raw.json.len()),
                StateFault::Json => assert!(!is_json, "{:?} is called invalid", raw.json),
                StateFault::TooDeep => assert!(opened(raw.json) > LIMITS.depth, "{:?} is called deep", raw.json),
            },
        }
    }
    let written = encode(&kept);
    let again = decode(&written, &LIMITS).expect("what was kept can be read");
    assert_eq!(again, kept.into_iter().map(Ok).collect::<Vec<_>>());
}

/// Brackets that open, wherever: no value nests deeper than that.
fn opened(json: &str) -> usize {
    json.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count()
}
