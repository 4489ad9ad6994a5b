-- +goose NO TRANSACTION
-- +goose Up
-- Signed uploads that were taken, and when, which is when they changed the
-- function. They are kept far longer than a signature is good.
CREATE TABLE IF NOT EXISTS used_uploads (
    account TEXT   NOT NULL,
    upload  TEXT   NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (account, upload)
);
