package calico

import (
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/podpath/podpath/internal/cluster"
)

// withPolicies is a cluster of two nodes with pods web and db on the first and far on the second, and policies of
// namespace default, each given as "name: spec".
func withPolicies(t testing.TB, specs ...string) *cluster.Cluster {
	t.Helper()
	c := small("n1/web 10.244.0.1", "n1/db 10.244.0.2", "n2/far 10.244.0.65")
	for _, s := range specs {
		name, spec, _ := strings.Cut(s, ": ")
		np := &networkingv1.NetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte("metadata: {name: "+name+", namespace: default}\nspec: "+spec), np); err != nil {
			t.Fatal(err)
		}
		c.NetworkPolicies = append(c.NetworkPolicies, np)
	}
	complete(c)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

// complete does what the API server would have done to a cluster's policies.
func complete(c *cluster.Cluster) { (&cluster.Objects{NetworkObjects: c.NetworkObjects}).SetDefaults() }

// rulesOf are a chain's rules without their hashes and the chain's name; nil where there is no such chain.
func rulesOf(t *testing.T, c *cluster.Cluster, chain string) []string {
	t.Helper()
	r, err := Node(c, c.Nodes[0], machineOf(c, c.Nodes[0]))
	if err != nil {
		t.Fatal(err)
	}
	list, ok := chainTexts(r.Head)["filter "+chain]
	if !ok {
		return nil
	}
	out := []string{}
	for _, l := range list {
		before, rest, _ := strings.Cut(l, `-m comment --comment "cali:`)
		_, rest, _ = strings.Cut(rest, `"`)
		out = append(out, strings.TrimSpace(strings.TrimPrefix(before, "-A "+chain+" ")+strings.TrimPrefix(rest, " ")))
	}
	return out
}

const set = "-j MARK --set-xmark 0x10000/0x10000"

// TestPolicyRules are the rules of a policy's chain for single features.
func TestPolicyRules(t *testing.T) {
	const why = `-m comment --comment "KubernetesNetworkPolicy default/p ingress"`
	const whyOut = `-m comment --comment "KubernetesNetworkPolicy default/p egress"`
	for _, x := range []struct {
		name, spec, chain string
		want              []string
	}{
		{"default deny", "{podSelector: {}}", "cali-pi-knp/default/p", []string{why}},
		{"nobody in", "{podSelector: {}, policyTypes: [Ingress], ingress: []}", "cali-pi-knp/default/p", []string{why}},
		{"everyone in", "{podSelector: {}, ingress: [{}]}", "cali-pi-knp/default/p", []string{why + " " + set}},
		{"an empty from is everyone", "{podSelector: {}, ingress: [{from: [], ports: [{port: 80}]}]}", "cali-pi-knp/default/p", []string{"-p tcp " + why + " -m multiport --dports 80 " + set}},
		{"egress too where there are egress rules", "{podSelector: {}, egress: [{}]}", "cali-po-knp/default/p", []string{whyOut + " " + set}},
		{"ingress as well", "{podSelector: {}, egress: [{}]}", "cali-pi-knp/default/p", []string{why}},
		{"ingress only", "{podSelector: {}}", "cali-po-knp/default/p", nil},
		{"egress only", "{podSelector: {}, policyTypes: [Egress]}", "cali-pi-knp/default/p", nil},
		{"of no pod here", "{podSelector: {matchLabels: {app: far}}}", "cali-pi-knp/default/p", nil},
		{"an ipBlock", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8}}]}]}", "cali-pi-knp/default/p", []string{"-s 10.0.0.0/8 " + why + " " + set}},
		{"of everyone", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}", "cali-pi-knp/default/p", []string{why + " " + set}},
		{"of IPv6", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}", "cali-pi-knp/default/p", []string{why}},
		{"with an exception", "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16]}}]}]}", "cali-po-knp/default/p", []string{
			whyOut + " -j MARK --set-xmark 0x80000/0x180000",
			"-d 10.9.0.0/16 -j MARK --set-xmark 0x0/0x80000",
			"-d 10.0.0.0/8 -m mark --mark 0x80000/0x80000 " + set}},
		{"two rules", "{podSelector: {}, ingress: [{ports: [{port: 80}]}, {ports: [{port: 53, protocol: UDP}]}]}", "cali-pi-knp/default/p", []string{
			"-p tcp " + why + " -m multiport --dports 80 " + set, "-m mark --mark 0x10000/0x10000 -j RETURN", "-p udp -m multiport --dports 53 " + set}},
		{"ranges that touch", "{podSelector: {}, ingress: [{ports: [{port: 90}, {port: 80, endPort: 88}, {port: 89}, {port: 443}, {port: 90}]}]}", "cali-pi-knp/default/p", []string{
			"-p tcp " + why + " -m multiport --dports 80:90,443 " + set}},
		{"all ports of a protocol", "{podSelector: {}, ingress: [{ports: [{port: 90}, {protocol: TCP}, {port: 91}]}]}", "cali-pi-knp/default/p", []string{"-p tcp " + why + " " + set}},
	} {
		if got := rulesOf(t, withPolicies(t, "p: "+x.spec), x.chain); !slices.Equal(got, x.want) || (got == nil) != (x.want == nil) {
			t.Errorf("%s:\n%s\nwant\n%s", x.name, strings.Join(got, "\n"), strings.Join(x.want, "\n"))
		}
	}
}

