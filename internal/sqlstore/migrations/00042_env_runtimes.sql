-- +goose NO TRANSACTION
-- +goose Up
-- Runtimes of environments that have one of their own; no row: the server's.
CREATE TABLE IF NOT EXISTS env_runtimes (
    account TEXT NOT NULL,
    env     TEXT NOT NULL,
    runtime TEXT NOT NULL,
    mac     TEXT NOT NULL,
    PRIMARY KEY (account, env)
);
