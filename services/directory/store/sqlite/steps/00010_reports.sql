-- +goose Up
-- Reports of messages, with their texts.
CREATE TABLE reports (
	id TEXT PRIMARY KEY, room TEXT NOT NULL, author TEXT NOT NULL, author_name TEXT NOT NULL, message TEXT NOT NULL, text TEXT NOT NULL,
	sent INTEGER NOT NULL, reporter TEXT NOT NULL, reporter_name TEXT NOT NULL, reason TEXT NOT NULL, words TEXT NOT NULL, created INTEGER NOT NULL,
	state TEXT NOT NULL, taker TEXT NOT NULL, taker_name TEXT NOT NULL, outcome TEXT NOT NULL, note TEXT NOT NULL, resolved INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX reports_once ON reports (reporter, room, author, message);
CREATE INDEX reports_room ON reports (room, id);
CREATE INDEX reports_resolved ON reports (resolved);
