-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS functions (
    account            TEXT    NOT NULL,
    env                TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    owner              TEXT    NOT NULL, -- the platform that protected the code; '' for nobody
    owner_epoch        BIGINT  NOT NULL, -- how often the owner changed
    sum                TEXT    NOT NULL, -- SHA-256 of the code; '' while there is none
    size               BIGINT  NOT NULL,
    handler            TEXT    NOT NULL,
    install_dependency BOOLEAN NOT NULL,
    added_at           BIGINT  NOT NULL,
    modified_at        BIGINT  NOT NULL,
    PRIMARY KEY (account, env, name)
);
