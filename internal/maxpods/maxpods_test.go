package maxpods

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/amazon-vpc-resource-controller-k8s/pkg/aws/vpc"
)

func find(t testing.TB, name string) Type {
	t.Helper()
	ty, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return ty
}

// TestByHand: numbers that were derived from AWS's tables of types with pencil and paper.
func TestByHand(t *testing.T) {
	for _, tt := range []struct {
		name            string
		o               Options
		formula, pods   int
		managed         int // what each sets by itself
		nodeadm         int
		most            [3]int // managed, nodeadm, kubelet
		full, busy, own int    // addresses
	}{
		// 3 ENIs × (6 − 1) + 2
		{"t3.medium", Options{}, 17, 17, 17, 17, [3]int{17, 17, 17}, 18, 18, 0},
		// 3 × 5 × 16 + 2; for 110 pods 7 prefixes on 2 ENIs: 7 × 16 + 2
		{"t3.medium", Options{Prefix: true}, 242, 110, 17, 17, [3]int{110, 242, 242}, 243, 114, 0},
		// (3 − 1) × 5 + 2; 2 full ENIs of 6, and the primary one's own
		{"t3.medium", Options{CustomNetworking: true}, 12, 12, 0, 17, [3]int{12, 12, 12}, 13, 13, 1},
		// (3 − 1) × 5 × 16 + 2; 7 prefixes on 2 ENIs, and the primary one's own
		{"t3.medium", Options{true, true}, 162, 110, 0, 17, [3]int{110, 162, 162}, 163, 115, 1},
		{"t3.small", Options{}, 11, 11, 11, 11, [3]int{11, 11, 11}, 12, 12, 0},                    // 3 × 3 + 2
		{"t3.large", Options{}, 35, 35, 35, 35, [3]int{35, 35, 35}, 36, 36, 0},                    // 3 × 11 + 2
		{"m5.large", Options{}, 29, 29, 29, 29, [3]int{29, 29, 29}, 30, 30, 0},                    // 3 × 9 + 2
		{"M5.Large", Options{Prefix: true}, 434, 110, 29, 29, [3]int{110, 434, 434}, 435, 113, 0}, // 7 prefixes on 1 ENI: 112 + 1
		{"m5.xlarge", Options{}, 58, 58, 58, 58, [3]int{58, 58, 58}, 60, 60, 0},                   // 4 × 14 + 2
		// 8 × 29 + 2; 16 vCPUs; for 110 pods 4 ENIs of 30
		{"m5.4xlarge", Options{}, 234, 110, 110, 234, [3]int{110, 234, 234}, 240, 120, 0},
		// the same with 32 vCPUs: 250 is more than there are addresses for
		{"m5.8xlarge", Options{}, 234, 234, 234, 234, [3]int{234, 234, 234}, 240, 240, 0},
		// 15 × 49 + 2; 96 vCPUs; for 250 pods 6 ENIs of 50
		{"m5.24xlarge", Options{}, 737, 250, 250, 737, [3]int{250, 737, 737}, 750, 300, 0},
		// 15 × 49 × 16 + 2; for 250 pods 16 prefixes on 1 ENI
		{"m5.24xlarge", Options{Prefix: true}, 11762, 250, 250, 737, [3]int{250, 11762, 11762}, 11775, 257, 0},
		// Of 64 ENIs 2 are on the default card: 2 × 49 + 2
		{"p5.48xlarge", Options{}, 100, 100, 100, 100, [3]int{100, 100, 100}, 100, 100, 0},
		// Xen has no prefixes: 3 × 9 + 2 all the same
		{"c4.large", Options{Prefix: true}, 29, 29, 29, 29, [3]int{29, 29, 29}, 30, 30, 0},
		// bare metal has
		{"c5.metal", Options{Prefix: true}, 11762, 250, 250, 737, [3]int{250, 11762, 11762}, 11775, 257, 0},
		// nodeadm's own list counts the ENIs of both cards: 15 × 49 + 2, where 8 × 49 + 2 have an address
		{"i7ie.48xlarge", Options{}, 394, 250, 250, 737, [3]int{250, 394, 394}, 400, 300, 0},
		// 8 × 29 + 2, and nobody says how many vCPUs
		{"mac-m4.metal", Options{}, 234, 0, 0, 234, [3]int{0, 234, 234}, 240, 240, 0},
		// 2 × 3 + 2, and for custom networking 1 × 3 + 2
		{"m6g.medium", Options{}, 8, 8, 8, 8, [3]int{8, 8, 8}, 8, 8, 0},
		{"m6g.medium", Options{CustomNetworking: true}, 5, 5, 0, 8, [3]int{5, 5, 5}, 5, 5, 1},
	} {
		r := Compute(find(t, tt.name), tt.o)
		if r.Formula != tt.formula || r.Pods != tt.pods {
			t.Errorf("%s %+v: formula %d, pods %d; want %d, %d", tt.name, tt.o, r.Formula, r.Pods, tt.formula, tt.pods)
		}
		for i, want := range []int{tt.managed, tt.nodeadm, 110} {
			a := r.Appliers[i]
			if a.Who != Whos[i] || a.Sets != want || a.Most != tt.most[i] || a.Waiting != max(0, want-tt.formula) {
				t.Errorf("%s %+v: %+v; want %s, sets %d, most %d", tt.name, tt.o, a, Whos[i], want, tt.most[i])
			}
		}
		if s := r.Subnet; s.Full != tt.full || s.Busy.Addresses != tt.busy || s.Own != tt.own {
			t.Errorf("%s %+v: %+v; want %d addresses, %d busy, %d own", tt.name, tt.o, s, tt.full, tt.busy, tt.own)
		}
		if refused := tt.o.Prefix && tt.name == "c4.large"; r.PrefixRefused != refused {
			t.Errorf("%s %+v: prefixes refused: %v", tt.name, tt.o, r.PrefixRefused)
		}
	}
}

