-- +goose NO TRANSACTION
-- +goose Up
-- By which merchants consent. Times are Unix milliseconds, 0 for never.
CREATE TABLE IF NOT EXISTS consent_codes (
    appid      TEXT   NOT NULL,
    code_mac   TEXT   NOT NULL, -- recognizes the code
    id         TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    mac        TEXT   NOT NULL, -- vouches for the row, see grant.go
    PRIMARY KEY (appid, code_mac)
);
