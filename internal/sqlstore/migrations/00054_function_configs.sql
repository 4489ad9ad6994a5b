-- +goose NO TRANSACTION
-- +goose Up
-- Configuration of functions, by kind and sealed. added_at is the function's: a row of
-- another one of that name, which a server of before removed, counts for nothing.
CREATE TABLE IF NOT EXISTS function_configs (
    account  TEXT   NOT NULL,
    env      TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    kind     BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    sealed   TEXT   NOT NULL,
    PRIMARY KEY (account, env, name, kind)
);
