package maxpods

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/amazon-vpc-resource-controller-k8s/pkg/aws/vpc"
)

// Type is an instance type's limits.
type Type struct {
	Name string `json:"name"`
	// ENIs is the limit of the default network card. Only these count: of 64 ENIs a p5.48xlarge has 2 there.
	ENIs       int    `json:"enis"`
	IPv4       int    `json:"ipv4PerENI"` // addresses of an ENI, its own first one among them
	Cards      int    `json:"networkCards"`
	AllENIs    int    `json:"enisOfAllCards"`
	Hypervisor string `json:"hypervisor,omitempty"` // nitro or xen; "" on bare metal
	BareMetal  bool   `json:"bareMetal,omitempty"`
	VCPUs      int    `json:"vcpus"` // 0: not known
	// VCPUSource says where VCPUs is from.
	VCPUSource Source `json:"vcpuSource,omitempty"`
	BranchENIs int    `json:"branchENIs"` // for security groups for pods; 0: it has none
}

// Source says where a number of vCPUs is from (vcpus.tsv).
type Source string

// The sources. Each one's sentence is `maxpods.vcpus-<Source>`.
const (
	Listed   Source = "listed"    // in a list of AWS's types
	SizeRule Source = "size-rule" // 4 per xlarge unit of the name, not checked for this type
	Unknown  Source = "unknown"
)

// Sources are all of them.
var Sources = []Source{Listed, SizeRule, Unknown}

// Prefixes says whether the CNI gives the type prefixes: only on Nitro and bare metal (CNI pkg/ipamd, IsPrefixDelegationSupported).
func (t Type) Prefixes() bool { return t.Hypervisor == "nitro" || t.BareMetal }

// Ceiling is the most pods that AWS recommends for the type; 0 where its vCPUs are not known.
func (t Type) Ceiling() int {
	switch {
	case t.VCPUs == 0:
		return 0
	case t.VCPUs > CeilingVCPUs:
		return LargeCeiling
	}
	return SmallCeiling
}

// Family is the part of the name before the dot.
func (t Type) Family() string { return family(t.Name) }

func family(name string) string {
	f, _, _ := strings.Cut(name, ".")
	return f
}

//go:embed vcpus.tsv
var vcpuFile string

type vcpu struct {
	n      int
	source Source
}

// vcpus reads vcpus.tsv. It is compiled in and a test reads all of it, so an error here is one of the build.
var vcpus = sync.OnceValue(func() map[string]vcpu {
	out := map[string]vcpu{}
	for line := range strings.Lines(vcpuFile) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			panic(fmt.Sprintf("maxpods: vcpus.tsv: %q has %d columns", line, len(f)))
		}
		if f[1] == "-" {
			out[f[0]] = vcpu{0, Unknown}
			continue
		}
		n, err := strconv.Atoi(f[1])
		if err != nil {
			panic(fmt.Sprintf("maxpods: vcpus.tsv: %s: %v", f[0], err))
		}
		out[f[0]] = vcpu{n, Source(f[2])}
	}
	return out
})

// names are the types in the order of families and, within each, of size.
var names = sync.OnceValue(func() []string {
	return slices.SortedFunc(maps.Keys(vpc.Limits), func(a, b string) int {
		return cmp.Or(strings.Compare(family(a), family(b)), cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
})

// rank orders a family's sizes: small ones, large, the multiples of xlarge, metal.
func rank(name string) int {
	_, size, _ := strings.Cut(name, ".")
	if i := slices.Index([]string{"nano", "micro", "small", "medium", "large", "xlarge"}, size); i >= 0 {
		return i
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(size, "xlarge")); err == nil {
		return 10 + n
	}
	return 1 << 20
}

// Types are the names of all types that there are, by family and size.
func Types() []string { return slices.Clone(names()) }

// Family are the types of a family, by size.
func Family(name string) []string {
	var out []string
	for _, t := range names() {
		if family(t) == name {
			out = append(out, t)
		}
	}
	return out
}

// UnknownTypeError is a name that no type has.
type UnknownTypeError struct {
	Name string
	Near []string // types that it may have meant, the likeliest first
}

// Error names the type, and what it may have meant.
func (e *UnknownTypeError) Error() string {
	s := fmt.Sprintf("no instance type %q", e.Name)
	if len(e.Near) > 0 {
		s += ": did you mean " + strings.Join(e.Near, ", ") + "?"
	}
	return s
}

// Find is the type of a name, in capitals or not. Where there is none, the error is an [*UnknownTypeError].
func Find(name string) (Type, error) {
	id := strings.ToLower(strings.TrimSpace(name))
	l := vpc.Limits[id]
	if l == nil {
		return Type{}, &UnknownTypeError{Name: name, Near: near(id)}
	}
	t := Type{Name: id, IPv4: l.IPv4PerInterface, Cards: len(l.NetworkCards), AllENIs: l.Interface, Hypervisor: l.Hypervisor, BareMetal: l.IsBareMetal}
	for _, c := range l.NetworkCards {
		if c.NetworkCardIndex == int64(l.DefaultNetworkCardIndex) {
			t.ENIs = int(c.MaximumNetworkInterfaces)
		}
	}
	if l.IsTrunkingCompatible {
		t.BranchENIs = l.BranchInterface
	}
	v, ok := vcpus()[id]
	if !ok {
		v.source = Unknown
	}
	t.VCPUs, t.VCPUSource = v.n, v.source
	return t, nil
}

// What near finds.
const (
	mostNear = 5 // names
	farthest = 2 // mistakes in a name
)

// near are the types whose names are like one. Of a family's name alone it is the family's first sizes.
func near(name string) []string {
	if f := Family(strings.TrimSuffix(name, ".")); len(f) > 0 {
		return f[:min(mostNear, len(f))]
	}
	type found struct {
		name string
		far  int
	}
	var all []found
	for _, t := range names() {
		if d := distance(name, t); d <= farthest {
			all = append(all, found{t, d})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, x := range all {
		if x.far > all[0].far || len(out) == mostNear {
			break
		}
		out = append(out, x.name)
	}
	return out
}

// distance counts the mistakes that turn one name into another: a letter too many, too few, another, or two swapped (optimal
// string alignment). Names are ASCII. It stops counting where there are too many.
func distance(a, b string) int {
	if len(a)-len(b) > farthest || len(b)-len(a) > farthest {
		return farthest + 1
	}
	last2, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], last2[j-2]+1)
			}
		}
		last2, last = last, row
	}
	return last[len(b)]
}
