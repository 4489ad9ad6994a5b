-- +goose NO TRANSACTION
-- +goose Up
-- Finds the accounts that are not in use.
CREATE INDEX IF NOT EXISTS accounts_disabled_ones ON accounts (appid) WHERE disabled <> 0;
