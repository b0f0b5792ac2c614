-- +goose Up
-- Who runs the server, and who may come in: one record, see store.Server.
CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
-- Accounts that an operator has disabled.
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
-- Links that people may register with: see store.InvitationLink.
CREATE TABLE invitations (
	id TEXT PRIMARY KEY, hash BLOB NOT NULL, actor TEXT NOT NULL, actor_name TEXT NOT NULL, note TEXT NOT NULL,
	uses INTEGER NOT NULL, used INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
