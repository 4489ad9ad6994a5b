-- +goose NO TRANSACTION
-- +goose Up
-- Finds what is to be tried now.
CREATE INDEX IF NOT EXISTS pushes_due ON pushes (lane, due_at, id) WHERE state < 3;
