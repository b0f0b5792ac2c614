-- +goose Up
-- What public rooms are sorted by, besides when they were made (index rooms_public), and networks that are kept out.
ALTER TABLE rooms ADD COLUMN head INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN active INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rooms_active ON rooms (active, id) WHERE private = 0 AND direct = 0;
CREATE INDEX rooms_size ON rooms (size, id) WHERE private = 0 AND direct = 0;
CREATE TABLE networks (
	network TEXT PRIMARY KEY, reason TEXT NOT NULL, actor TEXT NOT NULL, user TEXT NOT NULL, created INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
