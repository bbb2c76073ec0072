package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/share"
)

// shelf is a server that keeps links, on a clock of its own.
type shelf struct {
	http.Handler
	store *share.Store
	now   time.Time
	log   strings.Builder
}

func keeping(t testing.TB, ttl time.Duration) *shelf {
	t.Helper()
	s := &shelf{now: time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)}
	var err error
	if s.store, err = share.Open(t.Context(), filepath.Join(t.TempDir(), "links.db"), func() time.Time { return s.now }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	e, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	web, err := server.New(server.Config{Engine: e, Links: s.store, TTL: ttl, Now: func() time.Time { return s.now }, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.Handler = web.Handler()
	return s
}

func (s *shelf) ask(t testing.TB, method, target, body string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (s *shelf) page(t testing.TB, target string) (int, string) {
	t.Helper()
	code, body := s.ask(t, http.MethodGet, target, "", "Accept-Language", "en")
	return code, html.UnescapeString(body)
}

type receipt struct{ ID, URL, DeleteKey string }

func (s *shelf) share(t testing.TB, body string) receipt {
	t.Helper()
	code, got := s.ask(t, http.MethodPost, "/api/v1/links", body)
	var r receipt
	if err := json.Unmarshal([]byte(got), &r); err != nil || code != http.StatusCreated {
		t.Fatalf("%d %s", code, got)
	}
	return r
}

const (
	question = "preset=eks-study&from=pod/default/netshoot-2&to=pod/default/netshoot-3&proto=tcp"
	atSNAT   = "request/node-a/1/nat-POSTROUTING"
)

func TestSharedTrace(t *testing.T) {
	s := keeping(t, 0)
	r := s.share(t, `{"query":"`+question+`","step":"`+atSNAT+`","title":"Why ENI1?","notes":{"`+atSNAT+`":"No SNAT\ninside the VPC"},"lang":"ko"}`)
	if again := s.share(t, `{"query":"`+question+`","step":"`+atSNAT+`","title":"Why ENI1?","notes":{"`+atSNAT+`":"No SNAT\ninside the VPC"},"lang":"ko"}`); again.ID != r.ID || again.DeleteKey == r.DeleteKey {
		t.Errorf("sharing the same again gives %+v, before %+v", again, r)
	}
	if r.URL != "http://example.com/s/"+r.ID {
		t.Errorf("url %s", r.URL)
	}
	_, today := s.page(t, "/trace?"+question+"&step="+atSNAT)
	code, body := s.page(t, "/s/"+r.ID)
	if code != 200 || rawKey.MatchString(body) {
		t.Fatalf("%d %s", code, rawKey.FindString(body))
	}
	for _, want := range []string{"<title>Why ENI1? · podpath</title>", "No SNAT", "inside the VPC", "As it was on 2026-11-27, traced by podpath", "Today's podpath says the same.", `href="/s/` + r.ID + `/delete"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// What is drawn and listed is today's trace, for it was shared a moment ago.
	drawing := regexp.MustCompile(`(?s)<svg id="dg".*?</svg>`)
	steps := regexp.MustCompile(`/s/` + r.ID + `\?step=`)
	want, got := drawing.FindString(today), drawing.FindString(body)
	want = regexp.MustCompile(`/trace\?[^"]*step=`).ReplaceAllString(want, "STEP=")
	if got = steps.ReplaceAllString(got, "STEP="); got != want || got == "" {
		t.Error("the drawing is not the trace's own")
	}
	// Each of its stations has an address.
	hrefs := regexp.MustCompile(`class="hop[^"]*" href="([^"]+)"`).FindAllStringSubmatch(body, -1)
	if len(hrefs) < 20 {
		t.Fatalf("%d stations", len(hrefs))
	}
	if code, at := s.page(t, hrefs[11][1]); code != 200 || !strings.Contains(at, `data-i="11" aria-current="step"`) {
		t.Errorf("%s: %d, and another station is shown", hrefs[11][1], code)
	}
	for _, ext := range []string{"md", "mmd", "txt", "json"} {
		if code, file := s.page(t, "/s/"+r.ID+"."+ext); code != 200 || !strings.Contains(file, "POSTROUTING") {
			t.Errorf(".%s: %d", ext, code)
		}
	}
	if _, post := s.page(t, "/s/"+r.ID+".md"); !strings.HasPrefix(post, "# Why ENI1?\n") || !strings.Contains(post, "/s/"+r.ID+"?step="+atSNAT) {
		t.Errorf("the post begins %.200s", post)
	}
}

func TestShareForm(t *testing.T) {
	s := keeping(t, 30*24*time.Hour)
	code, body := s.page(t, "/share?"+question+"&step="+atSNAT)
	if code != 200 || rawKey.MatchString(body) || !strings.Contains(body, "It goes after 30 days, or when it is deleted.") || !strings.Contains(body, `<label class="label" for="note.`+atSNAT+`">Note on 7 · POSTROUTING</label>`) {
		t.Fatalf("%d %s", code, rawKey.FindString(body))
	}
	form := url.Values{}
	for _, f := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(body, -1) {
		form.Add(f[1], f[2])
	}
	if form.Get("from") != "pod/default/netshoot-2" || form.Get("step") != atSNAT {
		t.Fatalf("the form sends %v", form)
	}
	form.Set("title", "  <b>Hi</b>  ")
	form.Set("note."+atSNAT, "one\r\ntwo")
	send := func(f url.Values) (int, string) {
		code, body := s.ask(t, http.MethodPost, "/share", f.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Accept-Language", "en")
		return code, html.UnescapeString(body)
	}
	code, body = send(form)
	link := regexp.MustCompile(`>http://example.com(/s/[0-9a-z]{26})</textarea>`).FindStringSubmatch(body)
	key := regexp.MustCompile(`id="sh-keyf"[^>]*>([0-9a-z]{26})</textarea>`).FindStringSubmatch(body)
	if code != http.StatusCreated || link == nil || key == nil || !strings.Contains(body, "It stays until 2026-12-27") {
		t.Fatalf("%d: link %q, key %q", code, link, key)
	}
	if _, raw := s.ask(t, http.MethodGet, link[1], ""); strings.Contains(raw, "<b>Hi</b>") || !strings.Contains(raw, "&lt;b&gt;Hi&lt;/b&gt;") {
		t.Error("a title is markup")
	}
	// What no link may have, the form says, with all that was typed still in it.
	form.Set("title", strings.Repeat("x", share.MaxTitle+1))
	code, body = send(form)
	if code != http.StatusUnprocessableEntity || !strings.Contains(body, "The title has more than 200 characters.") || !strings.Contains(body, "one\r\ntwo") {
		t.Errorf("a long title: %d", code)
	}
	form.Set("title", strings.Repeat("x", 13<<20))
	if code, body = send(form); code != http.StatusRequestEntityTooLarge || !strings.Contains(body, "A link keeps at most 12 MB.") {
		t.Errorf("a huge title: %d", code)
	}
	// Taken back by its key.
	if code, _ := s.page(t, link[1]+"/delete"); code != 200 {
		t.Errorf("delete: %d", code)
	}
	take := func(key string) (int, string) {
		return s.ask(t, http.MethodPost, link[1]+"/delete", "key="+key, "Content-Type", "application/x-www-form-urlencoded", "Accept-Language", "en")
	}
	for _, wrong := range []string{"", "x", link[1][3:]} {
		if code, body := take(wrong); code != http.StatusForbidden || !strings.Contains(body, "This is not the key of this link.") {
			t.Errorf("key %q: %d", wrong, code)
		}
	}
	if code, body := take(strings.ToUpper(key[1])); code != 200 || !strings.Contains(body, "The link opens no more") {
		t.Errorf("its own key: %d", code)
	}
	if code, body := s.page(t, link[1]); code != http.StatusGone || !strings.Contains(body, "Who shared it took it back on 2026-11-27.") {
		t.Errorf("afterwards: %d", code)
	}
}

// TestSharedByTwo: one takes theirs back, and the other's still opens.
func TestSharedByTwo(t *testing.T) {
	s := keeping(t, 0)
	a, b := s.share(t, `{"query":"`+question+`"}`), s.share(t, `{"query":"`+question+`"}`)
	take := func(key string) int {
		code, _ := s.ask(t, http.MethodDelete, "/api/v1/links/"+a.ID, "", "Authorization", "Bearer "+key)
		return code
	}
	if code := take(a.DeleteKey); code != http.StatusNoContent {
		t.Fatalf("the first: %d", code)
	}
	if code, _ := s.page(t, "/s/"+b.ID); code != 200 {
		t.Errorf("then: %d", code)
	}
	if code := take(a.DeleteKey); code != http.StatusForbidden {
		t.Errorf("the first once more: %d", code)
	}
	if code := take(b.DeleteKey); code != http.StatusNoContent {
		t.Errorf("the second: %d", code)
	}
	if code, body := s.ask(t, http.MethodGet, "/api/v1/links/"+a.ID, ""); code != http.StatusGone || !strings.Contains(body, `"code": "link-deleted"`) {
		t.Errorf("then: %d %s", code, body)
	}
}

func TestExpired(t *testing.T) {
	s := keeping(t, time.Hour)
	r := s.share(t, `{"query":"`+question+`"}`)
	s.now = s.now.Add(59 * time.Minute)
	if code, _ := s.page(t, "/s/"+r.ID); code != 200 {
		t.Errorf("within the hour: %d", code)
	}
	s.now = s.now.Add(time.Minute)
	if code, body := s.page(t, "/s/"+r.ID); code != http.StatusGone || !strings.Contains(body, "This link has expired") {
		t.Errorf("after it: %d", code)
	}
}

// stored puts a content in the store that the server did not make.
func (s *shelf) stored(t testing.TB, change func(c *share.Content)) string {
	t.Helper()
	r := s.share(t, `{"query":"`+question+`","step":"`+atSNAT+`"}`)
	id, err := share.ParseID(r.ID)
	if err != nil {
		t.Fatal(err)
	}
	link, err := s.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := share.Decode(link.Content)
	if err != nil {
		t.Fatal(err)
	}
	change(c)
	made, err := c.Link(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.store.Put(t.Context(), made)
	if err != nil {
		t.Fatal(err)
	}
	return got.ID.String()
}

// TestDrift: where today's engine says something else, the page shows what was shared, and says where they differ.
func TestDrift(t *testing.T) {
	s := keeping(t, 0)
	rule := `-A AWS-SNAT-CHAIN-0 -d 192.168.0.0/16 -m comment --comment \"AWS SNAT CHAIN\" -j RETURN`
	old := strings.ReplaceAll(rule, "192.168.0.0/16", "192.168.0.0/17")
	id := s.stored(t, func(c *share.Content) {
		if !strings.Contains(string(c.Trace), rule) {
			t.Fatal("the rule is not in the trace")
		}
		c.Engine = "podpath 0.0.9"
		c.Trace = json.RawMessage(strings.ReplaceAll(string(c.Trace), rule, old))
	})
	code, body := s.page(t, "/s/"+id+"?lang=en")
	if code != 200 || !strings.Contains(body, "traced by podpath 0.0.9") || !strings.Contains(body, "says something else") || strings.Contains(body, "says the same") {
		t.Fatalf("%d", code)
	}
	if !strings.Contains(body, "192.168.0.0/17 -m comment") || strings.Contains(body, "192.168.0.0/16 -m comment") {
		t.Error("what is shown is not what was shared")
	}
	if n := strings.Count(body, "<dt>"); n != 2 /* the rule is on both nodes */ || !strings.Contains(body, `<a href="/s/`+id+`?step=`+atSNAT+`">POSTROUTING, node-a</a>`) {
		t.Errorf("%d steps are named as different", n)
	}
	// A question that today's engine does not take any more.
	id = s.stored(t, func(c *share.Content) { c.Query = strings.Replace(c.Query, "eks-study", "eks-of-old", 1) })
	if code, body = s.page(t, "/s/"+id+"?lang=en"); code != 200 || !strings.Contains(body, "It does not take this question any more") || !strings.Contains(body, "eks-of-old") {
		t.Errorf("a preset that is gone: %d", code)
	}
}

// TestBadLinks: what is no link, or was tampered with, is said on a page; it is never a failure of the server.
func TestBadLinks(t *testing.T) {
	s := keeping(t, 0)
	good := s.share(t, `{"query":"`+question+`"}`).ID
	damaged := func(old, fresh string) string {
		return s.stored(t, func(c *share.Content) {
			if !strings.Contains(string(c.Trace), old) {
				t.Fatalf("%s is not there", old)
			}
			c.Trace = json.RawMessage(strings.Replace(string(c.Trace), old, fresh, 1))
		})
	}
	for _, tt := range []struct {
		id   string
		code int
		say  string
	}{
		{good[:25], 404, "There is no such link"},
		{good + "0", 404, "There is no such link"},
		{good[:25] + "u", 404, "There is no such link"},
		{"0" + good[1:25] + "0", 404, "There is no such link"},
		{strings.Repeat("a", 5000), 404, "There is no such link"},
		{strings.ToUpper(good), 200, "netshoot-2"},
		{good + ".", 404, "There is no such"},
		{good + ".exe", 404, "There is no such page"},
		{"%00", 404, "There is no such link"},
		{"%F0%9F%92%A9", 404, "There is no such link"},
		{"..%2f..%2fetc", 404, "There is no such"},
		{damaged(`"packet":3`, `"packet":30000`), 422, "This link cannot be shown"},
		{damaged(`"decisive":`, `"decisive":-7,"x":`), 422, "This link cannot be shown"},
		{damaged(`"leg":0`, `"leg":99`), 422, "This link cannot be shown"},
		{damaged(`"version":1`, `"version":2`), 422, "This link cannot be shown"},
		{s.stored(t, func(c *share.Content) { c.Trace = json.RawMessage(`{}`) }), 422, "This link cannot be shown"},
		{s.stored(t, func(c *share.Content) { c.Scene = nil }), 422, "This link cannot be shown"},
		{s.stored(t, func(c *share.Content) { c.Scene = json.RawMessage(`{"Stations":[]}`) }), 422, "This link cannot be shown"},
		{s.stored(t, func(c *share.Content) { c.Step = "nowhere"; c.Notes = map[string]string{"nowhere": "x"} }), 200, "netshoot-2"},
	} {
		code, body := s.page(t, "/s/"+tt.id)
		if code != tt.code || !strings.Contains(body, tt.say) || rawKey.MatchString(body) {
			t.Errorf("/s/%.60s: %d %s, want %d %q", tt.id, code, rawKey.FindString(body), tt.code, tt.say)
		}
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Error(s.log.String())
	}
}

// TestNoLinks: a server without a store says so.
func TestNoLinks(t *testing.T) {
	h := pages(t)
	if code, body := get(t, h, "/s/"+strings.Repeat("0", 26)); code != 404 || !strings.Contains(body, "keeps no links") {
		t.Errorf("a link: %d", code)
	}
	if code, body := get(t, h, "/share?"+question); code != 200 || strings.Contains(body, "Make the link") || !strings.Contains(body, ".mmd") {
		t.Errorf("sharing: %d", code)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/links", strings.NewReader("{}")))
	if body := w.Body.String(); w.Code != 404 || !strings.Contains(body, `"code": "no-links"`) {
		t.Errorf("the API: %d %s", w.Code, body)
	}
}

func TestShareAPIErrors(t *testing.T) {
	s := keeping(t, 0)
	for _, tt := range []struct {
		name, body string
		code       int
		say        string
	}{
		{"nothing", "", 400, "malformed"},
		{"no JSON", "x", 400, "malformed"},
		{"an array", "[]", 400, "malformed"},
		{"an unknown field", `{"query":"` + question + `","color":"red"}`, 400, "color"},
		{"no query", `{}`, 422, `"field": "from"`},
		{"a query that is none", `{"query":"%zz"}`, 400, "malformed"},
		{"an unknown place", `{"query":"preset=eks-study&from=pod/x/y&to=internet"}`, 422, "unknown-place"},
		{"a note on no step", `{"query":"` + question + `","notes":{"nowhere":"x"}}`, 422, "bad-content"},
		{"a control character", `{"query":"` + question + `","title":"a\u0007"}`, 422, "bad-content"},
		{"huge", `{"query":"` + question + `","title":"` + strings.Repeat("x", 13<<20) + `"}`, 413, `"limit": "12582912"`},
	} {
		code, body := s.ask(t, http.MethodPost, "/api/v1/links", tt.body)
		if code != tt.code || !strings.Contains(body, tt.say) {
			t.Errorf("%s: %d %.300s, want %d with %s", tt.name, code, body, tt.code, tt.say)
		}
	}
}

// FuzzShareAPI: whatever is sent, the server has an answer that is none of its own failures, and what it acknowledges opens.
func FuzzShareAPI(f *testing.F) {
	f.Add(`{"query":"` + question + `","title":"t","notes":{"` + atSNAT + `":"n"},"step":"x","lang":"ko"}`)
	f.Add(`{"query":"preset=&from=1.1.1.1&to=::1&choice=a=b&set=c=d&dport=-1"}`)
	f.Add(`{}`)
	f.Add("[")
	s := keeping(f, 0)
	f.Fuzz(func(t *testing.T, body string) {
		code, got := s.ask(t, http.MethodPost, "/api/v1/links", body)
		if code >= 500 {
			t.Fatalf("%d %s\n%s", code, got, s.log.String())
		}
		if code != http.StatusCreated {
			return
		}
		var r receipt
		if err := json.Unmarshal([]byte(got), &r); err != nil {
			t.Fatal(err)
		}
		if code, page := s.page(t, "/s/"+r.ID); code != 200 || !strings.Contains(page, `class="dg"`) {
			t.Fatalf("%s opens with %d", body, code)
		}
	})
}

// FuzzLink: whatever stands under an id, opening it is no failure.
func FuzzLink(f *testing.F) {
	s := keeping(f, 0)
	r := s.share(f, `{"query":"preset=eks-study&from=pod/default/netshoot-1&to=svc/default/web-empty&proto=tcp"}`)
	id, err := share.ParseID(r.ID)
	if err != nil {
		f.Fatal(err)
	}
	link, err := s.store.Get(context.Background(), id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(link.Content, "")
	f.Add([]byte(`{"version":1}`), "")
	f.Add(link.Content, "request/node-a/1/filter-FORWARD")
	f.Fuzz(func(t *testing.T, content []byte, step string) {
		got, err := s.store.Put(t.Context(), share.Link{Kind: share.Plain, Version: share.ContentVersion, Content: content})
		if err != nil {
			return
		}
		for _, path := range []string{"", ".md", ".json", "/delete"} {
			if code, body := s.page(t, "/s/"+got.ID.String()+path+"?step="+url.QueryEscape(step)); code >= 500 {
				t.Fatalf("%s: %d %s\n%s", path, code, body, s.log.String())
			}
		}
	})
}

// TestOldLinks opens the links of every version that there has been: testdata/links has one of each, as it was stored.
func TestOldLinks(t *testing.T) {
	files, err := filepath.Glob("testdata/links/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no links in testdata/links: %v", err)
	}
	s := keeping(t, 0)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		version, id, ok := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		if !ok || version != "1" {
			t.Fatalf("%s: want VERSION-ID.json, of a version that this test knows", file)
		}
		got, err := s.store.Put(t.Context(), share.Link{Kind: share.Plain, Version: 1, Content: content})
		if err != nil || got.ID.String() != id {
			t.Fatalf("%s: id %v, %v", file, got.ID, err)
		}
		for _, lang := range []string{"en", "ko"} {
			code, body := s.page(t, "/s/"+id+"?lang="+lang)
			if code != 200 || rawKey.MatchString(body) || !strings.Contains(body, "Kept for ever") || !strings.Contains(body, "A note of its time") {
				t.Errorf("%s in %s: %d %s", file, lang, code, rawKey.FindString(body))
			}
		}
	}
}

// TestEncrypted: the server keeps what it cannot read, gives it back as it is, and shows what a browser has opened without keeping
// that.
func TestEncrypted(t *testing.T) {
	s := keeping(t, 0)
	form := url.Values{"preset": {"eks-study"}, "from": {"pod/default/netshoot-2"}, "to": {"pod/default/netshoot-3"}, "proto": {"tcp"}, "title": {"heron"}, "note." + atSNAT: {"a note"}, "step": {atSNAT}}
	send := func(target, kind, body string) (int, string) {
		code, got := s.ask(t, http.MethodPost, target, body, "Content-Type", kind, "Accept-Language", "en")
		return code, got
	}
	const formType = "application/x-www-form-urlencoded"
	code, draft := send("/share/draft", formType, form.Encode())
	if c, err := share.Decode([]byte(draft)); code != 200 || err != nil || c.Title != "heron" || c.Notes[atSNAT] != "a note" {
		t.Fatalf("the draft: %d, %v", code, err)
	}
	sealed := []byte(strings.Repeat("\x00\xffsealed", 20))
	code, body := send("/share", formType, url.Values{"sealed": {base64.StdEncoding.EncodeToString(sealed)}}.Encode())
	link := regexp.MustCompile(`>http://example.com(/s/[0-9a-z]{26})</textarea>`).FindStringSubmatch(body)
	if code != http.StatusCreated || link == nil {
		t.Fatalf("kept: %d", code)
	}
	var got struct {
		Kind      string
		Encrypted []byte
		Content   *share.Content
	}
	if code, body := s.ask(t, http.MethodGet, "/api/v1/links/"+link[1][3:], ""); code != 200 || json.Unmarshal([]byte(body), &got) != nil || got.Kind != "encrypted" || !bytes.Equal(got.Encrypted, sealed) || got.Content != nil {
		t.Errorf("the API: %d %.200s", code, body)
	}
	if code, body := s.page(t, link[1]); code != 200 || !strings.Contains(body, `data-sealed="/api/v1/links/`+link[1][3:]+`"`) || strings.Contains(body, "oembed") || strings.Contains(body, "og:image") {
		t.Errorf("its page: %d", code)
	}
	for _, path := range []string{".md", ".svg", "/card.png"} {
		if code, _ := s.page(t, link[1]+path); code != 404 {
			t.Errorf("%s of what cannot be read: %d", path, code)
		}
	}
	if code, body := send(link[1], "application/json", draft); code != 200 || !strings.Contains(body, "<title>heron · podpath</title>") || !strings.Contains(body, "a note") {
		t.Errorf("opened: %d", code)
	}
	if code, body := send(link[1]+".md", "application/json", draft); code != 200 || !strings.HasPrefix(body, "# heron\n") {
		t.Errorf("a file of it: %d", code)
	}
	for name, wrong := range map[string]string{"nothing": "", "half of it": draft[:len(draft)/2], "something else": "{}", "another version": strings.Replace(draft, `"version":1`, `"version":9`, 1)} {
		if code, body := send(link[1], "application/json", wrong); code != 422 || !strings.Contains(body, "This link cannot be shown") {
			t.Errorf("%s: %d", name, code)
		}
	}
	// A plain link is what is stored, whatever somebody sends.
	plain := "/s/" + s.share(t, `{"query":"`+question+`"}`).ID
	if code, _ := send(plain, "application/json", draft); code != 400 {
		t.Errorf("another content for a plain link: %d", code)
	}
	if code, _ := send("/share", formType, "sealed=%25"); code != 400 {
		t.Errorf("no base64: %d", code)
	}
}
