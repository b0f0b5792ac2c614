-- +goose Up
-- What is pinned in a room, by the time of the pin.
CREATE INDEX entries_pins ON entries (room, seq) WHERE type = 'pinned' AND past = 0;
