-- +goose NO TRANSACTION
-- +goose Up
-- Lists the authorizations that were cancelled, which may be few.
CREATE INDEX IF NOT EXISTS authorizations_cancelled ON authorizations (appid, platform) WHERE NOT in_force;
