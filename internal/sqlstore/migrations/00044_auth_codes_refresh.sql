-- +goose NO TRANSACTION
-- +goose Up
-- Names the consent, by its refresh token. '' of a row of before. Nobody vouches for
-- it: whichever token of the authorization it names, its holder may have one.
ALTER TABLE auth_codes ADD COLUMN refresh_mac TEXT NOT NULL DEFAULT '';
