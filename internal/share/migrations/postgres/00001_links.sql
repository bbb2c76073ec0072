-- +goose Up
-- Times are milliseconds since 1970; never is 9223372036854775807.
CREATE TABLE links (
	id      text PRIMARY KEY,
	digest  bytea NOT NULL, -- the SHA-256 that the id is the beginning of
	kind    text NOT NULL,
	version bigint NOT NULL,
	content bytea,
	created bigint NOT NULL,
	expires bigint NOT NULL, -- the latest of its shares'
	gone    text NOT NULL CHECK (gone IN ('', 'deleted', 'expired')),
	gone_at bigint NOT NULL,
	CHECK ((content IS NULL) = (gone <> ''))
);
CREATE INDEX links_expires ON links (expires) WHERE gone = '';

CREATE TABLE shares (
	link     text NOT NULL REFERENCES links (id),
	key_hash bytea NOT NULL,
	created  bigint NOT NULL,
	expires  bigint NOT NULL,
	PRIMARY KEY (link, key_hash)
);
