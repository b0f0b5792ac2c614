-- +goose Up
-- untidy: 1, documents were removed since the index was last merged; 2, it is being merged; 0, neither.
ALTER TABLE indexing ADD COLUMN untidy INTEGER NOT NULL DEFAULT 1;
-- The terms that the index has.
CREATE VIRTUAL TABLE found_terms USING fts5vocab(found, row);
