use super::row::Reading;
use super::{instances, outbox};
use crate::database::{Database, Value, Write, failed, in_time};
use crate::{EventRecord, JournalRow, StoreError, limits};
use futures_util::TryStreamExt;
use ringline_model::InstanceId;

pub(super) async fn append<D: Database>(
    database: &D,
    id: &InstanceId,
    rows: &[JournalRow],
    events: &[EventRecord],
) -> Result<(), StoreError> {
    check_sizes(rows)?;
    outbox::check(events)?;
    let mut write = Write::begin(database, "append to a journal").await?;
    // Of two appends at once the second sees what the first has stored.
    instances::hold(&mut write, id).await?;
    let last = "SELECT MAX(seq) AS last FROM journal WHERE instance_id = $1";
    let last = write.row(last, &[id.as_str().into()]).await?.expect("an aggregate answers one row");
    let last = Reading { row: &last, operation: write.operation }.optional_integer("last")?;
    for (next, row) in (last.map_or(0, |last| last + 1)..).zip(rows) {
        if limits::signed("a journal row's seq", row.seq)? != next {
            let instance = id.as_str().to_owned();
            return Err(StoreError::JournalGap { instance, expected: next.unsigned_abs(), found: row.seq });
        }
    }
    // A statement costs more than a row: it crosses to the connection's thread, or the network, and back.
    let (fours, rest) = rows.as_chunks::<4>();
    for four in fours {
        insert(&mut write, id, INSERT_FOUR, four).await?;
    }
    for one in rest {
        insert(&mut write, id, INSERT_ONE, std::slice::from_ref(one)).await?;
    }
    outbox::put(&mut write, id, events).await?;
    write.commit().await
}

const INSERT_ONE: &str = "INSERT INTO journal (instance_id, seq, at_us, step, outputs) VALUES ($1, $2, $3, $4, $5)";
const INSERT_FOUR: &str = "INSERT INTO journal (instance_id, seq, at_us, step, outputs) \
                           VALUES ($1, $2, $3, $4, $5), ($1, $6, $7, $8, $9), \
                           ($1, $10, $11, $12, $13), ($1, $14, $15, $16, $17)";

/// Inserts as many rows as the statement has.
async fn insert<D: Database>(
    write: &mut Write<'_, D>,
    id: &InstanceId,
    statement: &'static str,
    rows: &[JournalRow],
) -> Result<(), StoreError> {
    let mut values = Vec::with_capacity(1 + 4 * rows.len());
    values.push(id.as_str().into());
    for row in rows {
        let of_row: [Value<'_>; 4] = [
            limits::signed("a journal row's seq", row.seq)?.into(),
            limits::signed("a journal row's time", row.at_us)?.into(),
            row.step.as_str().into(),
            row.outputs.as_str().into(),
        ];
        values.extend(of_row);
    }
    write.insert(statement, &values, ("journal row", id.as_str()), ("instance", id.as_str())).await
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

pub(super) async fn page<D: Database>(
    database: &D,
    id: &InstanceId,
    from_seq: u64,
    limit: u32,
) -> Result<Vec<JournalRow>, StoreError> {
    const OPERATION: &str = "read a journal";
    let values = [
        id.as_str().into(),
        limits::signed("a journal row's seq", from_seq)?.into(),
        limits::rows(limit, limits::LIST_ROWS)?.into(),
    ];
    let statement =
        "SELECT seq, at_us, step, outputs FROM journal WHERE instance_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    let mut found = database.rows(statement, &values);

    let mut page = Vec::new();
    let mut bytes = 0;
    while bytes < limits::JOURNAL_PAGE_BYTES
        && let Some(row) = in_time(found.try_next()).await.map_err(failed::<D>(OPERATION))?
    {
        let row = Reading { row: &row, operation: OPERATION };
        let row = JournalRow {
            seq: row.unsigned("seq")?,
            at_us: row.unsigned("at_us")?,
            step: row.owned("step")?,
            outputs: row.owned("outputs")?,
        };
        bytes += size(&row);
        page.push(row);
    }
    Ok(page)
}
