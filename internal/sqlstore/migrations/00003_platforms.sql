-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS platforms (
    appid        TEXT NOT NULL PRIMARY KEY,
    secret_mac   TEXT NOT NULL,
    fixed_ticket TEXT NOT NULL, -- sealed; '' if tickets are made
    issued       TEXT NOT NULL  -- issue times of component tokens
);
