-- +goose Up
-- What is about a message sets something of it, its slot: of the entries with one slot the last counts, and those before are past.
-- Pages read what is not past, however often a message was changed.
ALTER TABLE entries ADD COLUMN slot TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN past INTEGER NOT NULL DEFAULT 0;
UPDATE entries SET slot = type WHERE target <> '' AND type IN ('edited', 'deleted');
UPDATE entries SET
	slot = CASE type WHEN 'pinned' THEN 'pinned' ELSE 'reacted:' || sender || ':' || coalesce(CAST(substr(data, 2) AS TEXT) ->> '$.emoji', '') END,
	past = NOT coalesce(CAST(substr(data, 2) AS TEXT) ->> '$.on', 0)
	WHERE target <> '' AND type IN ('pinned', 'reacted') AND json_valid(CAST(substr(data, 2) AS TEXT));
DROP INDEX entries_about;
CREATE INDEX entries_slot ON entries (room, target, author, slot, seq) WHERE target <> '';
UPDATE entries SET past = 1 WHERE target <> '' AND slot <> '' AND past = 0 AND seq < (
	SELECT max(l.seq) FROM entries l
	WHERE l.room = entries.room AND l.target <> '' AND l.target = entries.target AND l.author = entries.author AND l.slot = entries.slot);
CREATE INDEX entries_about ON entries (room, target, author) WHERE target <> '' AND past = 0;
