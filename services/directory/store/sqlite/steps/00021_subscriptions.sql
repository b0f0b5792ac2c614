-- +goose Up
-- Where the devices of log-ins are reached: see store.Subscription; and the key of pushes.
CREATE TABLE subscriptions (
	session  TEXT PRIMARY KEY,
	user     TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	key      BLOB NOT NULL,
	secret   BLOB NOT NULL,
	created  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX subscriptions_by_endpoint ON subscriptions (endpoint);
CREATE INDEX subscriptions_by_user ON subscriptions (user, session);
CREATE TABLE push_keys (id TEXT PRIMARY KEY, seed BLOB NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
