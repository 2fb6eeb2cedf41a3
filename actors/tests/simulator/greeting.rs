//! The answer to a handshake: it leaves with what a room says at once, and waits for nothing else.

use std::time::Duration;

use tandem_model::{DocumentName, Limits, Right};

use crate::authority::token;
use crate::client::{ANSWER, Client, Speech};
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::log::{StormyLog, Weather};
use crate::node::Server;
use crate::pipe::ClientEnd;
use crate::story::Story;

/// Lets everything go on that is able to; the paused clock stands still, since somebody is always able to.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn server() -> Server {
    let story = Story::begin(false);
    let log = StormyLog::new(Dice::new(0, 2), Ledger::new(story.clone()), story);
    Server::start(log, Limits::default()).await
}

/// Somebody comes to a document; all that can happen at once happened.
async fn arrival(server: &Server, speech: Speech, document: &DocumentName) -> ClientEnd {
    let end = server.connect(1 << 20, speech, document, &token("ann", Right::Editor, None));
    settle().await;
    end
}

#[test]
fn it_does_not_wait_for_a_room_that_is_loaded() {
    crate::paused(async {
        let server = server().await;
        server.log().weather(Weather { slow_ms: 60_000, ..Weather::default() });
        let document = DocumentName::new("slow").expect("a name");
        for speech in [Speech::YSync, Speech::Hocuspocus] {
            let end = arrival(&server, speech, &document).await;
            assert_eq!(end.take(usize::MAX), ANSWER, "{speech:?}");
        }
    });
}

#[test]
fn it_leaves_in_one_write_with_the_question_of_a_room_that_lives() {
    crate::paused(async {
        let server = server().await;
        let document = DocumentName::new("live").expect("a name");
        let token = token("ann", Right::Editor, None);
        let mut first = Client::newcomer(document.clone(), 7);
        first.open(server.connect(1 << 20, Speech::YSync, &document, &token), &token);
        while !first.is_synced() {
            first.exchange();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let end = arrival(&server, Speech::YSync, &document).await;
        let came = end.take(usize::MAX);
        assert!(came.starts_with(ANSWER) && came.len() > ANSWER.len(), "{came:?}");
        assert_eq!(end.writes_made(), 1);
    });
}
