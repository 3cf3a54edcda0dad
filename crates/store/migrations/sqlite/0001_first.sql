-- Times are Unix milliseconds, JSON is TEXT. Each migration sets `user_version` to its number.

-- "ring": says whose database this is.
PRAGMA application_id = 0x72696e67;
PRAGMA user_version = 1;

CREATE TABLE agents (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    config TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    -- A deleted agent stays for its instances.
    deleted_ms BIGINT
);

CREATE TABLE access_keys (
    id TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    operations TEXT,
    created_ms BIGINT NOT NULL
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE instances (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    channel_id TEXT NOT NULL,
    -- Unknown until somebody joins, where the caller chose the channel.
    user_id TEXT,
    agent_user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('Created', 'Executing', 'Finished')),
    config TEXT NOT NULL,
    template TEXT NOT NULL,
    runtime TEXT NOT NULL,
    user_data TEXT,
    setup TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT,
    end_reason TEXT,
    recordings TEXT
);
CREATE INDEX instances_by_agent ON instances (agent_id, created_ms);
CREATE INDEX instances_unfinished ON instances (created_ms) WHERE status <> 'Finished';
CREATE INDEX instances_unfinished_by_agent ON instances (agent_id) WHERE status <> 'Finished';

CREATE TABLE journal (
    instance_id TEXT NOT NULL REFERENCES instances (id),
    seq BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    step TEXT NOT NULL,
    outputs TEXT NOT NULL,
    PRIMARY KEY (instance_id, seq)
);

-- `position` orders entries of the same millisecond.
CREATE TABLE dialogues (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_id TEXT NOT NULL,
    instance_id TEXT NOT NULL REFERENCES instances (id),
    round TEXT NOT NULL,
    producer TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    time_ms BIGINT NOT NULL,
    interrupted BOOLEAN NOT NULL
);
CREATE INDEX dialogues_by_session ON dialogues (session_id, time_ms, position);
CREATE INDEX dialogues_by_instance ON dialogues (instance_id, time_ms, position);

-- How people sound who are to be known again: 16 kHz mono, signed 16-bit little-endian.
CREATE TABLE voiceprints (
    id TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('Explicit', 'Implicit')),
    audio BLOB NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    PRIMARY KEY (id, mode)
);
CREATE INDEX voiceprints_by_age ON voiceprints (mode, created_ms, id);

-- What happened and is still to be told. A position is never used again: whoever was late settles nobody else's event.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id TEXT NOT NULL REFERENCES instances (id),
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    -- Attempts begun so far.
    attempts BIGINT NOT NULL,
    -- Not to be claimed before.
    due_ms BIGINT NOT NULL
);
CREATE INDEX outbox_by_instance ON outbox (instance_id, position);
CREATE INDEX outbox_by_due ON outbox (due_ms, position);
