-- +goose Up
-- What users choose for how clients show them things: see store.Preferences.
CREATE TABLE preferences (user TEXT NOT NULL PRIMARY KEY, "values" TEXT NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
