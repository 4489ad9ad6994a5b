-- +goose NO TRANSACTION
-- +goose Up
-- Whom environments belong to: Mini Programs and platforms.
CREATE TABLE IF NOT EXISTS accounts (
    appid       TEXT    NOT NULL PRIMARY KEY,
    is_platform BOOLEAN NOT NULL,
    cloud       BOOLEAN NOT NULL, -- cloud development is opened
    open        BOOLEAN NOT NULL  -- the cloudbase_access_token switch
);
