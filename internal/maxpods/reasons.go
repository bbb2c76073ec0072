package maxpods

import "strconv"

// Reason is a sentence about a result: why the number is what it is, or what somebody makes of it. Code is a sentence of
// the catalogue, `maxpods-why.<Code>` or `maxpods-who.<Code>`; Args are what it names.
type Reason struct {
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
}

// WhyCodes are all codes that [Result.Why] gives.
var WhyCodes = []string{"own", "own-prefix", "host", "custom", "cards", "refused", "under", "over", "unknown",
	"alone", "size-rule", "metal"}

// WhoCodes are all codes that [Result.Says] gives.
var WhoCodes = []string{"managed", "managed-unknown", "managed-custom", "nodeadm", "nodeadm-ami", "kubelet", "waiting"}

func reason(code string, pairs ...any) Reason {
	r := Reason{Code: code}
	for i := 0; i+1 < len(pairs); i += 2 {
		if r.Args == nil {
			r.Args = map[string]string{}
		}
		v, ok := pairs[i+1].(string)
		if !ok {
			v = strconv.Itoa(pairs[i+1].(int))
		}
		r.Args[pairs[i].(string)] = v
	}
	return r
}

// Why says where the number comes from, in the order of the formula.
func (r *Result) Why() []Reason {
	t := &r.Type
	var out []Reason
	add := func(code string, pairs ...any) { out = append(out, reason(code, pairs...)) }
	if r.PrefixRefused {
		add("refused", "type", t.Name)
	}
	own := "own"
	if r.Prefixes() {
		own = "own-prefix"
	}
	add(own, "ips", t.IPv4, "slots", r.Slots)
	if r.Options.CustomNetworking {
		add("custom", "enis", r.ENIs, "all", t.ENIs)
	}
	if t.AllENIs > t.ENIs {
		add("cards", "all", t.AllENIs, "cards", t.Cards, "enis", t.ENIs)
	}
	add("host")
	small, _ := r.Either()
	switch {
	case r.Ceiling == 0:
		add("unknown", "formula", r.Formula)
	case r.Capped():
		add("over", "formula", r.Formula, "ceiling", r.Ceiling, "vcpus", t.VCPUs)
	default:
		add("under", "ceiling", r.Ceiling, "vcpus", t.VCPUs)
	}
	if t.VCPUSource == SizeRule {
		add("size-rule", "vcpus", t.VCPUs)
	}
	if n := r.ByItself(); r.Prefixes() && n < small {
		add("alone", "n", n)
	}
	if r.Prefixes() && t.BareMetal {
		add("metal")
	}
	return out
}

// ByItself is the max pods of a node that nobody raised: the formula for secondary addresses, under the ceiling as far as
// it is known.
func (r *Result) ByItself() int {
	if r.Ceiling == 0 {
		return r.Secondary
	}
	return min(r.Secondary, r.Ceiling)
}

// Raised says whether Pods is more than a node gets by itself: with prefixes, max pods has to be set as well.
func (r *Result) Raised() bool { return r.Prefixes() && r.Pods > r.ByItself() }

// Says is what there is to say about one of the appliers.
func (r *Result) Says(a Applier) []Reason {
	var out []Reason
	switch a.Who {
	case Managed:
		if r.Ceiling == 0 {
			out = append(out, reason("managed-unknown"))
		} else {
			out = append(out, reason("managed", "ceiling", r.Ceiling))
		}
		if r.Options.CustomNetworking {
			out = append(out, reason("managed-custom"))
		}
	case Nodeadm:
		out = append(out, reason("nodeadm"))
		if n := r.Type.AMIENIs(); n != r.Type.ENIs {
			out = append(out, reason("nodeadm-ami", "ami", n, "cni", r.Type.ENIs))
		}
	case Kubelet:
		out = append(out, reason("kubelet"))
	default:
		panic("maxpods: " + string(a.Who))
	}
	if a.Waiting > 0 {
		out = append(out, reason("waiting", "n", a.Waiting))
	}
	return out
}

// Expression is the formula with its numbers: 3 ENI × (6 − 1) × 16 + 2.
func (r *Result) Expression() string {
	enis := strconv.Itoa(r.Type.ENIs)
	if r.Options.CustomNetworking {
		enis = "(" + enis + " − 1)"
	}
	s := enis + " ENI × (" + strconv.Itoa(r.Type.IPv4) + " − 1)"
	if r.Prefixes() {
		s += " × " + strconv.Itoa(PrefixSize)
	}
	return s + " + " + strconv.Itoa(HostPods)
}
