package compare_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

func document(t *testing.T, options map[string]string) *trace.Document {
	t.Helper()
	cl, err := compile.Preset("eks-study")
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Compile(cl, options)
	if err != nil {
		t.Fatal(err)
	}
	d, err := (&query.Request{From: "pod/default/netshoot-2", To: "pod/default/netshoot-3"}).Document(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// copied is what a link keeps: the document by way of JSON, with one text in place of another.
func copied(t *testing.T, d *trace.Document, old, fresh string) *trace.Document {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if old != "" && !strings.Contains(string(data), old) {
		t.Fatalf("%q is not in the document", old)
	}
	var out trace.Document
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(data), old, fresh)), &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestDrifts(t *testing.T) {
	d := document(t, nil)
	ids := func(all []compare.Drift) (out []string) {
		for _, x := range all {
			mark := "~"
			switch {
			case x.Was < 0:
				mark = "+"
			case x.Now < 0:
				mark = "-"
			}
			out = append(out, mark+x.ID)
		}
		return out
	}
	if got := compare.Drifts(copied(t, d, "", ""), d); len(got) != 0 {
		t.Errorf("the same by way of JSON: %v", ids(got))
	}
	// A rule that reads otherwise, in the hook that met it and nowhere else.
	other := copied(t, d, "-j KUBE-POSTROUTING", "-j KUBE-POSTROUTING-OLD")
	var want []string
	for i := range d.Stations {
		s := &d.Stations[i]
		for _, st := range d.Legs[s.Leg].Hops[s.Hop].Steps[s.First : s.Last+1] {
			if strings.Contains(st.Text, "-j KUBE-POSTROUTING") {
				want = append(want, "~"+s.ID)
			}
		}
	}
	if got := ids(compare.Drifts(other, d)); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("another rule: %v, want %v", got, want)
	}
	// A station more and one less, where they are.
	less := copied(t, d, "", "")
	gone := less.Stations[4].ID
	less.Stations = slices.Delete(less.Stations, 4, 5)
	if got := ids(compare.Drifts(less, d)); !slices.Equal(got, []string{"+" + gone}) {
		t.Errorf("one was not there: %v, want +%s", got, gone)
	}
	if got := compare.Drifts(d, less); !slices.Equal(got, []compare.Drift{{ID: gone, Was: 4, Now: -1}}) {
		t.Errorf("one is not there any more: %v, want -%s", got, gone)
	}
	// Another plugin's way: every station of the one that the other does not have is named once.
	tunnel := document(t, map[string]string{"cni": "calico-vxlan"})
	there := map[string]int{}
	for _, x := range compare.Drifts(d, tunnel) {
		there[x.ID]++
	}
	for _, s := range tunnel.Stations {
		if !slices.ContainsFunc(d.Stations, func(o trace.StationDocument) bool { return o.ID == s.ID }) && there[s.ID] != 1 {
			t.Errorf("%s is named %d times", s.ID, there[s.ID])
		}
	}
}
