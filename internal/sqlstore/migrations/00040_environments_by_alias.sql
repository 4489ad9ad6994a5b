-- +goose NO TRANSACTION
-- +goose Up
-- Finds environments by alias, and lists them.
CREATE INDEX IF NOT EXISTS environments_by_alias ON environments (alias, id) WHERE alias <> '';
