-- +goose Up
-- Where a membership begins in the room's log: what comes after that is new to the member.
ALTER TABLE intents ADD COLUMN read_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE invites ADD COLUMN read_from INTEGER NOT NULL DEFAULT 0;
