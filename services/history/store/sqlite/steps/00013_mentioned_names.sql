-- +goose Up
-- How the texts of messages name whom they mention, so that pages can show where.
ALTER TABLE mentioned ADD COLUMN names TEXT NOT NULL DEFAULT '[]';
