-- +goose NO TRANSACTION
-- +goose Up
-- What the operator calls the account; '' if nothing.
ALTER TABLE accounts ADD COLUMN name TEXT NOT NULL DEFAULT '';
