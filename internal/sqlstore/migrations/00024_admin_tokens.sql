-- +goose NO TRANSACTION
-- +goose Up
-- Tokens of the admin interface. Times are Unix milliseconds, 0 for never.
CREATE TABLE IF NOT EXISTS admin_tokens (
    name       TEXT   NOT NULL PRIMARY KEY,
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL, -- to the minute
    mac        TEXT   NOT NULL  -- recognizes the token, with that name, role and expiry alone
);
