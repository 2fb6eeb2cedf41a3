//! After the storm: everybody comes back, and everything must be equal.

use std::time::Duration;

use tandem_actors::row::{decode_row, decode_snapshot};
use tandem_model::{DocumentName, Right};
use tokio::time::Instant;
use yrs::Snapshot;

use crate::authority::token;
use crate::client::{Client, Event, Intent, Speech};
use crate::ledger::Claim;
use crate::log::Weather;
use crate::node;
use crate::replica::{Replica, View};
use crate::world::World;

/// How long it may take until all is equal: longer than a document may be down, and than all questions take.
const QUIET_WITHIN: Duration = Duration::from_secs(150);

/// How long nothing may change before it counts as quiet.
const STILL: Duration = Duration::from_secs(2);

/// A session looks for a document that is down at least this often, and some more.
const TRIES_AGAIN: Duration = Duration::from_secs(35);

/// What a copy held when it was last looked at: reading it whole is what a seed's time would go into.
struct Standing {
    changes: u64,
    snapshot: Snapshot,
    own: Claim,
}

impl Standing {
    fn of(replica: &Replica) -> Self {
        Self { changes: replica.changes(), snapshot: replica.snapshot(), own: Claim::of(&replica.whole()) }
    }

    /// Looks again, if it may have changed; says whether it did.
    fn renew(&mut self, replica: &Replica) -> bool {
        if replica.changes() == self.changes {
            return false;
        }
        let now = Self::of(replica);
        let moved = now.snapshot != self.snapshot;
        *self = now;
        moved
    }
}

impl World {
    /// Lets everything calm down, then compares.
    ///
    /// # Errors
    /// What is not as it must be.
    pub async fn calm(&mut self) -> Result<(), String> {
        self.story.tell("calm", &[]);
        self.server.log().weather(Weather { slow_ms: 4, ..Weather::default() });
        self.server.log().fail_no_more();
        node::panic_no_more();
        self.everybody_listens();
        let end = Instant::now() + QUIET_WITHIN;
        let mut still_since = None;
        let mut standings: Vec<Standing> = self.people.iter().map(|one| Standing::of(&one.client.replica)).collect();
        loop {
            self.come_back_soon();
            self.move_bytes(100);
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.story.verdict()?;
            let mut moved = false;
            for (standing, one) in standings.iter_mut().zip(&self.people) {
                moved |= standing.renew(&one.client.replica);
            }
            let unsettled = self.unsettled(&standings);
            if unsettled.is_some() || moved {
                still_since = None;
            } else if Instant::now() >= *still_since.get_or_insert_with(Instant::now) + STILL {
                break;
            }
            if Instant::now() > end {
                return Err(format!("it does not calm down: {}", unsettled.unwrap_or_else(|| "it moves on".into())));
            }
        }
        if self.compare().await.is_ok() {
            return Ok(());
        }
        // Whoever only reads misses nothing that shows: its session may wait before it looks for its document again.
        self.story.tell("another try", &[]);
        for _ in 0..TRIES_AGAIN.as_millis() / 50 {
            self.move_bytes(100);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.compare().await
    }

    /// What somebody still waits for.
    fn unsettled(&self, standings: &[Standing]) -> Option<String> {
        self.people.iter().zip(standings).find_map(|(one, standing)| {
            let client = &one.client;
            let name = &client.name;
            let Some(connection) = &client.connection else { return Some(format!("{name} is away")) };
            if connection.denied {
                return Some(format!("{name} is denied"));
            }
            if !connection.synced {
                return Some(format!("{name} was never answered"));
            }
            if !connection.outgoing.is_empty() {
                return Some(format!("{name} has something to say"));
            }
            if client.intent != Intent::Intruder && client.speech == Speech::Hocuspocus {
                if connection.owed() > 0 && !connection.loose {
                    let number = self.server.log().number(&client.document);
                    let lacks = connection.first_owed().and_then(|claim| self.ledger.lacks(number, claim));
                    let lacks = lacks.unwrap_or_else(|| "nothing".into());
                    return Some(format!("{name} is owed {}; of the first, {lacks} is not stored", connection.owed()));
                }
                // A forger is told 0, and stays unsaved.
                if client.unsynced > 0 && !connection.loose && client.intent != Intent::Forger {
                    return Some(format!("{name} counts {} unsaved changes", client.unsynced));
                }
            }
            let number = self.server.log().number(&client.document);
            if client.is_faithful() {
                return self
                    .ledger
                    .lacks(number, &standing.own)
                    .map(|lacks| format!("{name} holds what is not stored: {lacks}"));
            }
            None
        })
    }

    async fn compare(&mut self) -> Result<(), String> {
        for document in 0..self.plan.documents {
            let name = DocumentName::new(&format!("d{document}")).expect("a name");
            let cold = self.cold(&name).await?;
            let served = self.newcomer(&name).await?;
            equal(&format!("{name}: what a newcomer is served"), &served, "a cold load", &cold)?;
            for one in self.people.iter().filter(|one| one.client.document == name && one.client.is_faithful()) {
                equal(&format!("{name}: {}", one.client.name), &one.client.replica.view(), "a cold load", &cold)?;
            }
        }
        for one in &self.people {
            let client = &one.client;
            let number = self.server.log().number(&client.document);
            if let Some(lacks) = self.ledger.lacks(number, &client.acknowledged) {
                return Err(format!("{} was told saved what is lost: {lacks}", client.name));
            }
        }
        if self.server.gave_up() {
            return Err("the node gave up".into());
        }
        self.story.verdict()
    }

    /// What a cold start reads, applied by a fresh Yjs.
    async fn cold(&self, name: &DocumentName) -> Result<View, String> {
        let replica = Replica::new(1 << 30);
        let Some(loaded) = self.server.log().cold(name).await.map_err(|error| error.to_string())? else {
            return Ok(replica.view());
        };
        if let Some(row) = &loaded.snapshot {
            let snapshot = decode_snapshot(&row.payload).map_err(|error| error.to_string())?;
            replica.apply(&snapshot.update).map_err(|error| format!("the snapshot at {}: {error}", row.seq))?;
        }
        for row in &loaded.rows {
            let contributions = decode_row(&row.payload).map_err(|error| error.to_string())?;
            let updates: Vec<&[u8]> = contributions.iter().map(|one| &*one.update).collect();
            let update = yrs::merge_updates_v1(updates).map_err(|error| error.to_string())?;
            replica.apply(&update).map_err(|error| format!("row {}: {error}", row.seq))?;
        }
        Ok(replica.view())
    }

    /// What the room serves to somebody new.
    async fn newcomer(&mut self, name: &DocumentName) -> Result<View, String> {
        let token = token("newcomer", Right::Viewer, None);
        let mut client = Client::newcomer(name.clone(), 1 << 29);
        client.open(self.server.connect(1 << 20, Speech::YSync, name, &token), &token);
        for _ in 0..200 {
            for event in client.exchange() {
                if let Event::Broken(what) | Event::Refused(what) = event {
                    return Err(format!("a newcomer was sent {what}"));
                }
            }
            if client.is_synced() {
                return Ok(client.replica.view());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("a newcomer was not answered".into())
    }
}

fn equal(what: &str, one: &View, than: &str, other: &View) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what} is not {than}:\n{one:?}\n{other:?}")) }
}
