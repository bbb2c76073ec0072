package share

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// Put shares a link. It returns when the link is on disk: what it acknowledges, a crash does not lose. Content that is shared
// already gets one share more, and content that was gone comes back. The link's ID and Created are not looked at.
//
// After an error the link may or may not be there (a connection that broke during the commit); to put it again is right then.
func (s *Store) Put(ctx context.Context, l Link) (Receipt, error) {
	now := s.now().UnixMilli()
	if err := l.check(now); err != nil {
		return Receipt{}, err
	}
	sum, id, key := digest(l.Kind, l.Version, l.Content), IDOf(l.Kind, l.Version, l.Content), NewKey()
	receipt := Receipt{ID: id, Key: key}
	err := s.transact(ctx, func(tx *sql.Tx) error {
		r, err := s.there(ctx, tx, id, sum[:], &l, now)
		if err != nil {
			return err
		}
		hash := key.Hash()
		if _, err := tx.ExecContext(ctx, "INSERT INTO shares (link, key_hash, created, expires) VALUES ($1, $2, $3, $4)", id.String(), hash[:], now, stored(l.Expires)); err != nil {
			return err
		}
		expires, err := latest(ctx, tx, id)
		receipt.Created, receipt.Expires = loaded(r.created), loaded(expires)
		return err
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("sharing %s: %w", id, err)
	}
	return receipt, nil
}

func (l *Link) check(now int64) error {
	switch {
	case !slices.Contains(Kinds, l.Kind):
		return fmt.Errorf("%w: kind %q (want one of %q)", ErrInvalid, l.Kind, Kinds)
	case l.Version < 1:
		return fmt.Errorf("%w: version %d", ErrInvalid, l.Version)
	case len(l.Content) == 0:
		return fmt.Errorf("%w: no content", ErrInvalid)
	case len(l.Content) > MaxContent:
		return fmt.Errorf("%w: %d bytes (at most %d)", ErrTooLarge, len(l.Content), MaxContent)
	case stored(l.Expires) <= now:
		return fmt.Errorf("%w: it would have expired at %s", ErrInvalid, l.Expires)
	}
	return nil
}

// there gives the locked row of a link that is there from now on: it is made, or found, or brought back.
func (s *Store) there(ctx context.Context, tx *sql.Tx, id ID, sum []byte, l *Link, now int64) (*row, error) {
	// Where another transaction is inserting the same row, this waits for it.
	if _, err := tx.ExecContext(ctx, `INSERT INTO links (id, digest, kind, version, content, created, expires, gone, gone_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0) ON CONFLICT (id) DO NOTHING`,
		id.String(), sum, l.Kind, l.Version, l.Content, now, stored(l.Expires)); err != nil {
		return nil, err
	}
	r, err := s.locked(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(r.digest, sum) {
		return nil, ErrTaken
	}
	if r.goneBy(id, now) == nil {
		return r, nil
	}
	r.created = now
	// The keys of before do not take back what is shared now.
	if _, err := tx.ExecContext(ctx, "DELETE FROM shares WHERE link = $1", id.String()); err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, "UPDATE links SET content = $1, created = $2, gone = '', gone_at = 0 WHERE id = $3", l.Content, now, id.String())
	return r, err
}

// latest sets a link's expiry to its last share's, and gives it; 0 if no share is left.
func latest(ctx context.Context, tx *sql.Tx, id ID) (expires int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE links SET expires = COALESCE((SELECT MAX(expires) FROM shares WHERE link = $1), 0)
		WHERE id = $1 RETURNING expires`, id.String()).Scan(&expires)
	return expires, err
}
