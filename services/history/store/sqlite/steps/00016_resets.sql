-- +goose Up
-- reset: the seq of the entry that has reset the room, as long as something may be left from before it; else 0.
ALTER TABLE removed ADD COLUMN reset INTEGER NOT NULL DEFAULT 0;
CREATE INDEX removed_reset ON removed (room) WHERE reset > 0;
