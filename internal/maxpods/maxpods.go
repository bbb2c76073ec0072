// Package maxpods says how many pods fit on an EC2 instance whose pods get their addresses from the AWS VPC CNI, with every
// number on the way there, and who it is that limits them: the ENIs, a recommendation, or whoever starts the kubelet.
//
//	t, err := maxpods.Find("t3.medium")
//	r := maxpods.Compute(t, maxpods.Options{})
//	r.Formula // 17: 3 ENIs × (6 − 1) + 2
//	r.Ceiling // 110: it has no more than 30 vCPUs
//	r.Pods    // 17, the smaller of the two
//
// Limits of ENIs and addresses are those of github.com/aws/amazon-vpc-resource-controller-k8s v1.8.2, pkg/aws/vpc; vCPUs are
// in vcpus.tsv. Rules are from the sources that each constant and field names: AMI is awslabs/amazon-eks-ami v20260724, CNI
// is aws/amazon-vpc-cni-k8s v1.23.2.
package maxpods

// What the formulas are made of.
const (
	// HostPods are the pods on the host's network that the formula adds, for they use no pod's address: aws-node and kube-proxy
	// (CNI misc/eni-max-pods.txt, AMI max-pods-calculator.sh).
	HostPods = 2
	// PrefixSize is the addresses in a /28, of which the CNI gives out all, the first and the last too.
	PrefixSize = 16

	// SmallCeiling and LargeCeiling are the most that AWS recommends, whatever addresses there are. The script of the AL2 AMI
	// (max-pods-calculator.sh, in the AMI's history until March 2026) takes the large one for more than CeilingVCPUs; AWS's
	// documentation says "less than 30" for the small one. No type has exactly 30.
	SmallCeiling, LargeCeiling = 110, 250
	CeilingVCPUs               = 30

	// KubeletDefault is the kubelet's own maxPods (KubeletConfiguration v1beta1).
	KubeletDefault = 110
)

// Options are what of the CNI's settings the number depends on.
type Options struct {
	Prefix           bool `json:"prefix"`           // ENABLE_PREFIX_DELEGATION
	CustomNetworking bool `json:"customNetworking"` // AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG: the primary ENI gets no pods
}

// Result is how many pods fit, and how that comes.
type Result struct {
	Type    Type    `json:"type"`
	Options Options `json:"options"` // as asked for
	// PrefixRefused: prefix delegation was asked for, and the type can only have single addresses; the CNI then falls back to
	// those, and so do the numbers here.
	PrefixRefused bool `json:"prefixRefused,omitempty"`

	ENIs    int `json:"enis"`    // that carry pods
	Slots   int `json:"slots"`   // of each that pods can have: an ENI's first address is the node's own
	PerSlot int `json:"perSlot"` // addresses in each: 1, or PrefixSize
	Formula int `json:"formula"` // ENIs × Slots × PerSlot + HostPods
	// Secondary is the formula for all ENIs and single addresses: what a node is given where nobody counts otherwise.
	Secondary int `json:"secondary"`
	Ceiling   int `json:"ceiling"` // SmallCeiling or LargeCeiling; 0 where the vCPUs are not known
	// Pods is the smaller of Formula and Ceiling; 0 where that depends on vCPUs that are not known.
	Pods int `json:"pods"`

	Appliers []Applier `json:"appliers"`
	Subnet   Subnet    `json:"subnet"`
}

// Compute gives the number for a type.
func Compute(t Type, o Options) Result {
	r := Result{Type: t, Options: o, ENIs: t.ENIs, Slots: t.IPv4 - 1, PerSlot: 1, Ceiling: t.Ceiling()}
	if o.CustomNetworking {
		r.ENIs--
	}
	switch {
	case o.Prefix && t.Prefixes():
		r.PerSlot = PrefixSize
	case o.Prefix:
		r.PrefixRefused = true
	}
	r.Formula = r.ENIs*r.Slots*r.PerSlot + HostPods
	r.Secondary = t.ENIs*r.Slots + HostPods
	if small, large := r.Either(); small == large {
		r.Pods = small
	}
	r.Appliers = r.appliers()
	r.Subnet = r.subnet()
	return r
}

// Prefixes says whether the slots hold prefixes.
func (r *Result) Prefixes() bool { return r.PerSlot == PrefixSize }

// Either is Pods under the small ceiling and under the large one, where it is not known which holds; else Pods twice.
func (r *Result) Either() (small, large int) {
	if r.Ceiling != 0 {
		n := min(r.Formula, r.Ceiling)
		return n, n
	}
	return min(r.Formula, SmallCeiling), min(r.Formula, LargeCeiling)
}

// Capped says whether the ceiling is below what the addresses would be enough for, as far as is known.
func (r *Result) Capped() bool { return r.Ceiling != 0 && r.Formula > r.Ceiling }

// Who gives a node its max pods.
type Who string

// Those who do. Each one's sentence is `maxpods.who-<Who>`.
const (
	// Managed is an EKS managed node group without a custom AMI: it enforces the ceiling, in both modes (AWS documentation).
	Managed Who = "managed"
	// Nodeadm starts the kubelet of self-managed AL2023 nodes. It takes the formula for secondary addresses with all ENIs of
	// the default card, without a ceiling, unless its NodeConfig says otherwise (AMI nodeadm/internal/kubelet/eni_max_pods.go).
	Nodeadm Who = "nodeadm"
	// Kubelet is the kubelet where nobody tells it: nodeadm leaves it there when it cannot look the type up.
	Kubelet Who = "kubelet"
)

// Whos are all of them.
var Whos = []Who{Managed, Nodeadm, Kubelet}

// Applier is what one of them makes of a type.
type Applier struct {
	Who  Who `json:"who"`
	Sets int `json:"sets"` // by itself; 0: not known
	// Waiting are the pods of Sets that no address is left for: the scheduler sends them, and they do not start.
	Waiting int `json:"waiting,omitempty"`
	Cap     int `json:"cap,omitempty"` // what it never goes beyond; 0: none, or not known
	// Most is what can run when max pods is set by hand: as many as there are addresses, and as Cap allows. 0: not known.
	Most int `json:"most"`
}

// amiENIs are types of whose ENIs nodeadm's own list (AMI nodeadm/internal/kubelet/instance-info.jsonl) says something else
// than the CNI: it counts all cards.
var amiENIs = map[string]int{"i7ie.48xlarge": 15, "i7ie.metal-48xl": 15, "i8ge.48xlarge": 24, "i8ge.metal-48xl": 24}

// AMIENIs is the number of ENIs in nodeadm's own list.
func (t Type) AMIENIs() int {
	if n, ok := amiENIs[t.Name]; ok {
		return n
	}
	return t.ENIs
}

func (r *Result) appliers() []Applier {
	managed := Applier{Who: Managed, Cap: r.Ceiling, Most: r.Pods}
	// Whether it counts custom networking in is in none of the sources.
	if !r.Options.CustomNetworking {
		switch {
		case r.Ceiling != 0:
			managed.Sets = min(r.Secondary, r.Ceiling)
		case r.Secondary <= SmallCeiling:
			managed.Sets = r.Secondary
		}
	}
	nodeadm := Applier{Who: Nodeadm, Sets: r.Type.AMIENIs()*r.Slots + HostPods, Most: r.Formula}
	out := []Applier{managed, nodeadm, {Who: Kubelet, Sets: KubeletDefault, Most: r.Formula}}
	for i := range out {
		out[i].Waiting = max(0, out[i].Sets-r.Formula)
	}
	return out
}
