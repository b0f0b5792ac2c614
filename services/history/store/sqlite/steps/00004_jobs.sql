-- +goose Up
-- What is removed in the background: the messages of a user, or a room.
CREATE TABLE jobs (
	id TEXT PRIMARY KEY, room TEXT NOT NULL, user TEXT NOT NULL, after INTEGER NOT NULL, actor TEXT NOT NULL, name TEXT NOT NULL,
	created INTEGER NOT NULL, pass INTEGER NOT NULL, at_room TEXT NOT NULL, at_id TEXT NOT NULL, done INTEGER NOT NULL, lease INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (created) WHERE done = 0;
CREATE INDEX jobs_created ON jobs (created);
CREATE INDEX reads_room ON reads (room);
