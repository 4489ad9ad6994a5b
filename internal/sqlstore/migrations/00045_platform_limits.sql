-- +goose NO TRANSACTION
-- +goose Up
-- What bounds a platform; no row: nothing does.
CREATE TABLE IF NOT EXISTS platform_limits (
    appid        TEXT   NOT NULL PRIMARY KEY,
    quotas       TEXT   NOT NULL, -- JSON
    ip_whitelist TEXT   NOT NULL, -- JSON array of addresses and networks
    counted_from BIGINT NOT NULL, -- what is counted of before is void, Unix milliseconds
    mac          TEXT   NOT NULL  -- vouches for the row, see grant.go
);
