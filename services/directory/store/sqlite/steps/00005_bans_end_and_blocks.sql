-- +goose Up
-- When a ban ends, 0 for never; and who blocks whom.
ALTER TABLE bans ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX bans_until ON bans (until) WHERE until > 0;
CREATE TABLE blocks (
	user TEXT NOT NULL, other TEXT NOT NULL, name TEXT NOT NULL, ignore INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (user, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_other ON blocks (other);
