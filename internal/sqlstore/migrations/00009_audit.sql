-- +goose NO TRANSACTION
-- +goose Up
-- The audit record, in batches: what one transaction decided, or a second of
-- reads. A batch spans a minute at most.
CREATE TABLE audit (
    first_at BIGINT NOT NULL,
    batch    TEXT   NOT NULL,
    records  TEXT   NOT NULL, -- one JSON object a line
    PRIMARY KEY (first_at, batch)
);