func TestSplitPorts(t *testing.T) {
	var ports []portRange
	for i := range uint16(16) {
		ports = append(ports, one(2*i+1))
	}
	if got := splitPorts(ports); len(got) != 2 || len(got[0]) != 15 || len(got[1]) != 1 {
		t.Errorf("16 ports: %v", got)
	}
	ports[14] = portRange{100, 200} // takes two places
	if got := splitPorts(ports); len(got) != 2 || len(got[0]) != 14 || len(got[1]) != 2 {
		t.Errorf("14 ports, a range and a port: %v", got)
	}
	if got := splitPorts(nil); got != nil {
		t.Errorf("no ports: %v", got)
	}
	if got := joinPorts([]portRange{{65535, 65535}, {1, 65534}}); !slices.Equal(got, []portRange{{1, 65535}}) {
		t.Errorf("all ports: %v", got)
	}
}

// TestTier is where policies stand in a pod's chain: in order of their names, before the profiles, and only of the
// direction that they are for.
func TestTier(t *testing.T) {
	c := withPolicies(t, "b: {podSelector: {matchLabels: {app: web}}, ingress: [{}]}", "a: {podSelector: {}}", "c: {podSelector: {}, policyTypes: [Egress]}")
	in := rulesOf(t, c, "cali-tw-"+HostVeth("default", "web"))
	want := []string{
		`-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`, `-m conntrack --ctstate INVALID -j DROP`, `-j MARK --set-xmark 0x0/0x30000`,
		`-m comment --comment "Start of tier default" -j MARK --set-xmark 0x0/0x20000`,
		`-m mark --mark 0x0/0x20000 -j cali-pi-knp/default/a`, `-m comment --comment "Return if policy accepted" -m mark --mark 0x10000/0x10000 -j RETURN`,
		`-m mark --mark 0x0/0x20000 -j cali-pi-knp/default/b`, `-m comment --comment "Return if policy accepted" -m mark --mark 0x10000/0x10000 -j RETURN`,
		`-m comment --comment "End of tier default. Drop if no policies passed packet" -m mark --mark 0x0/0x20000 -j DROP`,
	}
	if !slices.Equal(in[:len(want)], want) {
		t.Errorf("to web:\n%s\nwant\n%s", strings.Join(in, "\n"), strings.Join(want, "\n"))
	}
	if out := strings.Join(rulesOf(t, c, "cali-fw-"+HostVeth("default", "db")), "\n"); !strings.Contains(out, "-j cali-po-knp/default/c") || strings.Contains(out, "default/a") {
		t.Errorf("from db:\n%s", out)
	}
}

