//! The statement that appends.

use sea_orm::sqlx::{self, PgConnection, Row};
use tandem_model::Seq;
use tandem_model::log::{Append, Appended};

/// One statement, which commits by itself.
///
/// `locked` takes the documents' rows in the order of their numbers, so that two appends never wait for each other, and
/// sees each as the one before it left it: after a wait the row is read again. A document that is deleted is not in it,
/// one in another epoch is not joined. The locks hold until the commit, so positions have no gaps and become visible in
/// their order.
pub const APPEND: &str = "\
WITH given AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) WITH ORDINALITY AS given (document, epoch, payload, place)
), locked AS (
    SELECT id, epoch, head FROM documents WHERE id = ANY($1) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE
), numbered AS (
    SELECT place, document, payload, head + row_number() OVER (PARTITION BY document ORDER BY place) AS seq
    FROM given JOIN locked ON locked.id = given.document AND locked.epoch = given.epoch
), raised AS (
    UPDATE documents SET head = reached.head
    FROM (SELECT document, max(seq) AS head FROM numbered GROUP BY document) AS reached
    WHERE documents.id = reached.document
), written AS (
    INSERT INTO document_updates (document, seq, payload) SELECT document, seq, payload FROM numbered
)
SELECT place, seq FROM numbered";

/// Appends the rows; answers one outcome for each, in their order.
pub async fn append(connection: &mut PgConnection, rows: &[Append]) -> Result<Vec<Appended>, sqlx::Error> {
    let documents: Vec<i64> = rows.iter().map(|row| row.document.0).collect();
    let epochs: Vec<i64> = rows.iter().map(|row| row.epoch.0).collect();
    let payloads: Vec<&[u8]> = rows.iter().map(|row| &*row.payload).collect();
    let written = sqlx::query(APPEND).bind(documents).bind(epochs).bind(payloads).fetch_all(connection).await?;
    let mut outcomes = vec![Appended::Gone; rows.len()];
    for row in written {
        let (place, seq): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let at = usize::try_from(place - 1).ok().and_then(|place| outcomes.get_mut(place));
        *at.ok_or_else(|| sqlx::Error::Protocol(format!("a row at place {place} of {}", rows.len())))? =
            Appended::At(Seq(seq));
    }
    Ok(outcomes)
}
