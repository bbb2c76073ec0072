package measure

import (
	"errors"
	"testing"

	"github.com/podpath/podpath/internal/latency"
)

// TestFile: what is written is read back as it was, and what has no figure is left to podpath's table.
func TestFile(t *testing.T) {
	rows := with(IPIP)
	rows[Tracked] = []int64{17000} // noise
	found := Derive(made(rows))
	here := Machine{CPU: `A "CPU"`, Cores: 2, Kernel: "6.18.0", Date: "2026-01-02"}
	data, err := File(found, here.String())
	if err != nil {
		t.Fatal(err)
	}
	table, err := latency.Read(data, "costs.json")
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if want := `A "CPU", Linux 6.18.0, 2026-01-02`; table.Host != want {
		t.Errorf("host %q, want %q", table.Host, want)
	}
	own, figures := latency.Default(), 0
	for _, i := range latency.Items {
		want := own.Cost(i)
		if f := find(found, i); f != nil && f.Why == "" {
			want = f.Cost
			figures++
		}
		if got := table.Cost(i); got != want {
			t.Errorf("%s: %+v, want %+v", i, got, want)
		}
	}
	if figures != 8 { // socket, veth, bridge, routing, hook, rules, VXLAN's two
		t.Errorf("%d figures were written", figures)
	}
}

func TestFileOfNothing(t *testing.T) {
	if _, err := File(Derive(&Measured{}), "here"); !errors.Is(err, ErrNothing) {
		t.Errorf("got %v, want %v", err, ErrNothing)
	}
}

func TestModel(t *testing.T) {
	for _, x := range []struct{ info, want string }{
		{"processor\t: 0\nmodel\t\t: 2\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Another\n", "Some CPU @ 2 GHz"},
		{"processor\t: 0\nCPU part\t: 0xd0c\n", "arm64"}, // arm64 has none
		{"", "arm64"},
	} {
		if got := model(x.info, "arm64"); got != x.want {
			t.Errorf("%q: got %q, want %q", x.info, got, x.want)
		}
	}
}
