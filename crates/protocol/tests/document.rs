//! `docs/PROTOCOLS.md` says what the code says.

mod common;

use std::path::PathBuf;

use common::{hocuspocus_meaning, ysync_meaning};
use tandem_protocol::hocuspocus::{self, Direction};
use tandem_protocol::{Refusal, refusal, ysync};

const BEGIN: &str = "<!-- refusals: begin";
const END: &str = "<!-- refusals: end -->";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/PROTOCOLS.md")
}

fn document() -> String {
    std::fs::read_to_string(path()).expect("docs/PROTOCOLS.md is there")
}

/// The lines of examples in the section of this heading: who sends, the bytes, what they mean.
fn examples(document: &str, heading: &str) -> Vec<(Direction, Vec<u8>, String)> {
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap_or(section);
    let lines = section.lines().filter_map(|line| {
        let direction = match line.get(..3)? {
            "-> " => Direction::FromClient,
            "<- " => Direction::FromServer,
            _ => return None,
        };
        let words: Vec<&str> = line[3..].split_whitespace().collect();
        let is_hex = |word: &&&str| word.len().is_multiple_of(2) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = words.iter().take_while(is_hex).count();
        Some((direction, common::unhex(&words[..bytes].concat()), words[bytes..].join(" ")))
    });
    lines.collect()
}

#[test]
fn the_table_of_refusals_is_the_codes_own() {
    let document = document();
    let (before, rest) = document.split_once(BEGIN).expect("a place for the table");
    let (marker, rest) = rest.split_once('\n').expect("the marker's line ends");
    let (table, after) = rest.split_once(END).expect("the table's end");
    let expected = refusal::markdown();
    if std::env::var_os("TANDEM_BLESS").is_some() {
        std::fs::write(path(), format!("{before}{BEGIN}{marker}\n{expected}{END}{after}"))
            .expect("the document is ours");
        return;
    }
    assert_eq!(table, expected, "the document's table is old: run this test with TANDEM_BLESS=1");
}

#[test]
fn every_y_websocket_example_means_what_the_document_says() {
    let examples = examples(&document(), "y-websocket");
    assert!(examples.len() >= 10);
    for (_, bytes, meaning) in examples {
        let message = ysync::decode(&bytes).expect(&meaning);
        assert_eq!(ysync_meaning(&message).trim_end(), meaning);
    }
}

#[test]
fn every_hocuspocus_example_means_what_the_document_says() {
    let examples = examples(&document(), "Hocuspocus");
    assert!(examples.len() >= 17);
    for (direction, bytes, meaning) in examples {
        let frame = hocuspocus::decode(direction, &bytes).expect(&meaning);
        assert_eq!(hocuspocus_meaning(&frame), meaning);
    }
}

#[test]
fn every_refusal_that_the_text_names_exists() {
    let document = document();
    let (_, limits) = document.split_once("\n## Limits").expect("limits");
    let (limits, _) = limits.split_once("\n## ").expect("a section behind them");
    for name in
        ["too-large", "oversized", "full", "too-many-documents", "address-full", "flood", "auth-timeout", "slow"]
    {
        assert!(limits.contains(&format!("`{name}`")), "{name} is not in the text");
        assert!(Refusal::all().any(|refusal| refusal.name() == name), "{name} is no refusal");
    }
}
