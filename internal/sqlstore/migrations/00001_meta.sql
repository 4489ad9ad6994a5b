-- +goose NO TRANSACTION
-- +goose Up
-- Facts about the database itself, such as the id of its master key.
CREATE TABLE IF NOT EXISTS meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
