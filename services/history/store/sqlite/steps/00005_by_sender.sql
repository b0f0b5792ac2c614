-- +goose Up
-- The messages of one user in all rooms: what the user takes along.
CREATE INDEX entries_sender ON entries (sender, key) WHERE type = 'msg';
