-- +goose Up
-- Earlier versions of messages are shown of what was written then or later, in UTC milliseconds; 2^53-1: of nothing.
ALTER TABLE rooms ADD COLUMN versions_since INTEGER NOT NULL DEFAULT 0;
