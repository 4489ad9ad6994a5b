-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS authorizations (
    appid       TEXT    NOT NULL,
    platform    TEXT    NOT NULL,
    in_force    BOOLEAN NOT NULL,
    epoch       BIGINT  NOT NULL, -- how often it was given
    sets        TEXT    NOT NULL, -- JSON array of permission-set ids
    refresh_mac TEXT    NOT NULL, -- '' if there is no refresh token
    issued      TEXT    NOT NULL, -- issue times of authorizer tokens
    PRIMARY KEY (appid, platform)
);
