package main

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/share"
)

const ownCluster = `name: mine
vpc:
  cidrs: [10.0.0.0/16]
  subnets: [{name: a, zone: a, cidr: 10.0.1.0/24}]
nodes: [{name: n1, enis: [{subnet: a, address: 10.0.1.10}]}]
pods:
  - {namespace: default, name: client, node: n1, address: 10.0.1.11}
  - {namespace: default, name: secret-api, node: n1, address: 10.0.1.12, labels: {app: api}}
---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: api}
spec: {clusterIP: 172.20.0.5, selector: {app: api}, ports: [{port: 80, targetPort: 9090}]}
`

func packInput(t testing.TB, kind share.InputKind, text string) string {
	t.Helper()
	p, err := (&share.Input{Kind: kind, Text: text}).Fragment()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *shelf) post(t testing.TB, target, packed string) (int, string) {
	t.Helper()
	code, body := s.ask(t, http.MethodPost, target, packed, "Content-Type", "text/plain", "Accept-Language", "en")
	return code, html.UnescapeString(body)
}

// TestOwnNetwork: the address alone gives a page that says what it lacks; with the network sent along, the page itself.
func TestOwnNetwork(t *testing.T) {
	s := keeping(t, 0)
	p := packInput(t, share.ClusterInput, ownCluster)
	for _, path := range []string{"/trace", "/node", "/share", "/embed", "/compare"} {
		code, body := s.page(t, path+"?preset=own&from=pod/default/client&to=svc/default/api")
		if code != 200 || !strings.Contains(body, "data-unpack") || !strings.Contains(body, "This link needs a script") || rawKey.MatchString(body) {
			t.Errorf("%s without the network: %d %s", path, code, rawKey.FindString(body))
		}
	}
	for _, tt := range []struct{ target, want string }{
		{"/trace?preset=own&from=pod/default/client&to=pod/default/secret-api", "client → secret-api"},
		{"/trace?preset=own&from=pod/default/client&to=svc/default/api", "DNAT → 10.0.1.12:9090"},
		{"/trace?preset=own&from=pod/default/client&to=svc/default/api&cni=calico-vxlan", "Calico"},
		{"/node?preset=own&node=n1", "10.0.1.12"},
		{"/share?preset=own&from=pod/default/client&to=svc/default/api", "name: secret-api, node: n1"},
		{"/share?preset=own&from=pod/default/client&to=svc/default/api", "preset=own&from=pod/default/client&to=svc/default/api&proto=tcp&step=request/pod/default/client/1/send#" + p},
		{"/embed?preset=own&from=pod/default/client&to=svc/default/api", `class="fbar"`},
		{"/compare?preset=own&from=pod/default/client&to=svc/default/api&with=cni=calico-vxlan", "VXLAN"},
		{"/trace.md?preset=own&from=pod/default/client&to=svc/default/api", "# client → api"},
		{"/trace.svg?preset=own&from=pod/default/client&to=svc/default/api", "<svg"},
	} {
		code, body := s.post(t, tt.target, p)
		if code != 200 || !strings.Contains(body, tt.want) || rawKey.MatchString(body) {
			t.Errorf("%s: %d, without %q %s", tt.target, code, tt.want, rawKey.FindString(body))
		}
	}
	// Just pasted, it leads to a question in it.
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/trace?preset=own&lang=en", strings.NewReader(p))
	s.ServeHTTP(w, r)
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/trace?preset=own&from=pod/default/client&to=pod/default/secret-api&proto=tcp&lang=en" {
		t.Errorf("just pasted: %d to %s", w.Code, to)
	}
	// Nothing of it is left: the next request does not know it, and the log has no word of it.
	if _, body := s.page(t, "/trace?preset=own&from=pod/default/client&to=pod/default/secret-api"); strings.Contains(body, "10.0.1.12") {
		t.Error("the network is still there")
	}
	if _, body := s.page(t, "/trace?preset=eks-study&from=pod/default/netshoot-1&to=internet"); strings.Contains(body, `value="own"`) {
		t.Error("others are offered a network that is not theirs")
	}
	if strings.Contains(s.log.String(), "secret-api") {
		t.Error("the network is in the log")
	}
}

