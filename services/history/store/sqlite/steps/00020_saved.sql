-- +goose Up
-- What users have saved, to find it again: by the time, and by the message.
CREATE TABLE saved (
	user TEXT NOT NULL, ts INTEGER NOT NULL, room TEXT NOT NULL, author TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (user, room, author, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX saved_by_time ON saved (user, ts);
CREATE INDEX saved_in_room ON saved (room);
