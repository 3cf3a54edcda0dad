-- Times are Unix milliseconds, JSON is TEXT (it comes back byte for byte). Texts that are ordered by have the "C"
-- collation: by bytes, whatever the database's language is.

CREATE TABLE agents (
    id TEXT COLLATE "C" PRIMARY KEY,
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
    id TEXT COLLATE "C" PRIMARY KEY,
    secret TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    operations TEXT,
    created_ms BIGINT NOT NULL
);

CREATE TABLE settings (
    name TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE instances (
    id TEXT COLLATE "C" PRIMARY KEY,
    agent_id TEXT COLLATE "C" NOT NULL REFERENCES agents (id),
    channel_id TEXT NOT NULL,
    -- Unknown until somebody joins, where the caller chose the channel.
    user_id TEXT,
    agent_user_id TEXT NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
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
CREATE INDEX instances_by_agent ON instances (agent_id, created_ms, id);
CREATE INDEX instances_unfinished ON instances (created_ms) WHERE status <> 'Finished';
CREATE INDEX instances_unfinished_by_agent ON instances (agent_id) WHERE status <> 'Finished';

CREATE TABLE journal (
    instance_id TEXT COLLATE "C" NOT NULL REFERENCES instances (id),
    seq BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    step TEXT NOT NULL,
    outputs TEXT NOT NULL,
    PRIMARY KEY (instance_id, seq)
);

-- `position` orders entries of the same millisecond.
CREATE TABLE dialogues (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    session_id TEXT COLLATE "C" NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL REFERENCES instances (id),
    round TEXT COLLATE "C" NOT NULL,
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
    id TEXT COLLATE "C" NOT NULL,
    mode TEXT COLLATE "C" NOT NULL CHECK (mode IN ('Explicit', 'Implicit')),
    audio BYTEA NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    PRIMARY KEY (id, mode)
);
CREATE INDEX voiceprints_by_age ON voiceprints (mode, created_ms, id);

-- What happened and is still to be told. A position is never used again: whoever was late settles nobody else's event.
CREATE TABLE outbox (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id TEXT COLLATE "C" NOT NULL REFERENCES instances (id),
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