func TestOwnErrors(t *testing.T) {
	s := keeping(t, 0)
	p := packInput(t, share.ClusterInput, ownCluster)
	for _, tt := range []struct {
		name, target, packed string
		code                 int
		say                  string
	}{
		{"nothing", "/trace?preset=own", "", 422, "There is no network behind its #."},
		{"cut off", "/trace?preset=own", p[:len(p)-20], 422, "Its end is missing"},
		{"changed", "/trace?preset=own", p[:30] + "!" + p[31:], 422, "A part of it was changed on the way."},
		{"of a later podpath", "/trace?preset=own", "p7:" + p[3:], 422, "It was made by a newer podpath"},
		{"no cluster", "/trace?preset=own", packInput(t, share.ClusterInput, "hello: [1"), 422, "This network cannot be read"},
		{"a fault in a line", "/trace?preset=own", packInput(t, share.ClusterInput, strings.Replace(ownCluster, "10.0.1.11", "10.0.1.999", 1)), 422, "input:7"},
		{"no dump", "/trace?preset=own", packInput(t, share.SnapshotInput, "-- a/x.txt --\nnonsense\n"), 422, "This network cannot be read"},
		{"a place that is not there", "/trace?preset=own&from=pod/default/client&to=pod/default/nobody", p, 422, `id="to-error"`},
		{"an option that it has not", "/trace?preset=own&from=pod/default/client&to=svc/default/api&set=colour=red", p, 422, "colour"},
		{"of a preset", "/trace?preset=eks-study", p, 400, "This request cannot be read"},
		{"huge", "/trace?preset=own", "p1:" + strings.Repeat("A", 4<<20), 413, "A link keeps at most 3 MB."},
		{"huge once unpacked", "/trace?preset=own", packInput(t, share.ClusterInput, strings.Repeat("#\n", 4<<20)), 422, ""},
	} {
		code, body := s.post(t, tt.target, tt.packed)
		if code != tt.code || !strings.Contains(body, tt.say) || rawKey.MatchString(body) {
			t.Errorf("%s: %d, want %d with %q %s", tt.name, code, tt.code, tt.say, rawKey.FindString(body))
		}
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Error(s.log.String())
	}
}

// TestOwnShared: a frozen link keeps the network too, opens without it in the address, and leads back to it with it.
func TestOwnShared(t *testing.T) {
	s := keeping(t, 0)
	p := packInput(t, share.ClusterInput, ownCluster)
	form := url.Values{"preset": {"own"}, "from": {"pod/default/client"}, "to": {"svc/default/api"}, "proto": {"tcp"}, "input": {p}, "title": {"Mine"}}
	code, body := s.ask(t, http.MethodPost, "/share", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Accept-Language", "en")
	link := regexp.MustCompile(`>http://example.com(/s/[0-9a-z]{26})</textarea>`).FindStringSubmatch(body)
	if code != http.StatusCreated || link == nil {
		t.Fatalf("%d", code)
	}
	code, body = s.page(t, link[1])
	for _, want := range []string{"<title>Mine · podpath</title>", "client → api", "Today's podpath says the same.", "DNAT → 10.0.1.12:9090", "/trace?preset=own&from=pod/default/client&to=svc/default/api&proto=tcp&step=request/pod/default/client/1/send#" + p} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("%d, without %q", code, want)
		}
	}
	for _, ext := range []string{".md", ".svg", ".png", ".json", "/card.png", "/embed"} {
		if code, _ := s.page(t, link[1]+ext); code != 200 {
			t.Errorf("%s: %d", ext, code)
		}
	}
}

// TestOwnSnapshot traces in recordings of a real kernel, as somebody would paste them.
func TestOwnSnapshot(t *testing.T) {
	s := keeping(t, 0)
	states, err := filepath.Glob(filepath.Join(golden.Dir(t, "kernel"), "*", "state"))
	if err != nil || len(states) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, state := range states {
		var b strings.Builder
		err := filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			name, _ := filepath.Rel(state, path)
			b.WriteString("-- " + filepath.ToSlash(name) + " --\n" + strings.TrimRight(string(data), "\n") + "\n")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p := packInput(t, share.SnapshotInput, b.String())
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/trace?preset=own", strings.NewReader(p)))
		code, body := s.post(t, w.Header().Get("Location"), p)
		if code != 200 || strings.Count(body, `class="hop`) < 5 || rawKey.MatchString(body) {
			t.Errorf("%s: %d, %d stations %s", filepath.Base(filepath.Dir(state)), code, strings.Count(body, `class="hop`), rawKey.FindString(body))
		}
	}
	t.Logf("golden: %d recordings pasted and traced", len(states))
}
