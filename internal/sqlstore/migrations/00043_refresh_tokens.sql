-- +goose NO TRANSACTION
-- +goose Up
-- The refresh tokens of consents. Which one is in force stands in authorizations.
CREATE TABLE IF NOT EXISTS refresh_tokens (
    appid       TEXT   NOT NULL,
    platform    TEXT   NOT NULL,
    refresh_mac TEXT   NOT NULL,
    sealed      TEXT   NOT NULL, -- '' of one that a server of before made
    epoch       BIGINT NOT NULL, -- of the authorization
    place       BIGINT NOT NULL, -- in the order of consents; about when it was, Unix milliseconds
    since       BIGINT NOT NULL, -- when it came into force, Unix milliseconds; 0: it did not yet
    mac         TEXT   NOT NULL, -- vouches for the row, see grant.go
    PRIMARY KEY (appid, platform, refresh_mac)
);
