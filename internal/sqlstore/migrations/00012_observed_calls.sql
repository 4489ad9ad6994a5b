-- +goose NO TRANSACTION
-- +goose Up
-- How often code of an environment called a path in an hour.
CREATE TABLE IF NOT EXISTS observed_calls (
    account TEXT   NOT NULL,
    env     TEXT   NOT NULL,
    hour    BIGINT NOT NULL, -- when it began
    path    TEXT   NOT NULL, -- '' for paths that were not kept apart
    code    BIGINT NOT NULL, -- how the calls ended
    count   BIGINT NOT NULL,
    PRIMARY KEY (account, env, hour, path, code)
);
