-- +goose NO TRANSACTION
-- +goose Up
-- Refused cloud calls, in batches like those of the audit record.
CREATE TABLE IF NOT EXISTS refused_calls (
    first_at BIGINT NOT NULL,
    batch    TEXT   NOT NULL,
    records  BYTEA  NOT NULL, -- packed, see batch.go
    count    BIGINT NOT NULL, -- of records
    PRIMARY KEY (first_at, batch)
);
