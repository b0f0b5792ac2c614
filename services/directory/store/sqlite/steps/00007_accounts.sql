-- +goose Up
-- Secrets that change at each use, and what a user is shown of a session. One from before has none of it.
ALTER TABLE sessions ADD COLUMN family BLOB;
ALTER TABLE sessions ADD COLUMN previous BLOB;
ALTER TABLE sessions ADD COLUMN salt BLOB;
ALTER TABLE sessions ADD COLUMN grace INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_user ON sessions (user, created);
-- What users choose of their accounts, and secrets that are good once.
CREATE TABLE accounts (
	user TEXT PRIMARY KEY, device_key BLOB, seen_by TEXT NOT NULL DEFAULT '', unlisted INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE tickets (
	hash TEXT PRIMARY KEY, kind TEXT NOT NULL, user TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_user ON tickets (user, kind);
CREATE INDEX tickets_expires ON tickets (expires);
