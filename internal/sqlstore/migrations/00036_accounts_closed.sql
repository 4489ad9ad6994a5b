-- +goose NO TRANSACTION
-- +goose Up
-- Finds the accounts without cloud development.
CREATE INDEX IF NOT EXISTS accounts_closed ON accounts (appid) WHERE NOT cloud;
