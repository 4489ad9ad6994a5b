-- +goose NO TRANSACTION
-- +goose Up
-- Code protection keys outlive the authorizations they were made under.
CREATE TABLE IF NOT EXISTS code_secrets (
    appid    TEXT NOT NULL,
    platform TEXT NOT NULL,
    sealed   TEXT NOT NULL,
    PRIMARY KEY (appid, platform)
);