// TestPrefixAloneChangesNothing: what anybody sets by itself is the same with prefixes, for each type.
func TestPrefixAloneChangesNothing(t *testing.T) {
	for _, name := range Types() {
		ty := find(t, name)
		a, b := Compute(ty, Options{}), Compute(ty, Options{Prefix: true})
		for i := range a.Appliers {
			if a.Appliers[i].Sets != b.Appliers[i].Sets {
				t.Errorf("%s: %s sets %d, with prefixes %d", name, a.Appliers[i].Who, a.Appliers[i].Sets, b.Appliers[i].Sets)
			}
		}
		if b.Formula < a.Formula || ty.Prefixes() != (b.Formula > a.Formula) {
			t.Errorf("%s: formula %d, with prefixes %d", name, a.Formula, b.Formula)
		}
	}
}

// TestNever128: no type's number is 128, in whatever mode.
func TestNever128(t *testing.T) {
	for _, name := range Types() {
		for _, o := range allOptions {
			r := Compute(find(t, name), o)
			if r.Formula == 128 || r.Pods == 128 {
				t.Errorf("%s %+v: 128", name, o)
			}
		}
	}
}

var allOptions = []Options{{}, {Prefix: true}, {CustomNetworking: true}, {true, true}}

// TestDrawing: the drawing has as many slots and pods as the numbers say, for each type.
func TestDrawing(t *testing.T) {
	for _, name := range Types() {
		for _, o := range allOptions {
			r := Compute(find(t, name), o)
			rows := r.Drawing()
			n, seen, enis := map[SlotState]int{}, 0, 0
			for _, row := range rows {
				if len(row) != r.Slots {
					t.Fatalf("%s %+v: a row of %d", name, o, len(row))
				}
				for _, s := range row {
					n[s.State]++
					seen += s.Addresses
				}
				if row[0].State == Used || row[0].State == Warm {
					enis++
				}
			}
			busy := r.Subnet.Busy
			if len(rows) != r.Type.ENIs || seen != busy.Pods-HostPods || n[Used]+n[Warm] != busy.Slots || enis != busy.ENIs {
				t.Errorf("%s %+v: %d rows, %d pods, %v, %d ENIs; want %+v", name, o, len(rows), seen, n, enis, busy)
			}
			if busy.Addresses > r.Subnet.Full || busy.Slots*r.PerSlot < seen {
				t.Errorf("%s %+v: %+v of %+v", name, o, busy, r.Subnet)
			}
		}
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name string
		near []string // the first of them
	}{
		{"t3.mediun", []string{"t3.medium"}},
		{"t3.meduim", []string{"t3.medium"}},
		{"t3medium", []string{"t3.medium"}},
		{"m5.24xlrage", []string{"m5.24xlarge"}},
		{"t3", []string{"t3.nano", "t3.micro", "t3.small", "t3.medium", "t3.large"}},
		{"m5.", []string{"m5.large", "m5.xlarge", "m5.2xlarge", "m5.4xlarge", "m5.8xlarge"}},
		{"", nil},
		{"potato", nil},
		{strings.Repeat("x", 4000), nil},
	} {
		_, err := Find(tt.name)
		var unknown *UnknownTypeError
		if !errors.As(err, &unknown) {
			t.Errorf("Find(%q): %v", tt.name, err)
			continue
		}
		if len(unknown.Near) < len(tt.near) || !slices.Equal(unknown.Near[:len(tt.near)], tt.near) || (tt.near == nil) != (unknown.Near == nil) {
			t.Errorf("Find(%q): near %q, want %q", tt.name, unknown.Near, tt.near)
		}
	}
	if _, err := Find("t3.mediun"); err.Error() != `no instance type "t3.mediun": did you mean t3.medium?` {
		t.Errorf("the error says: %v", err)
	}
}

