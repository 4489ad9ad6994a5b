-- +goose NO TRANSACTION
-- +goose Up
-- What each server has counted of a platform's calls.
CREATE TABLE IF NOT EXISTS quota_counts (
    platform     TEXT   NOT NULL,
    server       TEXT   NOT NULL, -- one run of a server
    counted_from BIGINT NOT NULL, -- of platform_limits at that time
    at           BIGINT NOT NULL, -- when it was written
    counts       TEXT   NOT NULL, -- JSON
    PRIMARY KEY (platform, server)
);
