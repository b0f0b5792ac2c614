-- +goose Up
-- Rooms that let no guests in.
ALTER TABLE rooms ADD COLUMN no_guests INTEGER NOT NULL DEFAULT 0;
