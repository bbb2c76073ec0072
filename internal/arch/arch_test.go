package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/podpath/podpath"

// arrows says what each folder may import. What an allowed folder may import itself is allowed with it: arrows only run
// downwards, so a folder may reach past its neighbour, never up. "*" is every folder but those behind a "-".
var arrows = map[string][]string{
	"cmd/server":  {"*"},
	"cmd/podpath": {"*", "-internal/server", "-web/templates", "-web/static"},

	"internal/server": {"*", "-internal/lab", "-internal/lab/fuzz", "-cmd/server", "-cmd/podpath"},
	"web/templates":   {"internal/anatomy", "internal/compare", "internal/diagram", "internal/latency", "internal/maxpods", "internal/narrate", "web/locales", "web/static"},
	"web/static":      {},
	"web/locales":     {},
	"e2e":             {"internal/export", "internal/query", "internal/compile", "internal/share/pgtest"}, // its tests

	"internal/diagram": {"internal/trace", "internal/topology"},
	// Not in architecture.md's table: a trace in words, for the page, the exports and the command line.
	"internal/narrate": {"internal/diagram", "web/locales"},
	// Not in architecture.md's table: the inside of one node, without a packet.
	"internal/anatomy": {"internal/diagram", "internal/topology", "internal/netfilter", "internal/compile"},
	"internal/lab":     {"internal/trace", "internal/topology", "internal/snapshot", "internal/compile"},
	// The parts of the lab: namespaces, a topology made of them, what flows do in it.
	"internal/lab/space":   {},
	"internal/lab/build":   {"internal/lab/space", "internal/topology"},
	"internal/lab/record":  {"internal/lab", "internal/lab/space", "internal/lab/build", "internal/trace", "internal/topology"},
	"internal/lab/measure": {"internal/lab/space", "internal/lab/build", "internal/latency"},
	"internal/lab/bench":   {"internal/lab/measure", "internal/query"},
	// Random networks and flows, and what becomes of them.
	"internal/lab/fuzz": {"internal/lab", "internal/lab/build", "internal/lab/record", "internal/trace", "internal/topology", "internal/snapshot", "internal/compile", "internal/cluster", "internal/iptables", "internal/netfilter"},
	// It keeps bytes: what is in a trace is for those who share and open it.
	"internal/share": {},
	"internal/live":  {"internal/share"},
	// Its test asks as the command line does, so that a lesson is checked without a server.
	"internal/lesson":  {"internal/trace", "internal/compile", "internal/query", "internal/anatomy", "internal/maxpods"},
	"internal/latency": {"internal/trace"},
	"internal/capture": {"internal/trace", "internal/latency", "internal/pcap"},
	// Not in architecture.md's table: a trace in forms for elsewhere, for the page and the command line; and what these say it with.
	"internal/export":   {"internal/trace", "internal/capture", "internal/diagram", "internal/latency", "internal/narrate", "internal/picture", "internal/terminal", "web/locales"},
	"internal/terminal": {"web/locales"},
	// Not in architecture.md's table: a scene as a picture of its own, SVG and PNG.
	"internal/picture": {"internal/diagram"},
	"internal/pcap":    {},
	// Not in architecture.md's table either: traces side by side, for the page and the command line.
	"internal/compare": {"internal/trace", "internal/latency"},
	// Not in architecture.md's table yet: places and ports as people write them, resolved in a compiled cluster and traced.
	// The server and the command line share it; compile must not know the tracer.
	"internal/query": {"internal/trace", "internal/latency", "internal/compile"},

	// Not in architecture.md's table yet: how many pods fit on an instance type, for the page and the command line. Of the module
	// it needs nothing: the limits are AWS's (aws/amazon-vpc-resource-controller-k8s).
	"internal/maxpods": {},

	// Not in architecture.md's table yet: what the lab found, for those who may not know the lab. The lab writes it.
	"internal/checked": {"internal/trace", "internal/topology"},

	"internal/compile":  {"internal/cni/awsvpc", "internal/cni/calico", "internal/cni/azure", "internal/cni/kubenet", "internal/kubeproxy", "internal/underlay", "internal/machine"},
	"internal/snapshot": {"internal/topology", "internal/netfilter", "internal/cluster"},
	// Not in architecture.md's table: descriptions and dumps without what they say of their owner. It reads what it gets and what it
	// gives as everybody does, so that what goes out is known to be read.
	"internal/redact":      {"internal/cluster", "internal/snapshot"},
	"internal/cni/awsvpc":  {"internal/cluster", "internal/machine", "internal/topology", "internal/netfilter"},
	"internal/cni/calico":  {"internal/cluster", "internal/machine", "internal/topology", "internal/netfilter"},
	"internal/cni/azure":   {"internal/cluster", "internal/machine", "internal/topology", "internal/netfilter"},
	"internal/cni/kubenet": {"internal/cluster", "internal/machine", "internal/topology", "internal/netfilter"},
	"internal/kubeproxy":   {"internal/cluster", "internal/iptables", "internal/nftables"},
	"internal/underlay":    {"internal/cluster", "internal/topology", "internal/machine"},
	"internal/machine":     {"internal/cluster", "internal/topology"},
	"internal/cluster":     {},

	"internal/trace":     {"internal/topology", "internal/netfilter", "internal/packet"},
	"internal/topology":  {"internal/netfilter"},
	"internal/netfilter": {"internal/iptables", "internal/nftables", "internal/packet"},
	"internal/iptables":  {"internal/packet"},
	"internal/nftables":  {"internal/packet"},
	"internal/packet":    {},

	// Only for tests.
	"internal/arch":                {},
	"internal/golden":              {},
	"internal/diagram/diagramtest": {"internal/diagram"},
	"internal/server/servertest":   {"internal/server", "internal/share", "internal/diagram/diagramtest"},
	"internal/share/pgtest":        {},
}

