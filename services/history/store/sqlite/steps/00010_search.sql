-- +goose Up
-- The index that messages are searched by: terms, and which documents have them. A document is a message; its number is the seq of the
-- message, 10 bits for the messages that have one seq, and so documents are in the order of seqs. Neither texts nor places of words
-- are in it. Step by step, history indexes the messages that are there: see indexing.
CREATE VIRTUAL TABLE found USING fts5(terms, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE TABLE documents (n INTEGER PRIMARY KEY, room INTEGER NOT NULL, twin INTEGER NOT NULL) STRICT;
-- The words that there are, and in about how many messages.
CREATE TABLE vocabulary (word TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE indexing (
	n INTEGER PRIMARY KEY CHECK (n = 1), version INTEGER NOT NULL, room TEXT NOT NULL, seq INTEGER NOT NULL, done INTEGER NOT NULL, lease INTEGER NOT NULL
) STRICT;
INSERT INTO indexing (n, version, room, seq, done, lease) VALUES (1, 0, '', 0, 0, 0);
