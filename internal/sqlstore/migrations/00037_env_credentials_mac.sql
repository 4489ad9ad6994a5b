-- +goose NO TRANSACTION
-- +goose Up
-- Vouches for what the row grants, see grant.go. '' of a row of before.
ALTER TABLE env_credentials ADD COLUMN mac TEXT NOT NULL DEFAULT '';
