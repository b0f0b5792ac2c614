-- +goose Up
-- Pages have the acts of moderation that lie between their messages.
CREATE INDEX acts ON entries (key) WHERE type = 'moderated';
