-- +goose NO TRANSACTION
-- +goose Up
-- What is to be pushed to event addresses, and what became of it.
CREATE TABLE IF NOT EXISTS pushes (
    platform      TEXT    NOT NULL,
    id            TEXT    NOT NULL, -- 16 hex digits, in the order of time
    url           TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    appid         TEXT    NOT NULL, -- '' of a ticket
    refresh_mac   TEXT    NOT NULL, -- names the consent whose code is pushed; else ''
    pre_auth_code TEXT    NOT NULL, -- that the consent used up; else ''
    at            BIGINT  NOT NULL, -- when it was recorded, Unix milliseconds of the service's clock
    state         BIGINT  NOT NULL, -- see cloud.PushState
    lane          BIGINT  NOT NULL, -- that of its address
    due_at        BIGINT  NOT NULL, -- when it is tried next, or how long it is under way at most, Unix milliseconds
    tries         BIGINT  NOT NULL,
    tried_at      BIGINT  NOT NULL, -- when the last try ended, Unix milliseconds; 0: none has
    status        BIGINT  NOT NULL, -- of the last answer; 0: there was none
    answer        TEXT    NOT NULL, -- its beginning
    success       BOOLEAN NOT NULL, -- whether it was "success", and nothing else
    fault         TEXT    NOT NULL, -- of the last try
    PRIMARY KEY (platform, id)
);
