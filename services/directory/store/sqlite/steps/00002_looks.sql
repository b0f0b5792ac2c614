-- +goose Up
-- What look-alikes of names are found by: see libs/names.Looks. Step 3 fills it.
ALTER TABLE users ADD COLUMN look TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN look_lower TEXT NOT NULL DEFAULT '';
CREATE INDEX users_look ON users (look) WHERE look <> '';
CREATE INDEX users_look_lower ON users (look_lower) WHERE look_lower <> '';
ALTER TABLE rooms ADD COLUMN look TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN look_lower TEXT NOT NULL DEFAULT '';
CREATE INDEX rooms_look ON rooms (look) WHERE private = 0 AND direct = 0;
CREATE INDEX rooms_look_lower ON rooms (look_lower) WHERE private = 0 AND direct = 0;
