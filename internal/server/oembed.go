package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/web/locales"
)

// The frame of an embedded trace in pixels, where there is room for it.
const frameWidth, frameHeight = 960, 560

// oembedRich is the answer to a consumer (oembed.com, section 2.3.4.4).
type oembedRich struct {
	Type            string `json:"type"`
	Version         string `json:"version"`
	Title           string `json:"title"`
	ProviderName    string `json:"provider_name"`
	ProviderURL     string `json:"provider_url"`
	HTML            string `json:"html"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	ThumbnailURL    string `json:"thumbnail_url,omitempty"`
	ThumbnailWidth  int    `json:"thumbnail_width,omitempty"`
	ThumbnailHeight int    `json:"thumbnail_height,omitempty"`
}

// oembed says how a trace's page is put into another page: GET /oembed?url=…&maxwidth=…&maxheight=…. JSON is the one format;
// another is answered with 501, an address that is none of a trace's with 404, as oembed.com has it.
func (s *Server) oembed(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if f := q.Get("format"); f != "" && f != "json" {
		http.Error(w, "format: json", http.StatusNotImplemented)
		return nil
	}
	u, err := url.Parse(q.Get("url"))
	base := s.base(r)
	if err != nil || u.Scheme+"://"+u.Host != base {
		return errNotFound
	}
	out := oembedRich{Type: "rich", Version: "1.0", ProviderName: "podpath", ProviderURL: base + "/", Width: within(q.Get("maxwidth"), frameWidth), Height: within(q.Get("maxheight"), frameHeight)}
	req := parse(u.Query())
	l := locales.New(s.language(r, req))
	frame, card := *u, *u
	switch id, isLink := strings.CutPrefix(u.Path, "/s/"); {
	case isLink:
		f, err := s.open(r.Context(), id)
		if err != nil {
			return err
		}
		if f.content == nil {
			return share.ErrNotFound
		}
		asked := f.asked()
		out.Title = f.title(l, asked, s.placesThen(r.Context(), asked))
		frame.Path, card.Path = "/s/"+f.id+embedPath, "/s/"+f.id+"/card.png"
	case u.Path == "/trace":
		x, err := s.toShare(r.Context(), l, req)
		if err != nil {
			return err
		}
		if x.doc == nil {
			return errNotFound
		}
		out.Title = flowTitle(l, x.request, x.places)
		frame.Path, card.Path = embedPath, "/trace/card.png"
	default:
		return errNotFound
	}
	out.HTML = embedding(frame.String(), strconv.Itoa(out.Width), out.Height)
	// A thumbnail may not be larger than what was asked for (section 2.3.4).
	if fits(q.Get("maxwidth"), export.CardWidth) && fits(q.Get("maxheight"), export.CardHeight) {
		out.ThumbnailURL, out.ThumbnailWidth, out.ThumbnailHeight = card.String(), export.CardWidth, export.CardHeight
	}
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
	return nil
}

// within is a length, or what a consumer has at most.
func within(most string, length int) int {
	if n, err := strconv.Atoi(most); err == nil && n > 0 && n < length {
		return n
	}
	return length
}

func fits(most string, length int) bool { return within(most, length) == length }
