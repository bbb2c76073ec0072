package share

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// versionTable is where goose notes what it has run. Its own default is left to others in the same database.
const versionTable = "links_version"

// migrate brings the tables up to date, by the files in a folder of migrations. A database of a newer podpath is left alone:
// this one would not know what it breaks.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder string, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files, append(options, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	has, knows, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if has > knows {
		return fmt.Errorf("%w: its tables are of version %d, and this podpath knows up to %d", ErrNewer, has, knows)
	}
	return nil
}
