-- +goose Up
-- Holds, each of a room or of a user, and the entries that were put aside for them when they were removed or erased.
CREATE TABLE holds (
	id TEXT PRIMARY KEY, room TEXT NOT NULL, user TEXT NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
	room TEXT NOT NULL, seq INTEGER NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, target TEXT NOT NULL, author TEXT NOT NULL,
	data BLOB NOT NULL, PRIMARY KEY (room, seq, sender, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_by_sender ON held (sender, room, seq);
