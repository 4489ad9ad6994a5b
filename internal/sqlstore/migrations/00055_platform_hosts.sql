-- +goose NO TRANSACTION
-- +goose Up
-- Where a platform's consent page may lead; no row: to this machine alone.
CREATE TABLE IF NOT EXISTS platform_hosts (
    appid TEXT NOT NULL PRIMARY KEY,
    hosts TEXT NOT NULL, -- JSON array of hosts
    mac   TEXT NOT NULL  -- vouches for the row, see grant.go
);
