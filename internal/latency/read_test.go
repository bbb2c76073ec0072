package latency

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	table, err := Read([]byte(`{"version": 1, "host": "laptop", "costs": {"veth": {"ns": 640, "low": 600, "high": 800}, "rules": {"ns": 3000}}}`), "own.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := table.Cost(Veth), (Cost{640, 600, 800, MeasuredHere, SourceOwn}); got != want {
		t.Errorf("veth %+v, want %+v", got, want)
	}
	if got, want := table.Cost(Rules), (Cost{3000, 3000, 3000, MeasuredHere, SourceOwn}); got != want {
		t.Errorf("rules %+v, want %+v", got, want)
	}
	if got := table.Cost(Conntrack); got != Default().Cost(Conntrack) {
		t.Errorf("conntrack was not given and is %+v", got)
	}
	if table.Host != "laptop" {
		t.Errorf("host %q", table.Host)
	}
}

func TestReadErrors(t *testing.T) {
	for _, x := range []struct{ in, want string }{
		{``, "own.json: want a JSON object"},
		{`[]`, "own.json: want a JSON object"},
		{`{}`, "own.json: version: want 1"},
		{`{"version": 2}`, "own.json: version: want 1"},
		{`{"version": 1}`, "own.json: costs: want an object with at least one of socket, veth"},
		{`{"version": 1, "costs": {}}`, "own.json: costs: want an object"},
		{`{"version": 1, "cost": {}}`, "own.json: cost: no such field; want version, host, costs"},
		{`{"version": 1, "host": 3, "costs": {"veth": {"ns": 1}}}`, "own.json: host: want a string"},
		{`{"version": 1, "costs": {"vet": {"ns": 1}}}`, "own.json: costs.vet: no such item; want one of socket, veth"},
		{`{"version": 1, "costs": {"veth": 700}}`, `own.json: costs.veth: want an object {"ns"`},
		{`{"version": 1, "costs": {"veth": null}}`, `own.json: costs.veth: want an object {"ns"`},
		{`{"version": 1, "costs": {"veth": {}}}`, "own.json: costs.veth.ns: want whole nanoseconds"},
		{`{"version": 1, "costs": {"veth": {"ns": -1}}}`, "own.json: costs.veth.ns: want whole nanoseconds, 0 to"},
		{`{"version": 1, "costs": {"veth": {"ns": 0.7}}}`, "own.json: costs.veth.ns: want whole nanoseconds"},
		{`{"version": 1, "costs": {"veth": {"ns": 99999999999}}}`, "own.json: costs.veth.ns: want whole nanoseconds"},
		{`{"version": 1, "costs": {"veth": {"ns": 5, "low": 6}}}`, "own.json: costs.veth.low: 6 is more than ns (5); want low ≤ ns ≤ high"},
		{`{"version": 1, "costs": {"veth": {"ns": 5, "high": 4}}}`, "own.json: costs.veth.high: 4 is less than ns (5)"},
		{`{"version": 1, "costs": {"veth": {"ns": 5, "median": 4}}}`, "own.json: costs.veth.median: no such field"},
		{`{"version": 1, "costs": {"veth": {"ns": 5, "basis": "guess"}}}`, "own.json: costs.veth.basis: want one of"},
	} {
		if _, err := Read([]byte(x.in), "own.json"); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v, want %s", x.in, err, x.want)
		}
	}
}

// FuzzRead: whatever is read is a whole table in order, or an error that names the file.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version": 1, "host": "laptop", "costs": {"veth": {"ns": 640, "low": 600, "high": 800}}}`))
	f.Add([]byte(`{"version": 1, "costs": {"rules": {"ns": 10000000000, "basis": "estimate"}}}`))
	f.Add([]byte(`{"version": 1, "costs": {"veth": {"ns": 5, "low": 6}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Read(data, "own.json")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "own.json: ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, i := range Items {
			c := table.Cost(i)
			if c.Low < 0 || c.Low > c.NS || c.NS > c.High || c.High > maxCost || c.Basis == "" || c.Source == "" {
				t.Errorf("%s: %+v", i, c)
			}
		}
		if c := table.rules(1_000_000); c.NS < 0 || c.High < c.Low {
			t.Errorf("a million rules: %+v", c)
		}
	})
}
