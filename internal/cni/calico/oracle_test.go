package calico

import (
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podpath/podpath/internal/cluster"
)

// TestFelixRules compares with what Felix's own code (v3.32.1: libcalico-go's converter, felix/calc's RuleScanner,
// felix/rules' renderer and felix/iptables' hashes, linked in a scratch test) makes of testdata/policies.yaml: the names of
// chains and sets, selectors, and each rule's hash, which is of its whole text and of all rules before it. No kernel was
// asked; that iptables takes the rules and prints them as here is seen in TestKernel.
func TestFelixRules(t *testing.T) {
	for _, x := range []struct {
		file   string
		change func(*cluster.Cluster)
	}{
		{"testdata/felix-rules.txt", func(*cluster.Cluster) {}},
		{"testdata/felix-rules-settings.txt", unusual},
	} {
		data, err := os.ReadFile(x.file)
		if err != nil {
			t.Fatal(err)
		}
		c := policiesCluster(t)
		x.change(c)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		rules, err := Node(c, c.Nodes[0], machineOf(c, c.Nodes[0]))
		if err != nil {
			t.Fatal(err)
		}
		diff(t, x.file, felixRules(string(data)), ourRules(rules))
		for _, l := range linesOf(string(data)) {
			if name, _, ok := strings.Cut(strings.TrimPrefix(l, "set "), " "); ok && strings.HasPrefix(l, "set ") && rules.Sets[name] == nil {
				t.Errorf("%s: no %s", x.file, l)
			}
		}
	}
}

// unusual changes every setting of Felix that changes rules, and has a pool for each tunnel.
func unusual(c *cluster.Cluster) {
	yes, port := true, 8472
	c.CNI.Encapsulation = ""
	c.IPPools = []*cluster.IPPool{
		{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: cluster.IPPoolSpec{CIDR: "10.244.0.0/16", VXLANMode: "Always", NATOutgoing: true}},
		{ObjectMeta: metav1.ObjectMeta{Name: "b"}, Spec: cluster.IPPoolSpec{CIDR: "10.245.0.0/16", IPIPMode: "Always"}},
	}
	c.Felix = &cluster.FelixConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	f := &c.Felix.Spec
	f.VXLANPort = &port
	f.DefaultEndpointToHostAction, f.IptablesFilterAllowAction, f.IptablesMangleAllowAction = "Return", "Return", "Return"
	f.DisableConntrackInvalidCheck, f.AllowVXLANPacketsFromWorkloads, f.AllowIPIPPacketsFromWorkloads = &yes, &yes, &yes
	f.NATOutgoingAddress, f.NATOutgoingExclusions, f.NATOutgoingInterfaceFilter = "192.0.2.9", "IPPoolsAndHostIPs", "eth+"
}

func policiesCluster(t testing.TB) *cluster.Cluster {
	t.Helper()
	data, err := os.ReadFile("testdata/policies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Read(data, "policies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// felixRules reads a file of hashes: chain to hashes.
func felixRules(text string) map[string][]string {
	out := map[string][]string{}
	for _, l := range linesOf(text) {
		w := strings.Fields(l)
		if w[0] == "#" || w[0] == "set" {
			continue
		}
		out[w[0]+" "+strings.TrimSuffix(w[1], "*appends*")] = w[2:]
	}
	return out
}

// ourRules are the same of our rules: user chains that are not empty, and the end of FORWARD.
func ourRules(r *Rules) map[string][]string {
	out := map[string][]string{}
	for chain, list := range chainTexts(r.Head) {
		if strings.Contains(chain, " cali-") && len(list) > 0 {
			out[chain] = hashesOf(list)
		}
	}
	out["filter FORWARD"] = hashesOf(chainTexts(r.Tail)["filter FORWARD"])
	return out
}

func hashesOf(rules []string) []string {
	var out []string
	for _, r := range rules {
		_, h, _ := strings.Cut(r, `"cali:`)
		h, _, _ = strings.Cut(h, `"`)
		out = append(out, h)
	}
	return out
}

// TestSelectors holds members of sets: which pods of the cluster policies.yaml's selectors take.
func TestSelectors(t *testing.T) {
	c := policiesCluster(t)
	rules, err := Node(c, c.Nodes[0], machineOf(c, c.Nodes[0]))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		selector selector
		text     string
		want     []string
	}{
		{selector{{equals(labelNamespace, "shop")}, podTerms(&metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}})},
			`(projectcalico.org/namespace == "shop" && (projectcalico.org/orchestrator == "k8s" && app == "db"))`, []string{"10.244.0.3"}},
		{selector{{equals(labelNamespace, "shop")}, podTerms(&metav1.LabelSelector{})},
			`(projectcalico.org/namespace == "shop" && projectcalico.org/orchestrator == "k8s")`, []string{"10.244.0.1", "10.244.0.2", "10.244.0.3"}},
		{selector{namespaceTerms(&metav1.LabelSelector{MatchLabels: map[string]string{"team": "x", "env": "test"}}), podTerms(nil)},
			`((pcns.env == "test" && pcns.team == "x") && projectcalico.org/orchestrator == "k8s")`, []string{"10.244.0.4", "10.244.0.5"}},
		{selector{namespaceTerms(&metav1.LabelSelector{}), podTerms(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "role", Operator: "In", Values: []string{"client", "agent", "client"}}, {Key: "gone", Operator: "DoesNotExist"}}})},
			`(has(projectcalico.org/namespace) && (projectcalico.org/orchestrator == "k8s" && role in {"agent", "client"} && !has(gone)))`, []string{"10.244.0.4", "10.244.0.65"}},
		{selector{namespaceTerms(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "NotIn", Values: []string{"z", "x"}}}}),
			podTerms(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Exists"}}})},
			`(pcns.team not in {"x", "z"} && (projectcalico.org/orchestrator == "k8s" && has(app)))`, nil}, // only for its named port, see below
	} {
		if got := x.selector.String(); got != x.text {
			t.Errorf("%s\nwant %s", got, x.text)
		}
		set := rules.Sets[setName(x.selector.id())]
		if x.want == nil {
			if set != nil {
				t.Errorf("%s: has a set of its own", x.text)
			}
			continue
		}
		if set == nil || set.Type != "hash:net" || !slices.Equal(set.Members(), x.want) {
			t.Errorf("%s: %+v, want %q", x.text, set, x.want)
		}
	}
	for _, x := range []struct {
		selector       selector
		protocol, port string
		want           []string
	}{
		{nil, "tcp", "http", []string{"10.244.0.1,tcp:8080", "10.244.0.2,tcp:8081", "10.244.0.65,tcp:9090"}},
		{nil, "udp", "dns", []string{"10.244.0.1,udp:53"}},
		{nil, "tcp", "admin", nil},
		{selector{namespaceTerms(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "NotIn", Values: []string{"z", "x"}}}}),
			podTerms(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Exists"}}})},
			"tcp", "http", []string{"10.244.0.1,tcp:8080", "10.244.0.2,tcp:8081", "10.244.0.65,tcp:9090"}},
	} {
		set := rules.Sets[setName(uniqueID("n", x.selector.id()+","+x.protocol+","+x.port))]
		if set == nil || set.Type != "hash:ip,port" || !slices.Equal(set.Members(), x.want) {
			t.Errorf("port %s of %v: %+v, want %q", x.port, x.selector, set, x.want)
		}
	}
}
