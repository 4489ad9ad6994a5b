-- +goose NO TRANSACTION
-- +goose Up
-- How often a platform has cleared its quotas in the month that it did so last.
CREATE TABLE IF NOT EXISTS quota_clears (
    platform TEXT   NOT NULL PRIMARY KEY,
    month    BIGINT NOT NULL, -- months of all years before, in UTC+8
    clears   BIGINT NOT NULL
);
