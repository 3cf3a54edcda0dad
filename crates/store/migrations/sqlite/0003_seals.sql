PRAGMA user_version = 3;

-- A journal's rows are links of a chain: `hash` is the link behind the row, as hex. None: of before there was a chain.
ALTER TABLE journal ADD COLUMN hash TEXT;

-- What journal and recording of a finished instance were signed as. Empty: it had ended before there were seals.
ALTER TABLE instances ADD COLUMN seal TEXT;
UPDATE instances SET seal = '' WHERE status = 'Finished';
CREATE INDEX instances_unsealed ON instances (ended_ms, id) WHERE status = 'Finished' AND seal IS NULL;
