//! The drawing of the tree in docs/ARCHITECTURE.md against the links that ractor reports.

use std::collections::BTreeSet;
use std::time::Duration;

use tandem_model::{DocumentName, Limits, Right};

use crate::authority::token;
use crate::client::{Client, Speech};
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::log::{StormyLog, Weather};
use crate::node::Server;
use crate::story::Story;

/// The links that the drawing shows: `├─ Rooms → Room*  words` is a child of Root and its own children.
fn drawn() -> BTreeSet<(String, String)> {
    let document = include_str!("../../../docs/ARCHITECTURE.md");
    let (_, tree) = document.split_once("## The tree").expect("it has the section");
    let drawing = tree.split("```").nth(1).expect("it has the drawing");
    let mut links = BTreeSet::new();
    for line in drawing.lines().filter(|line| line.starts_with(['├', '└'])) {
        let (names, _) = line.trim_start_matches(['├', '└', '─', ' ']).split_once("  ").expect("names, then words");
        let mut supervisor = "Root".to_owned();
        for name in names.split('→').map(|name| name.trim().trim_end_matches('*').to_owned()) {
            links.insert((supervisor, name.clone()));
            supervisor = name;
        }
    }
    links
}

#[test]
fn the_drawing_shows_the_links_that_ractor_reports() {
    let live = crate::paused(async {
        let story = Story::begin(false);
        let log = StormyLog::new(Dice::new(0, 2), Ledger::new(story.clone()), story);
        let limits = Limits { room_keep_messages: 0, compact_rows: 1, compact_bytes: 1, ..Limits::default() };
        let server = Server::start(log, limits).await;
        let document = DocumentName::new("d0").expect("a name");
        let token = token("ann", Right::Editor, None);
        let mut client = Client::newcomer(document.clone(), 7);
        client.open(server.connect(1 << 20, Speech::YSync, &document, &token), &token);
        let mut dice = Dice::new(0, 3);
        // A store so slow that the compaction which the edits make due is seen at work.
        server.log().weather(Weather { slow_ms: 1_000, ..Weather::default() });
        for _ in 0..10_000 {
            if let Some(update) = client.replica.edit(&mut dice) {
                client.bring(&update);
            }
            client.exchange();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let links = server.links();
            if links.iter().any(|link| link.child == "Job") {
                return links;
            }
        }
        Vec::new()
    });
    let live: BTreeSet<_> = live.iter().map(|link| (link.supervisor.to_owned(), link.child.to_owned())).collect();
    assert_eq!(live, drawn());
}
