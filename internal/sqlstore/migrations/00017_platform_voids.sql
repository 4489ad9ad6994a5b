-- +goose NO TRANSACTION
-- +goose Up
-- Component tokens issued before this time (Unix milliseconds) are void: the
-- platform's secret was replaced then. No row: it never was.
CREATE TABLE IF NOT EXISTS platform_voids (
    appid       TEXT   NOT NULL PRIMARY KEY,
    void_before BIGINT NOT NULL
);
