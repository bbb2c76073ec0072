package share

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"fmt"
	"time"
)

// Delete takes back the share that a key is of. open says that the link still opens, because others have shared the same. The
// error is ErrNotFound, a [*GoneError] or ErrWrongKey.
func (s *Store) Delete(ctx context.Context, id ID, key Key) (open bool, err error) {
	now := s.now().UnixMilli()
	err = s.transact(ctx, func(tx *sql.Tx) error {
		r, err := s.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		if gone := r.goneBy(id, now); gone != nil {
			return gone
		}
		hash, err := keyed(ctx, tx, id, key)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM shares WHERE link = $1 AND key_hash = $2", id.String(), hash); err != nil {
			return err
		}
		expires, err := latest(ctx, tx, id)
		if err != nil {
			return err
		}
		if open = expires > now; open {
			return nil
		}
		return bury(ctx, tx, id, Deleted, now)
	})
	if err != nil {
		return false, fmt.Errorf("deleting link %s: %w", id, err)
	}
	return open, nil
}

// keyed finds the share that a key is of, by its hash. All of the link's are compared, so that the time taken says nothing of any.
func keyed(ctx context.Context, tx *sql.Tx, id ID, key Key) (hash []byte, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT key_hash FROM shares WHERE link = $1", id.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	want := key.Hash()
	for rows.Next() {
		var h []byte
		if err := rows.Scan(&h); err != nil {
			return nil, err
		}
		if subtle.ConstantTimeCompare(h, want[:]) == 1 {
			hash = h
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if hash == nil {
		return nil, ErrWrongKey
	}
	return hash, nil
}

// Purge drops the content of links that have expired by now, and gives their number. It takes one after the other, so that
// nobody waits long for it; several servers may do it at once.
func (s *Store) Purge(ctx context.Context, now time.Time) (n int, err error) {
	ids, err := s.expired(ctx, now.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("purging links: %w", err)
	}
	for _, id := range ids {
		buried, err := s.purge(ctx, id, now.UnixMilli())
		if err != nil {
			return n, fmt.Errorf("purging link %s: %w", id, err)
		}
		if buried {
			n++
		}
	}
	return n, nil
}

// expired are the links that are to be purged.
func (s *Store) expired(ctx context.Context, now int64) ([]ID, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT id FROM links WHERE gone = '' AND expires <= $1", now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []ID
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		id, err := ParseID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// purge buries one link, unless another server has, or somebody has shared it again meanwhile.
func (s *Store) purge(ctx context.Context, id ID, now int64) (buried bool, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		r, err := s.locked(ctx, tx, id)
		if err != nil || r.gone != "" || r.expires > now {
			return err
		}
		buried = true
		return bury(ctx, tx, id, Expired, r.expires)
	})
	return buried, err
}
