-- +goose NO TRANSACTION
-- +goose Up
-- Finds the addresses whose next ticket is due.
CREATE INDEX IF NOT EXISTS event_addresses_ticket ON event_addresses (ticket_at);
