-- +goose Up
-- Emoji of the server's own: see store.Emoji. The image comes last, so that lists do not read it.
CREATE TABLE emoji (
	name    TEXT NOT NULL PRIMARY KEY,
	type    TEXT NOT NULL,
	hash    TEXT NOT NULL,
	actor   TEXT NOT NULL,
	created INTEGER NOT NULL,
	image   BLOB NOT NULL
) STRICT;
CREATE INDEX emoji_by_hash ON emoji (hash);
