-- +goose Up
-- Who was a reader of a room when the membership ended: see store.Readers.
CREATE TABLE readers (room TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (room, user)) STRICT, WITHOUT ROWID;
CREATE INDEX readers_by_user ON readers (user);
