package share

import (
	"context"
	"database/sql"
	"fmt"
)

// Get opens a link. The error is ErrNotFound, a [*GoneError], or ErrDamaged where the content is not what was shared.
func (s *Store) Get(ctx context.Context, id ID) (*Link, error) {
	l := Link{ID: id}
	var r row
	err := s.read.QueryRowContext(ctx, "SELECT kind, version, content, created, expires, gone, gone_at FROM links WHERE id = $1", id.String()).
		Scan(&l.Kind, &l.Version, &l.Content, &r.created, &r.expires, &r.gone, &r.goneAt)
	if err == sql.ErrNoRows {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("opening link %s: %w", id, err)
	}
	if gone := r.goneBy(id, s.now().UnixMilli()); gone != nil {
		return nil, gone
	}
	if IDOf(l.Kind, l.Version, l.Content) != id {
		return nil, fmt.Errorf("opening link %s: %w", id, ErrDamaged)
	}
	l.Created, l.Expires = loaded(r.created), loaded(r.expires)
	return &l, nil
}