// beyond are arrows that the code needs and architecture.md does not have yet, each with its reason. An entry here is a
// debt: it ends with the arrow in architecture.md, or with the import gone.
var beyond = map[string]map[string]string{}

// onlyIn are modules that one folder wraps, so that the choice can be changed there.
var onlyIn = map[string][]string{
	"github.com/google/gopacket":                        {"internal/packet"},
	"github.com/aws/amazon-vpc-resource-controller-k8s": {"internal/maxpods"},
	"github.com/fogleman/gg":                            {"internal/picture"},
	"golang.org/x/image":                                {"internal/picture"},
	"modernc.org/sqlite":                                {"internal/share"},
	"github.com/pressly/goose":                          {"internal/share", "internal/live"},
	"github.com/jackc/pgx":                              {"internal/share", "internal/share/pgtest", "internal/live"},
}

// pure are the folders that compute and do nothing else: no network, no files, no clock, no chance, no log. What they
// need of these is a parameter.
var pure = []string{"internal/packet", "internal/pcap", "internal/iptables", "internal/nftables", "internal/netfilter", "internal/topology",
	"internal/trace", "internal/latency", "internal/compare", "internal/diagram", "internal/cluster", "internal/underlay", "internal/kubeproxy",
	"internal/cni/awsvpc", "internal/cni/calico", "internal/checked", "internal/maxpods", "internal/anatomy", "internal/picture", "internal/redact"}

var impure = []string{"net/http", "os", "os/exec", "log", "log/slog", "database/sql", "time", "math/rand", "math/rand/v2", "crypto/rand"}

// listed is what `go list -json` says of a package, as far as it is used here.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// folder is a package's path in the module; ok is false for packages of others.
func folder(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

// check gives what is wrong with the packages, one line each.
func check(pkgs []listed) []string {
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, p := range pkgs {
		from, ok := folder(p.ImportPath)
		if !ok {
			bad("%s is not in the module", p.ImportPath)
			continue
		}
		if _, ok := arrows[from]; !ok {
			bad("%s is not in the table of arrows (internal/arch/arch_test.go): say there what it may import", from)
			continue
		}
		may := reach(from)
		for _, path := range p.Imports {
			if to, ok := folder(path); ok && !may[to] {
				bad("%s imports %s; it may import %s", from, to, strings.Join(slices.Sorted(maps.Keys(may)), ", "))
			}
			if slices.Contains(impure, path) && slices.Contains(pure, from) {
				bad("%s imports %s; it is to be a function of its arguments", from, path)
			}
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for wrapped, folders := range onlyIn {
				if (path == wrapped || strings.HasPrefix(path, wrapped+"/")) && !slices.Contains(folders, from) {
					bad("%s imports %s, which only %s may", from, path, strings.Join(folders, ", "))
				}
			}
		}
	}
	return wrong
}

// reach is everything that a folder may import: what the table lists for it, and what that may import.
func reach(from string) map[string]bool {
	may := map[string]bool{}
	var add func(string)
	add = func(f string) {
		for _, to := range slices.Concat(arrows[f], slices.Sorted(maps.Keys(beyond[f]))) {
			if to == "*" || to[0] == '-' || may[to] {
				continue
			}
			may[to] = true
			add(to)
		}
	}
	add(from)
	if slices.Contains(arrows[from], "*") {
		for f := range arrows {
			if f != from && !slices.Contains(arrows[from], "-"+f) {
				may[f] = true
			}
		}
	}
	return may
}

func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found %d packages", len(pkgs))
	}
	for _, w := range check(pkgs) {
		t.Error(w)
	}
}

