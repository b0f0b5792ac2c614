-- +goose Up
-- What is new to users is a range of these indexes, and nothing is counted beforehand.
-- began: the seq of the entry with which the membership began; 0: an earlier release has made the position.
ALTER TABLE reads ADD COLUMN began INTEGER NOT NULL DEFAULT 0;
-- The messages that are there, and whose they are.
CREATE INDEX entries_there ON entries (room, seq, sender) WHERE kind = 0 AND gone = 0;
-- Whom messages mention; user 0: all members of the room.
CREATE TABLE mentions (
	user INTEGER NOT NULL, room INTEGER NOT NULL, seq INTEGER NOT NULL, sender INTEGER NOT NULL, PRIMARY KEY (user, room, seq, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_message ON mentions (room, seq, sender);
-- What pages show of it: a list in JSON. Where many are online, @here has more rows in mentions than this list has names.
CREATE TABLE mentioned (
	room INTEGER NOT NULL, seq INTEGER NOT NULL, sender INTEGER NOT NULL, shown TEXT NOT NULL, PRIMARY KEY (room, seq, sender)
) STRICT, WITHOUT ROWID;
-- Messages of which it is not known yet whom they mention, since an entry with a seq.
CREATE TABLE unresolved (
	room INTEGER NOT NULL, sender INTEGER NOT NULL, id ANY NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, sender, id, seq)
) STRICT, WITHOUT ROWID;
