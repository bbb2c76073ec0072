package server_test

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/maxpods"
	"github.com/podpath/podpath/internal/server/servertest"
	"github.com/podpath/podpath/web/locales"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// readable is what a page says, without its tags and its blanks.
func readable(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(body, " "))), " ")
}

// count is how many elements have a class.
func count(body, class string) int {
	return len(regexp.MustCompile(`<(?:i|span) class="`+class+`"`).FindAllString(body, -1))
}

func TestMaxPods(t *testing.T) {
	h := handler(t, servertest.Engine{})
	for _, tt := range []struct {
		url    string
		status int
		says   []string
	}{
		{"/maxpods", 200, []string{"Pods on one t3.medium 17 pods"}},
		{"/maxpods?type=t3.medium", 200, []string{"3 ENI × (6 − 1) + 2 = 17", "2 vCPUs", "which use the host's network", "The ceiling is 110",
			"nodeadm (self-managed, AL2023)", "would find no address: 93", "All ENIs for pods (3), full 18"}},
		{"/maxpods?type=t3.medium&mode=prefix", 200, []string{"110 pods only once max pods is raised; by itself the node gets 17",
			"3 ENI × (6 − 1) × 16 + 2 = 242 → 110", "Prefix delegation alone does not raise max pods", "7 prefixes for pods"}},
		{"/maxpods?type=T3.Medium&mode=secondary&custom=true", 200, []string{"(3 − 1) ENI × (6 − 1) + 2 = 12", "in none of podpath's sources", "The primary ENI alone"}},
		{"/maxpods?type=m5.24xlarge", 200, []string{"250 pods", "= 737 → 250", "has no ceiling"}},
		{"/maxpods?type=c4.large&mode=prefix", 200, []string{"29 pods", "falls back to secondary addresses"}},
		{"/maxpods?type=mac-m4.metal", 200, []string{"110 or 234 pods", "vCPUs not known", "not known"}},
		{"/maxpods?type=p5.48xlarge", 200, []string{"100 pods", "64 ENIs on 32 network cards"}},
		{"/maxpods?type=r9g.large", 200, []string{"by the size's name", "They were not checked"}},
		// what is wrong stands beside its field
		{"/maxpods?type=t3.mediun", 422, []string{"There is no instance type named t3.mediun. Did you mean: t3.medium"}},
		{"/maxpods?type=potato&mode=prefix", 422, []string{"There is no instance type named potato."}},
		{"/maxpods?type=t3.medium&mode=turbo", 422, []string{"turbo is no address mode. It is secondary or prefix.", "17 pods"}},
		{"/maxpods?type=t3.medium&custom=maybe", 422, []string{"maybe is neither true nor false.", "17 pods"}},
		{"/maxpods?type=t3.medium&lang=ko", 200, []string{"노드 하나에 파드가 몇 개 들어가나요?", "17 개", "보조 IP", "프리픽스 위임", "관리형 노드 그룹"}},
	} {
		w := get(t, h, tt.url)
		if w.Code != tt.status {
			t.Errorf("GET %s: status %d, want %d", tt.url, w.Code, tt.status)
		}
		text := readable(w.Body.String())
		for _, s := range tt.says {
			if !strings.Contains(text, s) {
				t.Errorf("GET %s: does not say %q", tt.url, s)
			}
		}
	}
}

// TestMaxPodsErrors: a field with something wrong about it points to what is wrong, and a typo to what it may have meant.
func TestMaxPodsErrors(t *testing.T) {
	body := get(t, handler(t, servertest.Engine{}), "/maxpods?type=t3.mediun&mode=prefix&custom=true&lang=en").Body.String()
	field := regexp.MustCompile(`<input id="mp-type"[^>]*>`).FindString(body)
	for _, s := range []string{`value="t3.mediun"`, `aria-invalid="true"`, `aria-describedby="type-error"`} {
		if !strings.Contains(field, s) {
			t.Errorf("the field lacks %s: %s", s, field)
		}
	}
	for _, s := range []string{`id="type-error"`, `href="/maxpods?type=t3.medium&amp;mode=prefix&amp;custom=true&amp;lang=en"`} {
		if !strings.Contains(body, s) {
			t.Errorf("the page lacks %s", s)
		}
	}
	if strings.Contains(body, "<output") || strings.Contains(body, "<figure") {
		t.Error("a type that is not known has a number")
	}
	hostile := get(t, handler(t, servertest.Engine{}), `/maxpods?type="><script>alert(1)</script>&mode=<script>x`)
	if hostile.Code != 422 || regexp.MustCompile(`<script>`).MatchString(hostile.Body.String()) {
		t.Errorf("status %d; the query is in the page unescaped", hostile.Code)
	}
}

