package fuzz

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/lab"
)

// TestCaseRoundTrip holds that a case is read as it was written, with a recording and without one, and that writing it again
// gives the same text.
func TestCaseRoundTrip(t *testing.T) {
	for seed := range uint64(60) {
		d, err := Generate(seed, Features{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			c := d.Case(d.Flow(i))
			c.Comment = "Why it was kept.\nIn two lines.\n"
			if i == 1 {
				top, err := c.Topology()
				if err != nil {
					t.Fatal(err)
				}
				built, err := (&fake{}).Build(top)
				if err != nil {
					t.Fatal(err)
				}
				rec, err := built.Record(c.Flow, 0)
				if err != nil {
					t.Fatal(err)
				}
				c.take(rec, &Verdict{Partly: seed%2 == 0})
			}
			text, err := c.Format()
			if err != nil {
				t.Fatal(err)
			}
			back, err := Parse(text, "case")
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			if diff := cmp.Diff(c, back); diff != "" {
				t.Errorf("seed %d, flow %d: written -, read +:\n%s", seed, i, diff)
			}
			again, err := back.Format()
			if err != nil || !bytes.Equal(text, again) {
				t.Errorf("seed %d, flow %d: written again, the text is another: %v", seed, i, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const flow = "-- flow.json --\n{}\n"
	for text, want := range map[string]string{
		"":                              "no cluster.yaml",
		"-- cluster.yaml --\nname: a\n": "no flow.json",
		"-- cluster.yaml --\n" + flow + "-- x --\n":             "file x is none of a case's",
		"-- cluster.yaml --\n-- flow.json --\n{":                "flow.json: unexpected end",
		"-- cluster.yaml --\n" + flow + "-- path.json --\n[]\n": "rules.json: unexpected end",
	} {
		if _, err := Parse([]byte(text), "case"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
	if _, err := (&Case{}).Recording(); err == nil || !strings.Contains(err.Error(), "no recording") {
		t.Errorf("a case without a recording: got %v", err)
	}
	if _, err := (&Case{Cluster: plainCluster, Options: []string{"externalsnat"}, Flow: lab.Flow{}}).Topology(); err == nil || !strings.Contains(err.Error(), "want key=value") {
		t.Errorf("an option without a value: got %v", err)
	}
}

// plainCluster is one node with one pod.
const plainCluster = `name: plain
vpc:
  region: xx-test-1
  cidrs: [10.0.0.0/16]
  internetGateway: igw
  routeTables: [{name: public, routes: [{to: 0.0.0.0/0, via: igw}]}]
  subnets: [{name: a, zone: z, cidr: 10.0.1.0/24, routeTable: public}]
nodes:
  - {name: node-a, enis: [{subnet: a, address: 10.0.1.10}]}
pods:
  - {namespace: default, name: a0, node: node-a, address: 10.0.1.100}
cni: {name: aws-vpc-cni}
`
