-- +goose Up
-- Entries about messages have the authors of the messages: ids alone are not unique in a room. Before, such an entry was about the
-- first message with the id, and only the author could edit that.
ALTER TABLE entries ADD COLUMN author TEXT NOT NULL DEFAULT '';
UPDATE entries SET author = CASE type WHEN 'edited' THEN sender ELSE coalesce(
	(SELECT m.sender FROM entries m WHERE m.room = entries.room AND m.id = entries.target AND m.type = 'msg' ORDER BY m.seq LIMIT 1),
	'') END
	WHERE target <> '' AND type IN ('edited', 'deleted', 'reacted', 'pinned');
DROP INDEX entries_target;
CREATE INDEX entries_about ON entries (room, target, author) WHERE target <> '';
