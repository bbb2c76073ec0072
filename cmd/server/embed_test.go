package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func (s *shelf) answer(t *testing.T, target string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Result()
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPictures: a trace's pictures and a link's are what they say, with the size that was asked for.
func TestPictures(t *testing.T) {
	s := keeping(t, 0)
	link := "/s/" + s.share(t, `{"query":"`+question+`","title":"Kept","step":"`+atSNAT+`"}`).ID
	for _, tt := range []struct {
		target        string
		width, height int // 0: any
	}{
		{"/trace.png?" + question, 1680, 0},
		{"/trace.png?width=500&" + question, 500, 0},
		{"/trace.png?width=1e9&" + question, 1680, 0},
		{"/trace/card.png?" + question, 1200, 630},
		{"/trace/card.png?lang=ko&theme=dark&step=" + atSNAT + "&" + question, 1200, 630},
		{link + ".png?width=700", 700, 0},
		{link + "/card.png?lang=ko", 1200, 630},
	} {
		r := s.answer(t, tt.target)
		c, err := png.DecodeConfig(r.Body)
		if r.StatusCode != 200 || err != nil || r.Header.Get("Content-Type") != "image/png" || c.Width != tt.width || tt.height != 0 && c.Height != tt.height {
			t.Errorf("%s: %d, %s, %d by %d, %v", tt.target, r.StatusCode, r.Header.Get("Content-Type"), c.Width, c.Height, err)
		}
	}
	one, other := read(t, s.answer(t, "/trace/card.png?"+question).Body), read(t, s.answer(t, "/trace/card.png?lang=ko&"+question).Body)
	if bytes.Equal(one, other) {
		t.Error("the card is the same in both languages")
	}
	for _, target := range []string{"/trace.svg?" + question, link + ".svg"} {
		r := s.answer(t, target)
		d := xml.NewDecoder(r.Body)
		elements := 0
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", target, err)
			}
			if _, ok := token.(xml.StartElement); ok {
				elements++
			}
		}
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "image/svg+xml" || elements < 100 {
			t.Errorf("%s: %d, %d elements", target, r.StatusCode, elements)
		}
	}
}

// TestSharePreviews: what a chat or a blog finds out about a trace, and about a link, at the step that was shared.
func TestSharePreviews(t *testing.T) {
	s := keeping(t, 0)
	link := "/s/" + s.share(t, `{"query":"`+question+`","title":"Kept <b>","step":"`+atSNAT+`"}`).ID
	meta := regexp.MustCompile(`<meta property="([^"]+)" content="([^"]*)">`)
	for _, tt := range []struct{ target, title, description, address string }{
		{"/trace?" + question + "&step=" + atSNAT + "&lang=ko", "netshoot-2 → netshoot-3 · podpath", "7 · POSTROUTING, node-a", "/trace?" + question + "&step=" + atSNAT + "&lang=ko"},
		{link + "?lang=en", "Kept <b> · podpath", "7 · POSTROUTING, node-a", link + "?lang=en"},
		{link + "?step=request/node-a/1/transmit&lang=en", "Kept <b> · podpath", "8 · Out by ens6, node-a", link + "?step=request/node-a/1/transmit&lang=en"},
	} {
		_, body := s.page(t, tt.target)
		got := map[string]string{}
		for _, m := range meta.FindAllStringSubmatch(body, -1) {
			got[m[1]] = m[2]
		}
		if got["og:title"] != tt.title || !strings.Contains(got["og:description"], tt.description) || got["og:url"] != "http://example.com"+tt.address {
			t.Errorf("%s: %v", tt.target, got)
		}
		image, ok := strings.CutPrefix(got["og:image"], "http://example.com")
		if r := s.answer(t, image); !ok || r.StatusCode != 200 || r.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: the picture %s: %d", tt.target, got["og:image"], r.StatusCode)
		}
		// oEmbed is found and answers with the frame (oembed.com, sections 2.3 and 4).
		at := regexp.MustCompile(`<link rel="alternate" type="application/json\+oembed" href="http://example.com([^"]+)"`).FindStringSubmatch(body)
		if at == nil {
			t.Fatalf("%s: no oEmbed", tt.target)
		}
		var rich struct {
			Type, Version, Title, HTML string
			Width, Height              int
			ThumbnailURL               string `json:"thumbnail_url"`
		}
		if err := json.Unmarshal(read(t, s.answer(t, at[1]).Body), &rich); err != nil || rich.Type != "rich" || rich.Version != "1.0" || rich.Title+" · podpath" != tt.title || rich.Width != 960 || rich.Height != 560 {
			t.Errorf("%s: %+v, %v", at[1], rich, err)
		}
		src := regexp.MustCompile(`^<iframe src="http://example.com([^"]+)" width="960" height="560"`).FindStringSubmatch(rich.HTML)
		if src == nil {
			t.Fatalf("%s: %s", at[1], rich.HTML)
		}
		frame := s.answer(t, strings.ReplaceAll(src[1], "&amp;", "&"))
		if csp := frame.Header.Get("Content-Security-Policy"); frame.StatusCode != 200 || !strings.Contains(csp, "frame-ancestors *;") {
			t.Errorf("%s: %d, %s", src[1], frame.StatusCode, csp)
		}
		if r := s.answer(t, rich.ThumbnailURL[len("http://example.com"):]); r.StatusCode != 200 {
			t.Errorf("%s: %d", rich.ThumbnailURL, r.StatusCode)
		}
	}
}

