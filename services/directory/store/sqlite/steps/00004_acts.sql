-- +goose Up
-- The audit log: see store.Act. Ids begin with the time, so they are the order, and each index ends with them.
CREATE TABLE acts (
	id TEXT PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL, actor_name TEXT NOT NULL,
	subject TEXT NOT NULL, subject_name TEXT NOT NULL, room TEXT NOT NULL, address TEXT NOT NULL, detail TEXT NOT NULL,
	outcome TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX acts_actor ON acts (actor, id);
CREATE INDEX acts_subject ON acts (subject, id) WHERE subject <> '';
CREATE INDEX acts_room ON acts (room, id) WHERE room <> '';
CREATE INDEX acts_action ON acts (action, id);
