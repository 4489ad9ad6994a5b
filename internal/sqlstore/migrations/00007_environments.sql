-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS environments (
    account       TEXT    NOT NULL,
    id            TEXT    NOT NULL UNIQUE,
    api_whitelist TEXT    NOT NULL, -- JSON array of entries
    version       BIGINT  NOT NULL,
    set_version   BIGINT  NOT NULL, -- what the last accepted set carried; -1 before the first
    set_open      BOOLEAN NOT NULL,
    PRIMARY KEY (account, id)
);
