package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/web/locales"
)

// apiNewLink is what a program sends to share a trace: the trace page's URL query, and what the sharer adds.
type apiNewLink struct {
	Query string            `json:"query"`
	Title string            `json:"title"`
	Notes map[string]string `json:"notes"` // by station
	Step  string            `json:"step"`
	Lang  string            `json:"lang"`
	// Encrypted is all there is of a link that the server cannot read.
	Encrypted []byte `json:"encrypted"`
}

// apiLinkReceipt is what it gets. The key is told only here.
type apiLinkReceipt struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	DeleteKey string     `json:"deleteKey"`
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires"` // null: never
}

// apiLinkContent is a link as it was shared.
type apiLinkContent struct {
	ID      string         `json:"id"`
	Kind    share.Kind     `json:"kind"`
	Created time.Time      `json:"created"`
	Expires *time.Time     `json:"expires"`
	Content *share.Content `json:"content,omitempty"`
	// Encrypted is what the browser of who shared it made of the content, for one that has the key.
	Encrypted []byte `json:"encrypted,omitempty"`
}

// apiShare keeps a trace: POST /api/v1/links.
func (s *Server) apiShare(w http.ResponseWriter, r *http.Request) {
	receipt, err := s.apiKeep(r)
	if err != nil {
		s.linkError(w, r, err)
		return
	}
	href := "/s/" + receipt.ID.String()
	w.Header().Set("Location", href)
	writeJSON(w, http.StatusCreated, apiLinkReceipt{ID: receipt.ID.String(), URL: s.base(r) + href, DeleteKey: receipt.Key.Text(), Created: receipt.Created, Expires: orNull(receipt.Expires)})
}

func (s *Server) apiKeep(r *http.Request) (share.Receipt, error) {
	var none share.Receipt
	if s.links == nil {
		return none, errNoLinks
	}
	var in apiNewLink
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return none, bodyError(err)
	}
	if in.Encrypted != nil {
		return s.links.Put(r.Context(), share.Link{Kind: share.Encrypted, Version: sealedVersion, Content: in.Encrypted, Expires: s.until()})
	}
	v, err := url.ParseQuery(strings.TrimPrefix(in.Query, "?"))
	if err != nil {
		return none, malformed{err}
	}
	if in.Step != "" {
		v.Set("step", in.Step)
	}
	lang := locales.Match(in.Lang)
	x, err := s.toShare(r.Context(), locales.New(lang), parse(v))
	if err != nil {
		return none, err
	}
	if x.doc == nil {
		return none, fieldErrors(x.errors)
	}
	return s.keep(r.Context(), x, in.Title, in.Notes, lang)
}

// fieldErrors are what is wrong with a query.
type fieldErrors []*FieldError

func (e fieldErrors) Error() string {
	var out []string
	for _, f := range e {
		out = append(out, f.Error())
	}
	return strings.Join(out, "; ")
}

// apiLink gives what was shared: GET /api/v1/links/{id}.
func (s *Server) apiLink(w http.ResponseWriter, r *http.Request) {
	f, err := s.open(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		s.linkError(w, r, err)
		return
	}
	out := apiLinkContent{ID: f.id, Kind: f.link.Kind, Created: f.link.Created, Expires: orNull(f.link.Expires), Content: f.content}
	if f.link.Kind == share.Encrypted {
		out.Encrypted = f.link.Content
	}
	writeJSON(w, http.StatusOK, out)
}

// apiDeleteLink takes a share back: DELETE /api/v1/links/{id} with `Authorization: Bearer <key>`.
func (s *Server) apiDeleteLink(w http.ResponseWriter, r *http.Request) {
	err := error(errNoLinks)
	if s.links != nil {
		var id share.ID
		if id, err = share.ParseID(chi.URLParam(r, "id")); err == nil {
			key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			_, err = s.take(r.Context(), id, key)
		} else {
			err = share.ErrNotFound
		}
	}
	if err != nil {
		s.linkError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// linkError answers a program with what is wrong.
func (s *Server) linkError(w http.ResponseWriter, r *http.Request, err error) {
	var fields fieldErrors
	if errors.As(err, &fields) {
		writeErrors(w, http.StatusUnprocessableEntity, fields...)
		return
	}
	status, e := http.StatusInternalServerError, apiError{Code: "internal"}
	var gone *share.GoneError
	var large tooLarge
	var content *share.ContentError
	switch {
	case errors.Is(err, errNoLinks):
		status, e.Code = http.StatusNotFound, "no-links"
	case errors.Is(err, share.ErrNotFound):
		status, e.Code = http.StatusNotFound, "no-link"
	case errors.As(err, &gone):
		status, e.Code, e.Args = http.StatusGone, "link-"+string(gone.Reason), map[string]string{"at": gone.At.Format(time.RFC3339)}
	case errors.Is(err, share.ErrWrongKey):
		status, e.Code = http.StatusForbidden, "wrong-key"
	case errors.As(err, &large):
		status, e.Code, e.Args = http.StatusRequestEntityTooLarge, "too-large", map[string]string{"limit": strconv.FormatInt(large.limit, 10)}
	case errors.Is(err, share.ErrTooLarge):
		status, e.Code, e.Args = http.StatusRequestEntityTooLarge, "too-large", map[string]string{"limit": strconv.Itoa(share.MaxContent)}
	case errors.As(err, &content):
		status, e.Code, e.Field = http.StatusUnprocessableEntity, "bad-content", content.Field
	case errors.As(err, new(malformed)):
		status, e.Code = http.StatusBadRequest, "malformed"
	case errors.As(err, new(unreadable)), errors.Is(err, share.ErrDamaged):
		status, e.Code = http.StatusUnprocessableEntity, "link-unreadable"
	case isTimeout(err):
		status, e.Code = http.StatusGatewayTimeout, "timeout"
	}
	if e.Message = err.Error(); e.Code == "internal" {
		e.Message = http.StatusText(status) // what the database says is for the log
		s.log.Error("sharing failed", "url", r.URL.Path, "error", err)
	}
	writeAPIErrors(w, status, e)
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
