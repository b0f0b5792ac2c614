-- +goose Up
-- What happened in a room beside acts of moderation: see store.EventTypes.
CREATE INDEX entries_events ON entries (room, seq) WHERE type IN ('member', 'pinned', 'topic');
