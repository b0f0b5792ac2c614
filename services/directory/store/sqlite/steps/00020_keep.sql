-- +goose Up
-- How long messages of a room are kept; empty: as long as the server says.
ALTER TABLE rooms ADD COLUMN keep TEXT NOT NULL DEFAULT '';
