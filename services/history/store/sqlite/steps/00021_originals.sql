-- +goose Up
-- original: the data of a message as it was before it was edited; data has no text then. Edits keep their texts, past ones too.
ALTER TABLE entries ADD COLUMN original BLOB;
