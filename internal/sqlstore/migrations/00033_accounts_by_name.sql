-- +goose NO TRANSACTION
-- +goose Up
-- Finds accounts by what is said of few.
CREATE INDEX IF NOT EXISTS accounts_by_name ON accounts (name, appid) WHERE name <> '';
