-- +goose NO TRANSACTION
-- +goose Up
-- How the operator calls the environment; '' for nothing.
ALTER TABLE environments ADD COLUMN alias TEXT NOT NULL DEFAULT '';
