-- +goose NO TRANSACTION
-- +goose Up
-- 0: in use, 1: disabled, 2: being removed. Vouched for where it is not 0.
ALTER TABLE accounts ADD COLUMN disabled BIGINT NOT NULL DEFAULT 0;
