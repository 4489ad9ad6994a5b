-- +goose NO TRANSACTION
-- +goose Up
-- Pre-auth codes that a consent has used up. They are kept for as long as one is good.
CREATE TABLE IF NOT EXISTS used_preauth (
    platform TEXT   NOT NULL,
    code_mac TEXT   NOT NULL,
    used_at  BIGINT NOT NULL,
    PRIMARY KEY (platform, code_mac)
);
