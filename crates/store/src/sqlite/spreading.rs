//! From segments to documents.
//!
//! A commit writes one row, its segment, and its rows are in the [`Tail`]. Many commits later they are spread: written to
//! their documents in one transaction, which removes the segments. Those of a document become a row or few, packs: the price of one
//! is shared by as many as came together. A process that died before finds its segments when
//! it opens the file.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tandem_model::DocumentId;
use tandem_model::log::Row;

use super::segment::{self, Damaged};
use crate::entities::document_update;
use crate::pack::pack;
use crate::queries::{self, documents, segments, updates};
use crate::tail::Tail;

/// An append of more bytes goes to its documents at once: it would be written twice, and touches many pages anyway.
pub const SEGMENT_BYTES_MAX: usize = 256 << 10;

/// The bytes that wait before they go to their documents, as many rows as they may be.
pub const TAIL_BYTES: usize = 1 << 20;

/// So many times as many rows or bytes are the most that wait.
pub const TAILS_MAX: usize = 4;

/// The most rows of one statement: more is no cheaper a row, and each holds memory for as long as it stays prepared.
const ROWS_PREPARED_MAX: usize = 256;

/// Fills the tail with what the file's segments hold, but for what was deleted since. Answers the newest segment's number, 0
/// if there is none.
pub async fn recover(connection: &DatabaseConnection, tail: &Tail) -> Result<i64, DbErr> {
    let mut rows = Vec::new();
    let mut newest = 0;
    for one in segments::all(connection).await? {
        newest = one.id;
        rows.extend(segment::decode(one.payload).map_err(|Damaged| damaged(one.id))?);
    }
    let bases = bases(connection, &rows).await?;
    rows.retain(|(document, row)| bases.get(&document.0).is_some_and(|base| row.seq.0 > *base));
    if !rows.is_empty() {
        tracing::info!(rows = rows.len(), "found commits that were not at their documents yet");
    }
    tail.replace(rows);
    Ok(newest)
}

/// Writes the tail's rows to their documents; the tail is emptied by whoever sees that it went well.
pub async fn spread(connection: &DatabaseConnection, tail: &Tail) -> Result<(), DbErr> {
    let rows = pack(&tail.sorted());
    let transaction = queries::begin_write(connection).await?;
    // First, for a file at its bound has no other room.
    segments::remove(&transaction).await?;
    insert(&transaction, rows).await?;
    transaction.commit().await
}

/// Writes rows to their documents. Each statement has a power of two of them: few texts, which stay prepared.
pub async fn insert(connection: &impl ConnectionTrait, mut rows: Vec<document_update::Model>) -> Result<(), DbErr> {
    while let Some(power) = rows.len().min(ROWS_PREPARED_MAX).checked_ilog2() {
        let rest = rows.split_off(1 << power);
        updates::insert(connection, rows).await?;
        rows = rest;
    }
    Ok(())
}

async fn bases(connection: &DatabaseConnection, rows: &[(DocumentId, Row)]) -> Result<HashMap<i64, i64>, DbErr> {
    let mut wanted: Vec<DocumentId> = rows.iter().map(|(document, _)| *document).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut bases = HashMap::new();
    for part in wanted.chunks(documents::DOCUMENTS_A_QUESTION) {
        bases.extend(documents::bases(connection, part).await?);
    }
    Ok(bases)
}

fn damaged(id: i64) -> DbErr {
    DbErr::Custom(format!(
        "segment {id} of the newest commits is damaged: restore a backup, or give up what it holds with \
         DELETE FROM document_segments WHERE id = {id}"
    ))
}
