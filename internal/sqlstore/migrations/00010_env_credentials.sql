-- +goose NO TRANSACTION
-- +goose Up
-- How often the credentials of an environment were revoked; no row: never.
CREATE TABLE IF NOT EXISTS env_credentials (
    account TEXT   NOT NULL,
    env     TEXT   NOT NULL,
    epoch   BIGINT NOT NULL,
    PRIMARY KEY (account, env)
);
