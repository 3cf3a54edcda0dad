use super::row::Reading;
use crate::database::{self, Database, Write};
use crate::{ListedVoiceprint, RegistrationMode, StoreError, VoiceprintQuery, VoiceprintRecord, limits};

const READ: &str = "read voiceprints";

pub(super) async fn put<D: Database>(database: &D, voiceprint: &VoiceprintRecord) -> Result<(), StoreError> {
    limits::text("a voiceprint's id", &voiceprint.id, limits::VOICEPRINT_ID_BYTES)?;
    limits::at_most("a voiceprint's audio", voiceprint.audio.len(), limits::VOICEPRINT_BYTES)?;
    let mut write = Write::begin(database, "store a voiceprint").await?;
    let values = [
        voiceprint.id.as_str().into(),
        voiceprint.mode.as_str().into(),
        voiceprint.audio.as_slice().into(),
        voiceprint.created_ms.into(),
        voiceprint.modified_ms.into(),
    ];
    let statement = "INSERT INTO voiceprints (id, mode, audio, created_ms, modified_ms) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (id, mode) DO UPDATE SET audio = excluded.audio, modified_ms = excluded.modified_ms";
    write.execute(statement, &values).await?;
    write.commit().await
}

pub(super) async fn one<D: Database>(
    database: &D,
    id: &str,
    mode: RegistrationMode,
) -> Result<Option<VoiceprintRecord>, StoreError> {
    if limits::has_nul(id) {
        return Ok(None);
    }
    let statement = "SELECT id, mode, audio, created_ms, modified_ms FROM voiceprints WHERE id = $1 AND mode = $2";
    let Some(row) = database::row(database, READ, statement, &[id.into(), mode.as_str().into()]).await? else {
        return Ok(None);
    };
    let row = Reading { row: &row, operation: READ };
    Ok(Some(VoiceprintRecord {
        id: row.owned("id")?,
        mode: row.word("mode", RegistrationMode::ALL, RegistrationMode::as_str)?,
        audio: row.bytes("audio")?,
        created_ms: row.integer("created_ms")?,
        modified_ms: row.integer("modified_ms")?,
    }))
}

pub(super) async fn delete<D: Database>(database: &D, id: &str, mode: RegistrationMode) -> Result<bool, StoreError> {
    if limits::has_nul(id) {
        return Ok(false);
    }
    let mut write = Write::begin(database, "delete a voiceprint").await?;
    let statement = "DELETE FROM voiceprints WHERE id = $1 AND mode = $2";
    let deleted = write.execute(statement, &[id.into(), mode.as_str().into()]).await?;
    write.commit().await?;
    Ok(deleted > 0)
}

/// Two reads: the number may be of a moment later than the page.
pub(super) async fn list<D: Database>(
    database: &D,
    query: &VoiceprintQuery,
) -> Result<(Vec<ListedVoiceprint>, u64), StoreError> {
    let limit = limits::rows(query.limit, limits::LIST_ROWS)?;
    let id = query.id.as_deref();
    if id.is_some_and(limits::has_nul) {
        return Ok((Vec::new(), 0));
    }
    let values = [query.mode.as_str().into(), id.into(), limit.into(), i64::from(query.offset).into()];
    let statement = "SELECT id, created_ms, modified_ms FROM voiceprints \
                     WHERE mode = $1 AND id = COALESCE($2, id) ORDER BY created_ms, id LIMIT $3 OFFSET $4";
    let rows = database::rows(database, READ, statement, &values).await?;
    let page = rows.iter().map(|row| {
        let row = Reading { row, operation: READ };
        Ok(ListedVoiceprint {
            id: row.owned("id")?,
            created_ms: row.integer("created_ms")?,
            modified_ms: row.integer("modified_ms")?,
        })
    });
    let page = page.collect::<Result<_, StoreError>>()?;
    let statement = "SELECT COUNT(*) AS number FROM voiceprints WHERE mode = $1 AND id = COALESCE($2, id)";
    let row = database::row(database, READ, statement, &values[..2]).await?.expect("an aggregate answers one row");
    let total = Reading { row: &row, operation: READ }.unsigned("number")?;
    Ok((page, total))
}
