package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// assets serves the embedded files under an address that holds their content's hash, so that a browser may keep them
// for as long as it likes.
type assets struct {
	files  map[string]asset
	hashed map[string]string // app.css → app.0a1b2c3d.css
}

type asset struct {
	data []byte
	mime string
	hash string
}

// wanted are the files that the pages name.
var wanted = []string{"app.css", "pages.css", "app.js", "htmx.js", "icon.svg"}

func newAssets(fsys fs.FS) (*assets, error) {
	a := &assets{files: map[string]asset{}, hashed: map[string]string{}}
	for _, name := range wanted {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("embedded asset: %w", err)
		}
		sum := sha256.Sum256(data)
		hash := hex.EncodeToString(sum[:5])
		ext := path.Ext(name)
		a.files[name] = asset{data: data, mime: mime.TypeByExtension(ext), hash: hash}
		a.hashed[name] = strings.TrimSuffix(name, ext) + "." + hash + ext
	}
	return a, nil
}

// href is an asset's address with its hash.
func (a *assets) href(name string) string { return "/static/" + a.hashed[name] }

// ServeHTTP serves a file. With its hash in the name it may be kept forever; without, or with an old one, it must be
// asked for again.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	plain := name
	if parts := strings.Split(name, "."); len(parts) == 3 {
		plain = parts[0] + "." + parts[2]
	}
	f, ok := a.files[plain]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	if name == a.hashed[plain] {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("ETag", `"`+f.hash+`"`)
	if r.Header.Get("If-None-Match") == `"`+f.hash+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mime)
	_, _ = w.Write(f.data)
}
