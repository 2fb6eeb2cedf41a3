//! The writes that both databases do alike, and how a write is run to its end.

use std::time::{SystemTime, UNIX_EPOCH};

use sea_orm::{DatabaseConnection, DbErr};
use tandem_model::log::{Installed, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch, Seq};

use crate::entities::document_snapshot;
use crate::queries::{self, documents, snapshots, updates};

/// Runs a write to its end, whether or not its caller stays to hear of it.
pub async fn owned<T: Send + 'static>(
    write: impl Future<Output = Result<T, LogError>> + Send + 'static,
) -> Result<T, LogError> {
    match tokio::spawn(write).await {
        Ok(outcome) => outcome,
        Err(ended) => Err(LogError::Unavailable(format!("the write ended early: {ended}"))),
    }
}

/// Makes a name live, if it is not. Needs no transaction: each of its statements alone leaves a true state.
pub async fn create(connection: &DatabaseConnection, name: &DocumentName) -> Result<documents::Found, DbErr> {
    loop {
        match documents::by_name(connection, name.as_str()).await? {
            Some(found) if found.deleted_at.is_none() => return Ok(found),
            // It may be deleted again before it is read: then it is made again.
            _ => documents::make_live(connection, name.as_str(), now_ms()).await?,
        }
    }
}

/// Installs a snapshot under the document's row lock; `None` if there is no such document. `tail` is the newest of its
/// rows that are not yet at the document.
pub async fn install_snapshot(
    connection: &DatabaseConnection,
    document: DocumentId,
    epoch: Epoch,
    snapshot: Row,
    tail: Option<Seq>,
) -> Result<Option<Installed>, DbErr> {
    let transaction = queries::begin_write(connection).await?;
    let Some(mut found) = documents::locked(&transaction, document).await? else {
        return Ok(None);
    };
    // The tail's rows are not at the document yet: a read between would miss them there.
    let noted = found.head().max(snapshot.seq.0);
    found.raise(tail);
    let newest = snapshots::newest_seq(&transaction, document).await?.unwrap_or(found.base);
    let current = found.epoch == epoch.0 && found.deleted_at.is_none();
    if !current || snapshot.seq.0 <= newest || snapshot.seq.0 > found.head() {
        return Ok(Some(Installed::Superseded));
    }
    let (seq, payload) = (snapshot.seq.0, snapshot.payload.into());
    snapshots::insert(&transaction, document_snapshot::Model { document: document.0, seq, payload }).await?;
    snapshots::remove_before(&transaction, document, seq).await?;
    documents::note_head(&transaction, document, noted).await?;
    transaction.commit().await?;
    Ok(Some(Installed::Yes))
}

/// Deletes a document under its row lock; `None` if there is no such document. `tail` as above.
pub async fn delete(
    connection: &DatabaseConnection,
    document: DocumentId,
    tombstone: &[u8],
    tail: Option<Seq>,
) -> Result<Option<()>, DbErr> {
    let transaction = queries::begin_write(connection).await?;
    let Some(mut found) = documents::locked(&transaction, document).await? else {
        return Ok(None);
    };
    found.raise(tail);
    documents::mark_deleted(&transaction, document, found.head(), tombstone, now_ms()).await?;
    updates::remove(&transaction, document).await?;
    snapshots::remove_before(&transaction, document, i64::MAX).await?;
    transaction.commit().await?;
    Ok(Some(()))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
