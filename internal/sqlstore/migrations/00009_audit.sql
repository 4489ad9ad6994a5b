-- +goose NO TRANSACTION
-- +goose Up
-- The audit record, in batches: what one transaction decided, or a second of
-- reads. A batch spans a minute at most.
CREATE TABLE IF NOT EXISTS audit (
    first_at BIGINT NOT NULL,
    batch    TEXT   NOT NULL,
    records  BYTEA  NOT NULL, -- packed, see batch.go
    PRIMARY KEY (first_at, batch)
);
