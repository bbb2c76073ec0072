-- +goose Up
-- Times are milliseconds since 1970.
CREATE TABLE rooms (
	id       text PRIMARY KEY,
	key_hash bytea NOT NULL,
	seq      bigint NOT NULL,
	href     text NOT NULL,
	at       bigint NOT NULL
);
CREATE INDEX rooms_at ON rooms (at);
