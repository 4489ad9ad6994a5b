-- +goose NO TRANSACTION
-- +goose Up
-- The authorizations of a platform, in their order, and how many are in force.
CREATE INDEX IF NOT EXISTS authorizations_platform ON authorizations (platform, appid, in_force);
