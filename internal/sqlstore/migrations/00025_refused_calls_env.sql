-- +goose NO TRANSACTION
-- +goose Up
-- Whose calls a batch has; '' of tokens that are of no environment, and of batches of before.
ALTER TABLE refused_calls ADD COLUMN env TEXT NOT NULL DEFAULT '';
