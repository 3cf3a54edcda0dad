use super::row::{Reading, failed, rejected};
use super::{SqlitePool, SqliteStore};
use crate::{JournalRow, StoreError, limits};
use futures_util::TryStreamExt;
use ringline_model::InstanceId;

impl SqliteStore {
    pub(super) async fn append_journal_rows(&self, id: &InstanceId, rows: &[JournalRow]) -> Result<(), StoreError> {
        const OPERATION: &str = "append to a journal";
        check_sizes(rows)?;
        let mut tx = self.write(OPERATION).await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT MAX(seq) FROM journal WHERE instance_id = $1")
            .bind(id.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed(OPERATION))?;
        for (next, row) in (last.map_or(0, |last| last + 1)..).zip(rows) {
            let seq = limits::signed("a journal row's seq", row.seq)?;
            if seq != next {
                let instance = id.as_str().to_owned();
                return Err(StoreError::JournalGap { instance, expected: next.unsigned_abs(), found: row.seq });
            }
            sqlx::query("INSERT INTO journal (instance_id, seq, at_us, step, outputs) VALUES ($1, $2, $3, $4, $5)")
                .bind(id.as_str())
                .bind(seq)
                .bind(limits::signed("a journal row's time", row.at_us)?)
                .bind(&row.step)
                .bind(&row.outputs)
                .execute(&mut *tx)
                .await
                .map_err(rejected(OPERATION, ("journal row", id.as_str()), ("instance", id.as_str())))?;
        }
        self.commit(tx, OPERATION).await
    }
}

fn check_sizes(rows: &[JournalRow]) -> Result<(), StoreError> {
    limits::at_most("the number of journal rows", rows.len(), limits::JOURNAL_BATCH_ROWS)?;
    for row in rows {
        limits::text("a journal row's step", &row.step, limits::JOURNAL_TEXT_BYTES)?;
        limits::text("a journal row's outputs", &row.outputs, limits::JOURNAL_TEXT_BYTES)?;
    }
    limits::at_most("a batch of journal rows", rows.iter().map(size).sum(), limits::JOURNAL_BATCH_BYTES)
}

fn size(row: &JournalRow) -> usize {
    row.step.len() + row.outputs.len()
}

pub(super) async fn page(
    reader: &SqlitePool,
    id: &InstanceId,
    from_seq: u64,
    limit: u32,
) -> Result<Vec<JournalRow>, StoreError> {
    const OPERATION: &str = "read a journal";
    let mut found = sqlx::query(
        "SELECT seq, at_us, step, outputs FROM journal WHERE instance_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3",
    )
    .bind(id.as_str())
    .bind(limits::signed("a journal row's seq", from_seq)?)
    .bind(limits::rows(limit, limits::LIST_ROWS)?)
    .fetch(reader);

    let mut page = Vec::new();
    let mut bytes = 0;
    while bytes < limits::JOURNAL_PAGE_BYTES
        && let Some(row) = found.try_next().await.map_err(failed(OPERATION))?
    {
        let row = Reading { row: &row, operation: OPERATION };
        let row = JournalRow {
            seq: row.unsigned("seq")?,
            at_us: row.unsigned("at_us")?,
            step: row.get("step")?,
            outputs: row.get("outputs")?,
        };
        bytes += size(&row);
        page.push(row);
    }
    Ok(page)
}
