-- +goose Up
-- Who may add a user to rooms, and who may begin direct messages; empty: everybody.
ALTER TABLE accounts ADD COLUMN invited_by TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN direct_by TEXT NOT NULL DEFAULT '';
