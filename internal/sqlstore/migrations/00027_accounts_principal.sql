-- +goose NO TRANSACTION
-- +goose Up
-- Whom a Mini Program belongs to; '' if that is not said.
ALTER TABLE accounts ADD COLUMN principal TEXT NOT NULL DEFAULT '';
