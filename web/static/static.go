// Package static holds what browsers load beside the pages: the bundled style and script, htmx and the icon. They are
// built from web/src by `make web` and committed, so that a clone needs no Node to run.
package static

import "embed"

// Files are the assets by name.
//
//go:embed app.css pages.css app.js htmx.js icon.svg
var Files embed.FS
