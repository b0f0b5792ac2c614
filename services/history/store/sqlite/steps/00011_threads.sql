-- +goose Up
-- Answers in threads. Those that pages of their room leave out are entries of kind 2, so that a page is one range as before; those
-- that are broadcast are of kind 0, as messages are.
CREATE TABLE answers (
	room INTEGER NOT NULL, author INTEGER NOT NULL, root ANY NOT NULL, seq INTEGER NOT NULL, twin INTEGER NOT NULL,
	kind INTEGER NOT NULL, sender INTEGER NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (room, author, root, seq, twin)
) STRICT, WITHOUT ROWID;
-- In which thread an entry is.
CREATE INDEX answers_by_seq ON answers (room, seq, twin);
-- What is known of a thread: made of its answers anew whenever one comes or goes. at: the seq of the root; users: a list in JSON.
CREATE TABLE threads (
	room INTEGER NOT NULL, author INTEGER NOT NULL, root ANY NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, more INTEGER NOT NULL,
	users TEXT NOT NULL, last INTEGER NOT NULL, ts INTEGER NOT NULL, through INTEGER NOT NULL, PRIMARY KEY (room, author, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_at ON threads (room, at);
CREATE INDEX threads_last ON threads (room, last);
-- The messages of a user, answers too.
DROP INDEX entries_by_sender;
CREATE INDEX entries_by_sender ON entries (sender, room, seq) WHERE kind <> 1;
-- answer: the message that mentions is an answer of kind 2.
ALTER TABLE mentions ADD COLUMN answer INTEGER NOT NULL DEFAULT 0;
