package server_test

import (
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/diagram/diagramtest"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/server/servertest"
	"github.com/podpath/podpath/web/locales"
)

// withResults is the server of the hand-composed scenarios, with results for some of them.
func withResults(t *testing.T) http.Handler {
	t.Helper()
	public, err := checked.Fingerprint(diagramtest.Topology(false))
	if err != nil {
		t.Fatal(err)
	}
	flow := func(to string, port int, outcome string) checked.Flow {
		return checked.Flow{From: "pod/default/web-7c9f5", To: to, Protocol: "tcp", Port: port, Outcome: outcome}
	}
	differs := flow("internet", 443, "delivered")
	differs.Differences, differs.First = 2, "path row 3 of 9\n    kernel: <ttl 62>"
	notSent := flow("node/node-a", 10250, "")
	notSent.Why = checked.NotSent
	// It ended another way when it was checked.
	ended := flow("10.100.171.8", 80, "delivered")
	s, err := server.New(server.Config{Engine: servertest.Engine{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Checked: &checked.Results{
		Kernel: "6.18.44", Date: "2026-11-26", Networks: []checked.Network{
			{Preset: "eks-study", Topology: public, Flows: []checked.Flow{flow("pod/default/api-5d4b8", 8080, "delivered"), differs, notSent, ended}},
			{Preset: "eks-study", Options: map[string]string{"externalsnat": "true"}, Skipped: []checked.Skip{{What: "ipip", Why: checked.KernelLacks}, {What: "xt_recent", Why: checked.KernelLacks}}},
			{Preset: "eks-private", Topology: public, Flows: []checked.Flow{flow("pod/default/api-5d4b8", 8080, "delivered")}},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

var checkedSection = regexp.MustCompile(`(?s)<section class="rests checked .*?</section>`)

// TestChecked: each state is said in both languages, with what was not judged; the API says the same.
func TestChecked(t *testing.T) {
	h := withResults(t)
	const from = "?preset=eks-study&from=pod/default/web-7c9f5&proto=tcp"
	fabric, lacks := []string{"ui.checked-fabric"}, []string{"checked-what.ipip"}
	for _, tt := range []struct {
		name, query string
		state       checked.State
		says        []string // sentences beside the state's
		not         []string
	}{
		{"this packet", from + "&to=pod/default/api-5d4b8&dport=8080", checked.Agrees, fabric, nil},
		{"this packet, with a default spelt out", from + "&to=pod/default/api-5d4b8&dport=8080&set=externalsnat=false", checked.Agrees, fabric, nil},
		{"it differs", from + "&to=internet&dport=443", checked.Differs, fabric, nil},
		{"within a node", from + "&to=pod/default/coredns-6b9d&dport=53", checked.Others, nil, fabric},
		{"not sent", from + "&to=node/node-a&dport=10250", checked.Skipped, []string{"checked-why.not-sent"}, fabric},
		{"the kernel lacks it", from + "&to=pod/default/api-5d4b8&dport=8080&set=externalsnat=true", checked.Skipped, lacks, fabric},
		{"the trace ends another way today", from + "&to=10.100.171.8&dport=80", checked.Changed, nil, fabric},
		{"the network is another today", strings.Replace(from, "eks-study", "eks-private", 1) + "&to=pod/default/api-5d4b8&dport=8080", checked.Changed, nil, fabric},
		{"another option", from + "&to=pod/default/api-5d4b8&dport=8080&set=excludesnatcidrs=10.0.0.0/8", checked.Unchecked, nil, fabric},
	} {
		for _, lang := range locales.Languages {
			l := locales.New(lang)
			w := get(t, h, "/trace"+tt.query+"&lang="+lang)
			got := html.UnescapeString(checkedSection.FindString(w.Body.String()))
			if w.Code != 200 || !strings.Contains(got, "checked "+string(tt.state)+`"`) {
				t.Errorf("%s in %s: status %d, want %s in %s", tt.name, lang, w.Code, tt.state, got)
				continue
			}
			want := l.T("checked."+string(tt.state), "kernel", "6.18.44", "date", "2026-11-26", "agree", "2", "compared", "3", "count", "2")
			if !strings.Contains(got, want) {
				t.Errorf("%s in %s: no %q in %s", tt.name, lang, want, got)
			}
			for _, id := range tt.says {
				if !strings.Contains(got, l.T(id)) {
					t.Errorf("%s in %s: %s is not said in %s", tt.name, lang, id, got)
				}
			}
			for _, id := range tt.not {
				if strings.Contains(got, l.T(id)) {
					t.Errorf("%s in %s: %s is said in %s", tt.name, lang, id, got)
				}
			}
		}
		var doc struct {
			Version int
			Checked struct {
				State    checked.State
				Kernel   string
				Imitated []string
				Command  string
			}
		}
		w := get(t, h, "/api/v1/trace"+tt.query)
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		said := len(tt.says) > 0 && tt.says[0] == fabric[0]
		if c := doc.Checked; doc.Version != 1 || c.State != tt.state || (len(c.Imitated) > 0) != said || (c.Kernel == "") != (tt.state == checked.Unchecked) || c.Command == "" {
			t.Errorf("%s: the API says %+v, want %s", tt.name, c, tt.state)
		}
	}
}

// TestCheckedSays is what no sentence of the catalogue says: the difference as the lab prints it, what a kernel lacks by a name
// that the catalogue does not have, and the command.
func TestCheckedSays(t *testing.T) {
	h := withResults(t)
	const base = "/trace?preset=eks-study&from=pod/default/web-7c9f5&lang=en"
	for _, tt := range []struct{ query, want string }{
		{"&to=internet&proto=tcp&dport=443", "path row 3 of 9\n    kernel: &lt;ttl 62&gt;</pre>"},
		{"&to=pod/default/api-5d4b8&proto=tcp&set=externalsnat=true", "has no xt_recent."},
		{"&to=pod/default/api-5d4b8&proto=tcp&dport=8080", "sudo podpath lab verify --preset eks-study --from pod/default/web-7c9f5 --to pod/default/api-5d4b8 --proto tcp --dport 8080"},
		{"&to=pod/default/api-5d4b8&proto=udp&ttl=3&cni=calico-vxlan&set=excludesnatcidrs=10.0.0.0/8, 172.16.0.0/12",
			"--preset eks-study --cni calico-vxlan --set 'excludesnatcidrs=10.0.0.0/8, 172.16.0.0/12' --from pod/default/web-7c9f5 --to pod/default/api-5d4b8 --proto udp --ttl 3 --payload 0"},
		{"&to=pod/default/api-5d4b8&proto=tcp&set=excludesnatcidrs=';reboot", `--set 'excludesnatcidrs='\'';reboot' --from`},
	} {
		w := get(t, h, strings.ReplaceAll(strings.ReplaceAll(base+tt.query, " ", "%20"), ";", "%3B"))
		got := checkedSection.FindString(w.Body.String())
		plain := html.UnescapeString(regexp.MustCompile(`</?span>`).ReplaceAllString(got, ""))
		if !strings.Contains(got, tt.want) && !strings.Contains(plain, tt.want) {
			t.Errorf("%s: no %q in %s", tt.query, tt.want, got)
		}
	}
}

// TestCheckedLinks: every flow of the list is a trace, and there its own is marked.
func TestCheckedLinks(t *testing.T) {
	h := withResults(t)
	body := get(t, h, podToPod+"&lang=en").Body.String()
	links := regexp.MustCompile(`<li><span><a href="([^"]+)"( aria-current="true")?>`).FindAllStringSubmatch(checkedSection.FindString(body), -1)
	if len(links) != 4 || links[0][2] == "" || links[1][2] != "" {
		t.Fatalf("links %q, want four, the first marked", links)
	}
	for i, l := range links {
		url := html.UnescapeString(l[1])
		if i == 0 && url != podToPod+"&lang=en" {
			t.Errorf("the page's own flow leads to %s", url)
		}
		w := get(t, h, url)
		section := checkedSection.FindString(w.Body.String())
		if w.Code != 200 || section != "" && !strings.Contains(section, "checked changed") && !strings.Contains(section, l[1]+`" aria-current="true"`) {
			t.Errorf("GET %s: status %d, %s", url, w.Code, section)
		}
	}
}

// TestNoResults: a server without results says that nothing was checked.
func TestNoResults(t *testing.T) {
	body := get(t, handler(t, servertest.Engine{}), podToPod).Body.String()
	if got := checkedSection.FindString(body); !strings.Contains(got, "checked unchecked") {
		t.Errorf("without results: %s", got)
	}
}
