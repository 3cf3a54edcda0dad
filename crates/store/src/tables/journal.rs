use super::row::Reading;
use super::{instances, outbox};
use crate::database::{self, Database, Row, Value, Write, failed, in_time};
use crate::{ChainedRow, EventRecord, JournalRow, StoreError, limits};
use futures_util::TryStreamExt;
use ringline_model::InstanceId;
use ringline_model::chain::{self, Hash};

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
    let last = "SELECT seq, hash FROM journal WHERE instance_id = $1 ORDER BY seq DESC LIMIT 1";
    let last = write.row(last, &[id.as_str().into()]).await?;
    let (mut next, mut link) = (0, None);
    if let Some(last) = &last {
        let last = Reading { row: last, operation: write.operation };
        next = last.integer("seq")? + 1;
        // Without one the journal was begun by a version that had no chain, and goes on without.
        link = hash(&last)?;
    } else if !rows.is_empty() {
        link = Some(start(&mut write, id).await?);
    }
    let mut links = Vec::with_capacity(rows.len());
    for row in rows {
        if limits::signed("a journal row's seq", row.seq)? != next {
            let instance = id.as_str().to_owned();
            return Err(StoreError::JournalGap { instance, expected: next.unsigned_abs(), found: row.seq });
        }
        next += 1;
        link = link.map(|before| chain::journal_link(&before, row.seq, row.at_us, &row.step, &row.outputs));
        links.push(link.map(|link| link.to_string()));
    }
    // A statement costs more than a row: it crosses to the connection's thread, or the network, and back.
    let (fours, rest) = rows.as_chunks::<4>();
    let (links_of_fours, links_of_rest) = links.as_chunks::<4>();
    for (four, links) in fours.iter().zip(links_of_fours) {
        insert(&mut write, id, INSERT_FOUR, four, links).await?;
    }
    for (one, link) in rest.iter().zip(links_of_rest) {
        insert(&mut write, id, INSERT_ONE, std::slice::from_ref(one), std::slice::from_ref(link)).await?;
    }
    outbox::put(&mut write, id, events).await?;
    write.commit().await
}

const INSERT_ONE: &str = "INSERT INTO journal (instance_id, seq, at_us, step, outputs, hash) \
                          VALUES ($1, $2, $3, $4, $5, $6)";
const INSERT_FOUR: &str = "INSERT INTO journal (instance_id, seq, at_us, step, outputs, hash) \
                           VALUES ($1, $2, $3, $4, $5, $6), ($1, $7, $8, $9, $10, $11), \
                           ($1, $12, $13, $14, $15, $16), ($1, $17, $18, $19, $20, $21)";

/// The chain's beginning.
async fn start<D: Database>(write: &mut Write<'_, D>, id: &InstanceId) -> Result<Hash, StoreError> {
    let setup = write.row(SETUP, &[id.as_str().into()]).await?.ok_or_else(|| instances::unknown(id))?;
    let setup = Reading { row: &setup, operation: write.operation }.owned("setup")?;
    Ok(chain::journal_start(id, &setup))
}

const SETUP: &str = "SELECT setup FROM instances WHERE id = $1";

fn hash<R: Row>(row: &Reading<'_, R>) -> Result<Option<Hash>, StoreError> {
    let corrupt = StoreError::Corrupt { what: "hash of a journal row" };
    row.optional_owned("hash")?.map(|text| Hash::parse(&text).ok_or(corrupt)).transpose()
}

/// Inserts as many rows as the statement has.
async fn insert<D: Database>(
    write: &mut Write<'_, D>,
    id: &InstanceId,
    statement: &'static str,
    rows: &[JournalRow],
    links: &[Option<String>],
) -> Result<(), StoreError> {
    let mut values = Vec::with_capacity(1 + 5 * rows.len());
    values.push(id.as_str().into());
    for (row, link) in rows.iter().zip(links) {
        let of_row: [Value<'_>; 5] = [
            limits::signed("a journal row's seq", row.seq)?.into(),
            limits::signed("a journal row's time", row.at_us)?.into(),
            row.step.as_str().into(),
            row.outputs.as_str().into(),
            link.as_deref().into(),
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
) -> Result<Vec<ChainedRow>, StoreError> {
    const OPERATION: &str = "read a journal";
    let values = [
        id.as_str().into(),
        limits::signed("a journal row's seq", from_seq)?.into(),
        limits::rows(limit, limits::LIST_ROWS)?.into(),
    ];
    let statement = "SELECT seq, at_us, step, outputs, hash FROM journal WHERE instance_id = $1 AND seq >= $2 \
                     ORDER BY seq LIMIT $3";
    let mut found = database.rows(statement, &values);

    let mut page = Vec::new();
    let mut bytes = 0;
    while bytes < limits::JOURNAL_PAGE_BYTES
        && let Some(row) = in_time(found.try_next()).await.map_err(failed::<D>(OPERATION))?
    {
        let reading = Reading { row: &row, operation: OPERATION };
        let row = JournalRow {
            seq: reading.unsigned("seq")?,
            at_us: reading.unsigned("at_us")?,
            step: reading.owned("step")?,
            outputs: reading.owned("outputs")?,
        };
        bytes += size(&row);
        page.push(ChainedRow { row, hash: reading.optional_owned("hash")? });
    }
    Ok(page)
}

/// The text that the chain begins with.
pub(super) async fn head<D: Database>(database: &D, id: &InstanceId) -> Result<Option<String>, StoreError> {
    const OPERATION: &str = "read a journal's head";
    let row = database::row(database, OPERATION, SETUP, &[id.as_str().into()]).await?;
    row.map(|row| Reading { row: &row, operation: OPERATION }.owned("setup")).transpose()
}
