-- +goose NO TRANSACTION
-- +goose Up
-- Where the events of a platform are pushed to.
CREATE TABLE IF NOT EXISTS event_addresses (
    platform    TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    place       BIGINT NOT NULL, -- in the operator's list
    sealed      TEXT   NOT NULL, -- token and aes_key, see cloud/event.go
    lane        BIGINT NOT NULL, -- whether it answers, see cloud.Lane
    ticket_at   BIGINT NOT NULL, -- when the next ticket is due, Unix milliseconds of the service's clock
    ticket_sent BIGINT NOT NULL, -- when a ticket was delivered last, likewise; 0: never
    PRIMARY KEY (platform, url)
);