// TestGroups: policies with one selector that stand one behind the other share a chain; another between them keeps them
// apart.
func TestGroups(t *testing.T) {
	all := func(names ...string) (out []*policy) {
		for _, n := range names {
			name, sel, _ := strings.Cut(n, "=")
			out = append(out, &policy{namespace: "default", name: name, selectorText: sel})
		}
		return out
	}
	for _, x := range []struct {
		policies []string
		want     []int
	}{
		{nil, nil}, {[]string{"a=x"}, []int{1}}, {[]string{"a=x", "b=x"}, []int{2}}, {[]string{"a=x", "b=y", "c=x"}, []int{1, 1, 1}},
		{[]string{"a=x", "b=x", "c=y", "d=y", "e=y"}, []int{2, 3}},
	} {
		var got []int
		for _, g := range groupsOf(all(x.policies...)) {
			got = append(got, len(g.policies))
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%q: groups of %v, want %v", x.policies, got, x.want)
		}
	}
	g := groupsOf(all("a=x", "b=x", "c=x", "d=x", "e=x", "f=x", "g=x"))[0]
	var got []string
	for _, r := range g.rules(ingress) {
		got = append(got, r.felix("g"))
	}
	if len(got) != 8 || got[0] != "-A g HASH --jump cali-pi-knp/default/a" || got[1] != "-A g HASH -m mark --mark 0/0x30000 --jump cali-pi-knp/default/b" ||
		got[5] != `-A g HASH -m comment --comment "Return on verdict" -m mark ! --mark 0/0x30000 --jump RETURN` || got[6] != "-A g HASH --jump cali-pi-knp/default/f" {
		t.Errorf("a chain of seven:\n%s", strings.Join(got, "\n"))
	}
	if a, b := g.chain(ingress), g.chain(egress); len(a) != 28 || !strings.HasPrefix(a, "cali-gi-") || !strings.HasPrefix(b, "cali-go-") || a[8:] == b[8:] {
		t.Errorf("names %s, %s", a, b)
	}
}

// TestTail joins head and tail as a node has them, and finds the chains that the tail jumps to.
func TestTail(t *testing.T) {
	c := withPolicies(t)
	r, err := Node(c, c.Nodes[0], machineOf(c, c.Nodes[0]))
	if err != nil {
		t.Fatal(err)
	}
	all := r.Head.Clone()
	for _, table := range r.Tail.Tables {
		for _, chain := range table.Chains {
			for _, x := range chain.Rules {
				if err := all.AddTable(table.Name).AddChain(chain.Name).Append(strings.TrimPrefix(x.Text(), "-A "+chain.Name+" ")); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := all.Link(); err != nil {
		t.Error(err)
	}
	if n := len(all.Table("filter").Chain("FORWARD").Rules); n != 3 {
		t.Errorf("FORWARD has %d rules", n)
	}
	if post := all.Table("nat").Chain("POSTROUTING").Rules; len(post) != 1 || !strings.HasSuffix(post[0].Text(), "-j cali-POSTROUTING") {
		t.Errorf("POSTROUTING: %v", post)
	}
}

// FuzzPolicies compiles whatever policies the check lets through: nothing panics, and every rule is one that iptables
// takes back with nothing left over.
func FuzzPolicies(f *testing.F) {
	for _, s := range []string{
		"{podSelector: {}}",
		"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}, {port: http}]}]}",
		"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16, 10.8.0.0/16]}}, {namespaceSelector: {}}], ports: [{protocol: SCTP}, {port: 1, endPort: 65535}]}]}",
		"{podSelector: {matchExpressions: [{key: a/b, operator: NotIn, values: [x, '']}, {key: c, operator: DoesNotExist}]}, ingress: [{}]}",
		"{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '::/0', except: ['fd00::/8']}}, {ipBlock: {cidr: 0.0.0.0/0, except: [0.0.0.0/1]}}]}]}",
	} {
		f.Add("p", "default", s)
	}
	f.Fuzz(func(t *testing.T, name, namespace, spec string) {
		np := &networkingv1.NetworkPolicy{}
		if err := yaml.Unmarshal([]byte(spec), &np.Spec); err != nil {
			return
		}
		np.Name, np.Namespace = name, namespace
		c := small("n1/web 10.244.0.1", "n1/db 10.244.0.2", "n2/far 10.244.0.65")
		c.Pods[1].Ports = []cluster.PodPort{{Name: "http", Port: 80}, {Name: "dns", Port: 53, Protocol: "UDP"}}
		c.NetworkPolicies = []*networkingv1.NetworkPolicy{np, {ObjectMeta: np.ObjectMeta, Spec: np.Spec}}
		c.NetworkPolicies[1].Name += "-2"
		complete(c)
		if c.Check() != nil {
			return
		}
		for _, p := range c.Pods {
			p.Namespace = namespace
		}
		r, err := Node(c, c.Nodes[0], machineOf(c, c.Nodes[0])) // which fails where a rule is not understood
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "read back", chainTexts(r.Head), parsedTables(t, r.Head.String()))
	})
}
