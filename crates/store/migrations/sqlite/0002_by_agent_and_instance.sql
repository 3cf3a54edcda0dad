PRAGMA user_version = 2;

CREATE INDEX instances_unfinished_by_agent ON instances (agent_id) WHERE status <> 'Finished';
CREATE INDEX dialogues_by_instance ON dialogues (instance_id, time_ms, position);
