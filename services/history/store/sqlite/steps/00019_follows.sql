-- +goose Up
-- Who follows which threads, and through which seq they have read the answers. following = 0: not any more, and nothing but the user
-- changes that. touched: when the user last had to do with it, in UTC milliseconds.
CREATE TABLE follows (
	user INTEGER NOT NULL, room INTEGER NOT NULL, author INTEGER NOT NULL, root ANY NOT NULL, following INTEGER NOT NULL,
	read INTEGER NOT NULL, touched INTEGER NOT NULL, PRIMARY KEY (user, room, author, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX follows_touched ON follows (user, touched) WHERE following = 1;
CREATE INDEX follows_by_room ON follows (room);
-- Of the threads that there are, nothing is new to who is in them.
INSERT INTO follows (user, room, author, root, following, read, touched)
	SELECT DISTINCT a.sender, t.room, t.author, t.root, 1, t.last, t.ts FROM answers a
	JOIN threads t ON t.room = a.room AND t.author = a.author AND t.root = a.root WHERE a.gone = 0;
INSERT INTO follows (user, room, author, root, following, read, touched)
	SELECT author, room, author, root, 1, last, ts FROM threads WHERE at > 0 ON CONFLICT DO NOTHING;
