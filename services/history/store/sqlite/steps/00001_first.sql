-- +goose Up
-- The schema as it was before it had versions: a file of that time has these tables already.
-- Rows are found by their key, which orders a room's entries:
-- WITHOUT ROWID keeps them in that order on the disk.
CREATE TABLE IF NOT EXISTS entries (
	key TEXT PRIMARY KEY, room TEXT NOT NULL, seq INTEGER NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
	type TEXT NOT NULL, target TEXT NOT NULL, data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS entries_id ON entries (room, sender, id);
CREATE INDEX IF NOT EXISTS entries_message ON entries (room, id) WHERE type = 'msg';
CREATE INDEX IF NOT EXISTS entries_target ON entries (room, target) WHERE target <> '';
CREATE INDEX IF NOT EXISTS entries_seq ON entries (seq);
CREATE INDEX IF NOT EXISTS messages ON entries (key) WHERE type = 'msg';
CREATE TABLE IF NOT EXISTS reads (
	user TEXT NOT NULL, room TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;
