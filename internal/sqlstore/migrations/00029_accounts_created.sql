-- +goose NO TRANSACTION
-- +goose Up
-- When the account was made, Unix milliseconds; 0 of a row of before.
ALTER TABLE accounts ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
