-- +goose Up
-- Mail that waits to be sent, without secrets: links are made when a letter is written.
CREATE TABLE letters (
	id       TEXT PRIMARY KEY,
	kind     TEXT NOT NULL,
	user     TEXT NOT NULL,
	receiver TEXT NOT NULL,
	subject  TEXT NOT NULL,
	text     TEXT NOT NULL,
	key      TEXT NOT NULL,
	by_mail  INTEGER NOT NULL,
	address  TEXT NOT NULL,
	expires  INTEGER NOT NULL,
	holder   TEXT NOT NULL,
	until    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX letters_by_until ON letters (until);
