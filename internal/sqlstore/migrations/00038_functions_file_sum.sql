-- +goose NO TRANSACTION
-- +goose Up
-- SHA-256 of the code that a world file gave the function last; '': none did, or a server of before.
ALTER TABLE functions ADD COLUMN file_sum TEXT NOT NULL DEFAULT '';
