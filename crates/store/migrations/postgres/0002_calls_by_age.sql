-- All calls, newest first, whoever their agent is.
CREATE INDEX instances_by_age ON instances (created_ms, id);
