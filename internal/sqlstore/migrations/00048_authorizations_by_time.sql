-- +goose NO TRANSACTION
-- +goose Up
-- The authorizations of a platform in force, by when they were given.
CREATE INDEX IF NOT EXISTS authorizations_by_time ON authorizations (platform, epoch, appid) WHERE in_force;
