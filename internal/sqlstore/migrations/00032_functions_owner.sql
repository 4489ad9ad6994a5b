-- +goose NO TRANSACTION
-- +goose Up
-- The functions that a platform owns.
CREATE INDEX IF NOT EXISTS functions_owner ON functions (owner) WHERE owner <> '';
