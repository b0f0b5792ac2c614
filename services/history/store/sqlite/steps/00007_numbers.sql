-- +goose Up
-- Rooms and users have numbers, and a message lies where its room and seq say, beside the other messages of the room: kind 0; all
-- else is kind 1. Step 8 moves what is there. From here on releases before this one do not open the file.
ALTER TABLE entries RENAME TO entries_6;
ALTER TABLE reads RENAME TO reads_6;
DROP INDEX reads_room;
-- A number is never used again. The first is 10: where 0 or 1 is bound, SQLite may plan a statement anew.
CREATE TABLE rooms (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE users (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
-- twin: 0, and counted up for entries with a seq that another has. An id that is a UUID is kept in its 16 bytes. gone: a message that
-- was deleted. author: 0 is nobody. owner: of a slot that each sender has; else 0. done: of a message, what others did to it: the
-- seq of the last entry about it in 8 bytes, and members of JSON. data: what the other columns say is left out of it.
CREATE TABLE entries (
	room INTEGER NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL, twin INTEGER NOT NULL,
	sender INTEGER NOT NULL, gone INTEGER NOT NULL, past INTEGER NOT NULL, id ANY NOT NULL, type TEXT NOT NULL,
	author INTEGER NOT NULL, target ANY NOT NULL, slot TEXT NOT NULL, owner INTEGER NOT NULL,
	done BLOB NOT NULL, data BLOB NOT NULL,
	PRIMARY KEY (room, kind, seq, twin)
) STRICT, WITHOUT ROWID;
-- An entry by its name; messages that have one id.
CREATE UNIQUE INDEX entries_by_id ON entries (room, id, sender);
-- The messages of a user, in a room or in all.
CREATE INDEX entries_by_sender ON entries (sender, room, seq) WHERE kind = 0;
-- What is about a message, what of it counts, and the last of each slot.
CREATE INDEX entries_by_target ON entries (room, target, author, past, slot, owner, seq) WHERE target <> '';
-- Acts of moderation between the messages of a page.
CREATE INDEX entries_acts ON entries (room, seq) WHERE type = 'moderated';
CREATE TABLE reads (
	user INTEGER NOT NULL, room INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;
-- The read positions of a room that is removed.
CREATE INDEX reads_room ON reads (room);
-- Messages of a user come in another order than before.
UPDATE jobs SET at_room = '', at_id = '' WHERE done = 0;
