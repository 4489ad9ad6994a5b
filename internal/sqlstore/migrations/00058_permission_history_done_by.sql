-- +goose NO TRANSACTION
-- +goose Up
-- The operator's token that made the change. '' of a platform's, and of servers before.
ALTER TABLE permission_history ADD COLUMN done_by TEXT NOT NULL DEFAULT '';
