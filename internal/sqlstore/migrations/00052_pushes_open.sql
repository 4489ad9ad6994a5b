-- +goose NO TRANSACTION
-- +goose Up
-- Finds what a newer event of the same Mini Program supersedes.
CREATE INDEX IF NOT EXISTS pushes_open ON pushes (platform, appid, url) WHERE state < 3;
