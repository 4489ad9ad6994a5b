-- +goose NO TRANSACTION
-- +goose Up
-- The accepted sets of each environment, and how it was made.
CREATE TABLE IF NOT EXISTS permission_history (
    account       TEXT    NOT NULL,
    env           TEXT    NOT NULL,
    version       BIGINT  NOT NULL, -- of the environment from then on
    at            BIGINT  NOT NULL,
    rid           TEXT    NOT NULL,
    operator      BOOLEAN NOT NULL, -- done by the operator; else by platform
    platform      TEXT    NOT NULL,
    open          BOOLEAN NOT NULL, -- the account's switch from then on
    flipped       BOOLEAN NOT NULL, -- the switch was the other way before
    api_whitelist TEXT    NOT NULL, -- JSON array of entries
    PRIMARY KEY (account, env, version)
);
