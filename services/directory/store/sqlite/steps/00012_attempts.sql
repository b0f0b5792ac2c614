-- +goose Up
-- What a client that has had no answer to the use of a secret says again.
ALTER TABLE sessions ADD COLUMN attempt BLOB;