// TestDownwards holds the table itself to its word: no folder may reach itself.
func TestDownwards(t *testing.T) {
	for f := range arrows {
		if reach(f)[f] {
			t.Errorf("%s may import itself, over others", f)
		}
		for _, to := range arrows[f] {
			to = strings.TrimPrefix(to, "-")
			if _, ok := arrows[to]; !ok && to != "*" {
				t.Errorf("%s: %s is not in the table", f, to)
			}
		}
	}
}

func TestCheckFinds(t *testing.T) {
	at := func(s string) string { return module + "/" + s }
	for _, x := range []struct {
		name string
		pkg  listed
		want string // "" for nothing wrong
	}{
		{"down", listed{ImportPath: at("internal/trace"), Imports: []string{at("internal/topology"), "fmt"}}, ""},
		{"down past a neighbour", listed{ImportPath: at("internal/trace"), Imports: []string{at("internal/iptables")}}, ""},
		{"up", listed{ImportPath: at("internal/topology"), Imports: []string{at("internal/trace")}}, "internal/topology imports internal/trace"},
		{"a CNI in the tracer", listed{ImportPath: at("internal/trace"), Imports: []string{at("internal/cni/awsvpc")}}, "internal/trace imports internal/cni/awsvpc"},
		{"sideways", listed{ImportPath: at("internal/cni/awsvpc"), Imports: []string{at("internal/cni/calico")}}, "internal/cni/awsvpc imports internal/cni/calico"},
		{"templates and the server", listed{ImportPath: at("web/templates"), Imports: []string{at("internal/server")}}, "web/templates imports internal/server"},
		{"the server and the lab", listed{ImportPath: at("internal/server"), Imports: []string{at("internal/lab")}}, "internal/server imports internal/lab"},
		{"results and the lab", listed{ImportPath: at("internal/checked"), Imports: []string{at("internal/lab")}}, "internal/checked imports internal/lab"},
		{"the command and the server", listed{ImportPath: at("cmd/podpath"), Imports: []string{at("internal/server")}}, "cmd/podpath imports internal/server"},
		{"the command and the lab", listed{ImportPath: at("cmd/podpath"), Imports: []string{at("internal/lab")}}, ""},
		{"a new folder", listed{ImportPath: at("internal/novel")}, "internal/novel is not in the table"},
		{"gopacket", listed{ImportPath: at("internal/trace"), Imports: []string{"github.com/google/gopacket/layers"}}, "which only internal/packet may"},
		{"gopacket in a test", listed{ImportPath: at("internal/trace"), TestImports: []string{"github.com/google/gopacket"}}, "which only internal/packet may"},
		{"gopacket at home", listed{ImportPath: at("internal/packet"), Imports: []string{"github.com/google/gopacket"}}, ""},
		{"SQL elsewhere", listed{ImportPath: at("internal/server"), Imports: []string{"github.com/jackc/pgx/v5/stdlib"}}, "which only internal/share, internal/share/pgtest, internal/live may"},
		{"a clock", listed{ImportPath: at("internal/trace"), Imports: []string{"time"}}, "internal/trace imports time"},
		{"tests are free", listed{ImportPath: at("internal/topology"), TestImports: []string{at("internal/snapshot")}}, ""},
	} {
		got := strings.Join(check([]listed{x.pkg}), "\n")
		if x.want == "" && got != "" || !strings.Contains(got, x.want) {
			t.Errorf("%s: got %q, want %q", x.name, got, x.want)
		}
	}
}
