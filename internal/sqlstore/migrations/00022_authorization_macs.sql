-- +goose NO TRANSACTION
-- +goose Up
-- Vouches for what authorizations grant, see grant.go.
CREATE TABLE IF NOT EXISTS authorization_macs (
    appid    TEXT NOT NULL,
    platform TEXT NOT NULL,
    mac      TEXT NOT NULL,
    PRIMARY KEY (appid, platform)
);
