-- +goose NO TRANSACTION
-- +goose Up
-- Refresh tokens that never count again, whatever a world file says. A cancelled
-- authorization that had none has '' here.
CREATE TABLE IF NOT EXISTS voided_refresh_tokens (
    appid       TEXT NOT NULL,
    platform    TEXT NOT NULL,
    refresh_mac TEXT NOT NULL,
    PRIMARY KEY (appid, platform, refresh_mac)
);