// TestMaxPodsPages: of types of every size, in all modes and both languages, the page says the numbers of internal/maxpods and
// draws as many slots, it has all its sentences, nothing that the content policy forbids, and it is light.
func TestMaxPodsPages(t *testing.T) {
	h := handler(t, servertest.Engine{})
	raw := regexp.MustCompile(`(?:maxpods|maxpods-why|maxpods-who|ui)\.[a-z]|<no value>`)
	forbidden := regexp.MustCompile(`<script>|<style| style="| on[a-z]+="|javascript:`)
	types := []string{"r9g.24xlarge", "t3.nano", "mac-m4.metal", "p5.48xlarge", "i7ie.48xlarge", "c4.large", "c5.metal", "m6g.medium"}
	for i, name := range maxpods.Types() {
		if i%60 == 0 {
			types = append(types, name)
		}
	}
	for _, name := range types {
		ty, err := maxpods.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []maxpods.Options{{}, {Prefix: true}, {CustomNetworking: true}, {Prefix: true, CustomNetworking: true}} {
			r := maxpods.Compute(ty, o)
			for _, lang := range locales.Languages {
				url := "/maxpods?type=" + name + "&lang=" + lang
				if o.Prefix {
					url += "&mode=prefix"
				}
				if o.CustomNetworking {
					url += "&custom=true"
				}
				w := get(t, h, url)
				body := w.Body.String()
				if w.Code != 200 || raw.MatchString(readable(body)) || forbidden.MatchString(body) {
					t.Errorf("GET %s: status %d, %q, %q", url, w.Code, raw.FindString(readable(body)), forbidden.FindString(body))
				}
				big := regexp.MustCompile(`<output[^>]*>([^<]*)</output>`).FindStringSubmatch(body)
				small, large := r.Either()
				if big == nil || !strings.HasPrefix(big[1], strconv.Itoa(small)) || !strings.HasSuffix(big[1], strconv.Itoa(large)) {
					t.Errorf("GET %s: %q, want %d or %d", url, big, small, large)
				}
				want := map[string]int{"slot use(?: part)?": 0, "slot warm": 0, "slot none": 0}
				for _, row := range r.Drawing() {
					for _, s := range row {
						switch s.State {
						case maxpods.Used:
							want["slot use(?: part)?"]++
						case maxpods.Warm:
							want["slot warm"]++
						case maxpods.NoPods:
							want["slot none"]++
						}
					}
				}
				for class, n := range want {
					if n > 0 {
						n++ // the key
					}
					if got := count(body, class); got != n {
						t.Errorf("GET %s: %d of %q, want %d", url, got, class, n)
					}
				}
				if size := get(t, h, url, "Accept-Encoding", "gzip").Body.Len(); size > 30<<10 {
					t.Errorf("GET %s: %d bytes on the wire", url, size)
				}
			}
		}
	}
}

// TestMaxPodsPartial: another page that has the calculator gets it alone, and stays where it is.
func TestMaxPodsPartial(t *testing.T) {
	h := handler(t, servertest.Engine{})
	w := get(t, h, "/maxpods?type=m5.large&mode=prefix", "HX-Request", "true", "HX-Request-Type", "partial")
	body := w.Body.String()
	if w.Code != 200 || strings.Contains(body, "<html") || !strings.HasPrefix(body, `<div id="maxpods"`) {
		t.Errorf("status %d, body starts %.60q; want the calculator alone", w.Code, body)
	}
	for _, s := range []string{`hx-target="#maxpods"`, `href="/maxpods?type=m5.large&amp;mode=prefix"`, "<h2>How many pods fit on a node?</h2>"} {
		if !strings.Contains(body, s) {
			t.Errorf("the calculator lacks %s", s)
		}
	}
	if strings.Contains(body, "hx-push-url") || w.Header().Get("HX-Push-Url") != "" {
		t.Error("the calculator changes the address of a page that it only stands on")
	}
	if !strings.Contains(w.Header().Get("Vary"), "HX-Request") {
		t.Errorf("Vary %q lacks HX-Request", w.Header().Get("Vary"))
	}
	if full := get(t, h, "/maxpods?type=m5.large", "HX-Request", "true", "HX-Request-Type", "full").Body.String(); !strings.Contains(full, "<html") {
		t.Error("a request for the whole page gets a part of it")
	}
}

// TestMaxPodsLinks: language, theme and the examples keep the question, and what a trace had in its address before.
func TestMaxPodsLinks(t *testing.T) {
	body := get(t, handler(t, servertest.Engine{}), "/maxpods?preset=eks-study&type=m5.large&mode=prefix&custom=true&theme=dark").Body.String()
	for _, s := range []string{
		`href="/maxpods?preset=eks-study&amp;type=m5.large&amp;mode=prefix&amp;custom=true&amp;lang=ko&amp;theme=dark"`,
		`href="/maxpods?preset=eks-study&amp;type=t3.small&amp;mode=prefix&amp;custom=true&amp;theme=dark"`,
		`<input type="hidden" name="preset" value="eks-study">`, `<input type="hidden" name="theme" value="dark">`,
	} {
		if !strings.Contains(body, s) {
			t.Errorf("the page lacks %s", s)
		}
	}
}
