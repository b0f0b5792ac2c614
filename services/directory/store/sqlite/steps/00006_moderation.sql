-- +goose Up
-- Slow mode (seconds), rooms for announcements, archived rooms, and mutes.
ALTER TABLE rooms ADD COLUMN slow INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN announce TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
CREATE TABLE mutes (
	room TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, until INTEGER NOT NULL,
	created INTEGER NOT NULL, PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX mutes_user ON mutes (user, room);
CREATE INDEX mutes_until ON mutes (until);
