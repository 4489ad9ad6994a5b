-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS auth_codes (
    platform   TEXT   NOT NULL,
    code_mac   TEXT   NOT NULL,
    appid      TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL, -- 0 until it is used
    PRIMARY KEY (platform, code_mac)
);
