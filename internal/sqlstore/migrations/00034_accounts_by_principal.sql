-- +goose NO TRANSACTION
-- +goose Up
-- Finds accounts by what is said of few.
CREATE INDEX IF NOT EXISTS accounts_by_principal ON accounts (principal, appid) WHERE principal <> '';
