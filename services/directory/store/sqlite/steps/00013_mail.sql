-- +goose Up
-- Mail addresses that were confirmed, and what a ticket is about.
ALTER TABLE accounts ADD COLUMN mail TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN mail_key TEXT NOT NULL DEFAULT '';
CREATE INDEX accounts_mail ON accounts (mail_key) WHERE mail_key <> '';
ALTER TABLE tickets ADD COLUMN detail TEXT NOT NULL DEFAULT '';