func TestOEmbedErrors(t *testing.T) {
	s := keeping(t, 0)
	trace := url.QueryEscape("http://example.com/trace?" + question)
	for _, tt := range []struct {
		query string
		code  int
	}{
		{"url=" + trace, 200},
		{"url=" + trace + "&format=xml", 501},
		{"", 404},
		{"url=" + url.QueryEscape("http://elsewhere.example/trace?"+question), 404},
		{"url=" + url.QueryEscape("http://example.com/lessons"), 404},
		{"url=" + url.QueryEscape("http://example.com/trace?from=x"), 404},
		{"url=" + url.QueryEscape("http://example.com/s/none"), 404},
		{"url=" + url.QueryEscape("javascript:alert(1)"), 404},
	} {
		if r := s.answer(t, "/oembed?"+tt.query); r.StatusCode != tt.code {
			t.Errorf("%s: %d, want %d", tt.query, r.StatusCode, tt.code)
		}
	}
	var small struct {
		HTML         string
		Width        int
		ThumbnailURL string `json:"thumbnail_url"`
	}
	if err := json.Unmarshal(read(t, s.answer(t, "/oembed?maxwidth=400&url="+trace).Body), &small); err != nil || small.Width != 400 || !strings.Contains(small.HTML, `width="400"`) || small.ThumbnailURL != "" {
		t.Errorf("in 400 pixels: %+v, %v", small, err)
	}
}

// TestFrames: only what is made for it may stand in another's page.
func TestFrames(t *testing.T) {
	s := keeping(t, 0)
	link := "/s/" + s.share(t, `{"query":"`+question+`"}`).ID
	for target, open := range map[string]bool{"/embed?" + question: true, link + "/embed": true, "/trace?" + question: false, link: false, "/share?" + question: false, link + "/delete": false, "/": false} {
		r := s.answer(t, target)
		csp := r.Header.Get("Content-Security-Policy")
		if strings.Contains(csp, "frame-ancestors *") != open || strings.Contains(csp, "frame-ancestors 'self'") == open {
			t.Errorf("%s: %s", target, csp)
		}
		body := string(read(t, r.Body))
		if strings.Contains(body, "data-framed") != open || strings.Contains(body, `class="fbar"`) != open {
			t.Errorf("%s: in a frame: %v", target, !open)
		}
		if open && (strings.Contains(body, `id="query"`) || strings.Contains(body, `class="top"`)) {
			t.Errorf("%s: what stands around the trace is there", target)
		}
	}
}
