-- +goose NO TRANSACTION
-- +goose Up
-- What is, or is about to be, in code storage.
CREATE TABLE IF NOT EXISTS code (
    sum       TEXT   NOT NULL PRIMARY KEY, -- SHA-256 of the code
    used_at   BIGINT NOT NULL, -- when it was last held, taken into use or replaced; changes each time
    doomed_at BIGINT NOT NULL  -- when its removal began; 0: it stays
);
