-- +goose Up
-- How far the beginnings of rooms are removed: the seq through which what there was is gone, how many messages went, and of how many
-- of them the audit log knows.
CREATE TABLE removed (room INTEGER PRIMARY KEY, seq INTEGER NOT NULL, messages INTEGER NOT NULL, told INTEGER NOT NULL) STRICT;
-- How far the round of retention has got through the rooms.
CREATE TABLE sweep (
	n INTEGER PRIMARY KEY CHECK (n = 1), room TEXT NOT NULL, due INTEGER NOT NULL, round INTEGER NOT NULL, lease INTEGER NOT NULL
) STRICT;
INSERT INTO sweep (n, room, due, round, lease) VALUES (1, '', 0, 0, 0);
