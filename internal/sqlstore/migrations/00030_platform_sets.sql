-- +goose NO TRANSACTION
-- +goose Up
-- The permission sets that a platform asks merchants for; no row: none are said.
CREATE TABLE IF NOT EXISTS platform_sets (
    appid TEXT NOT NULL PRIMARY KEY,
    sets  TEXT NOT NULL, -- JSON array of permission-set ids
    mac   TEXT NOT NULL  -- vouches for the row, see grant.go
);
