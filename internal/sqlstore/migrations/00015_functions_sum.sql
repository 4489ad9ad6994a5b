-- +goose NO TRANSACTION
-- +goose Up
-- Tells whether any function uses a piece of code.
CREATE INDEX IF NOT EXISTS functions_sum ON functions (sum);
