-- +goose Up
-- When it is looked at next whether to write a digest to an account (0: that is not known yet), and
-- when one was written last.
ALTER TABLE accounts ADD COLUMN digest_due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN digest_sent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX accounts_digest ON accounts (digest_due, user) WHERE digest_due > 0;
-- From when on a digest tells what waits.
ALTER TABLE letters ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