// TestTypes: the list has each type once, families together, sizes in order.
func TestTypes(t *testing.T) {
	all := Types()
	if len(all) != len(vpc.Limits) {
		t.Errorf("%d types, Limits has %d", len(all), len(vpc.Limits))
	}
	if got := strings.Join(Family("t3"), " "); got != "t3.nano t3.micro t3.small t3.medium t3.large t3.xlarge t3.2xlarge" {
		t.Errorf("family t3: %s", got)
	}
	seen := map[string]bool{}
	last := ""
	for _, name := range all {
		f := find(t, name).Family()
		if f != last && seen[f] {
			t.Errorf("family %s is in two places", f)
		}
		seen[f], last = true, f
	}
}

// TestData: vcpus.tsv is about the types that Limits has and no others, and each of these has a default card with ENIs.
func TestData(t *testing.T) {
	for name := range vcpus() {
		if vpc.Limits[name] == nil {
			t.Errorf("vcpus.tsv has %s, which Limits has not", name)
		}
	}
	for _, name := range Types() {
		v, ok := vcpus()[name]
		if !ok {
			t.Errorf("vcpus.tsv has no %s", name)
		}
		ty := find(t, name)
		if !slices.Contains(Sources, ty.VCPUSource) || (v.n == 0) != (ty.VCPUSource == Unknown) {
			t.Errorf("%s: %d vCPUs, source %q", name, ty.VCPUs, ty.VCPUSource)
		}
		if ty.VCPUs == CeilingVCPUs {
			t.Errorf("%s has %d vCPUs: the ceiling's rule and AWS's documentation differ about it", name, ty.VCPUs)
		}
		if ty.ENIs < 1 || ty.ENIs > ty.AllENIs || ty.IPv4 < 2 || ty.Cards < 1 {
			t.Errorf("%s: %+v", name, ty)
		}
		if h := ty.Hypervisor; h != "nitro" && h != "xen" && !ty.BareMetal {
			t.Errorf("%s: hypervisor %q", name, h)
		}
	}
	for name := range amiENIs {
		find(t, name)
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"t3.medium", "t3.mediun", "t3", ".", "한글.large", "m5.24xlarge "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		ty, err := Find(name)
		if err != nil {
			var unknown *UnknownTypeError
			if !errors.As(err, &unknown) || len(unknown.Near) > mostNear {
				t.Fatalf("Find(%q): %v", name, err)
			}
			return
		}
		if again, err := Find(ty.Name); err != nil || again != ty {
			t.Fatalf("Find(%q): %+v, then %+v, %v", name, ty, again, err)
		}
	})
}

func BenchmarkCompute(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ty, _ := Find("m5.24xlarge")
		r := Compute(ty, Options{Prefix: true})
		r.Drawing()
	}
}

// TestReasons: every code of the closed lists is given for some type, and no other.
func TestReasons(t *testing.T) {
	why, who := map[string]bool{}, map[string]bool{}
	for _, name := range Types() {
		for _, o := range allOptions {
			r := Compute(find(t, name), o)
			for _, x := range r.Why() {
				why[x.Code] = true
			}
			for _, a := range r.Appliers {
				for _, x := range r.Says(a) {
					who[x.Code] = true
				}
			}
		}
	}
	for _, tt := range []struct {
		seen map[string]bool
		all  []string
	}{{why, WhyCodes}, {who, WhoCodes}} {
		for _, c := range tt.all {
			if !tt.seen[c] {
				t.Errorf("no type gives %s", c)
			}
			delete(tt.seen, c)
		}
		for c := range tt.seen {
			t.Errorf("%s is not in the list", c)
		}
	}
}

func TestExpression(t *testing.T) {
	for o, want := range map[Options]string{
		{}:                       "3 ENI × (6 − 1) + 2",
		{Prefix: true}:           "3 ENI × (6 − 1) × 16 + 2",
		{CustomNetworking: true}: "(3 − 1) ENI × (6 − 1) + 2",
	} {
		r := Compute(find(t, "t3.medium"), o)
		if got := r.Expression(); got != want {
			t.Errorf("%+v: %s, want %s", o, got, want)
		}
	}
}
