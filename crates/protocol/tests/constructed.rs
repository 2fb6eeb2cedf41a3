//! No refusal stands in the table that nothing makes, and none without a word about coming back.

use std::fs;
use std::path::{Path, PathBuf};

use tandem_protocol::Refusal;
use tandem_protocol::refusal::Reconnect;

/// Where refusals are made: the actors and the edge.
const SOURCES: [&str; 2] = ["actors/src", "src"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All that is compiled into the server, without tests and comments.
fn shipped(folder: &Path, into: &mut String) {
    let entries = fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    for path in entries {
        if path.is_dir() {
            shipped(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.for_each(|line| into.extend([line, "\n"]));
        }
    }
}

/// Whether what stands behind a name makes it the pattern of a match arm.
fn is_pattern(rest: &str) -> bool {
    let rest = rest.trim_start_matches([')', ' ', '\n']);
    rest.starts_with("=>") || rest.starts_with("if ") || rest.starts_with('|')
}

/// Whether `code` makes this refusal, and does not only tell it from others.
fn makes(code: &str, refusal: Refusal) -> bool {
    let name = format!("Refusal::{refusal:?}");
    code.match_indices(&name).any(|(at, _)| {
        let rest = &code[at + name.len()..];
        !rest.starts_with(char::is_alphanumeric) && !is_pattern(rest)
    })
}

#[test]
fn every_refusal_is_made_somewhere_in_the_server() {
    let mut code = String::new();
    for folder in SOURCES {
        shipped(&root().join(folder), &mut code);
    }
    let idle: Vec<_> = Refusal::all().filter(|refusal| !makes(&code, *refusal)).collect();
    assert!(idle.is_empty(), "nothing makes {idle:?}: make it, or take it out of the table");
}

#[test]
fn a_pattern_or_a_longer_name_makes_nothing() {
    assert!(makes("self.end(Refusal::Gone);", Refusal::Gone));
    assert!(makes("None => Err(Refusal::Gone),", Refusal::Gone));
    for code in ["Refusal::Gone => 1", "Some(Refusal::Gone) => 1", "Err(Refusal::Gone) if so => 1", "Refusal::GoneBy"] {
        assert!(!makes(code, Refusal::Gone), "{code}");
    }
}

#[test]
fn every_refusal_is_documented_with_whether_to_reconnect() {
    let document = fs::read_to_string(root().join("docs/PROTOCOLS.md")).expect("docs/PROTOCOLS.md");
    for refusal in Refusal::all() {
        let begin = format!("| `{}` | ", refusal.name());
        let row = document.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("no row {begin}"));
        let end = match refusal.reconnect() {
            Reconnect::Never => "| no |",
            Reconnect::Later => "| later |",
            Reconnect::AtOnce => "| at once |",
        };
        assert!(row.ends_with(end), "{row}");
        assert!(row.contains(refusal.meaning()) && refusal.meaning().ends_with('.'), "{row}");
    }
}
