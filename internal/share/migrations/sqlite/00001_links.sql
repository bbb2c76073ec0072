-- +goose Up
-- Times are milliseconds since 1970; never is 9223372036854775807.
CREATE TABLE links (
	id      TEXT PRIMARY KEY,
	digest  BLOB NOT NULL, -- the SHA-256 that the id is the beginning of
	kind    TEXT NOT NULL,
	version INTEGER NOT NULL,
	content BLOB,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL, -- the latest of its shares'
	gone    TEXT NOT NULL CHECK (gone IN ('', 'deleted', 'expired')),
	gone_at INTEGER NOT NULL,
	CHECK ((content IS NULL) = (gone <> ''))
) STRICT;
CREATE INDEX links_expires ON links (expires) WHERE gone = '';

CREATE TABLE shares (
	link     TEXT NOT NULL REFERENCES links (id),
	key_hash BLOB NOT NULL,
	created  INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	PRIMARY KEY (link, key_hash)
) STRICT, WITHOUT ROWID;
