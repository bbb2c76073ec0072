package redact

import "strings"

// knownKeys are the keys of labels that Kubernetes and its tools give.
var knownKeys = set(`k8s-app kubernetes.io/metadata.name kubernetes.io/hostname kubernetes.io/os kubernetes.io/arch kubernetes.io/service-name
	topology.kubernetes.io/zone topology.kubernetes.io/region node.kubernetes.io/instance-type beta.kubernetes.io/os beta.kubernetes.io/arch
	failure-domain.beta.kubernetes.io/zone failure-domain.beta.kubernetes.io/region beta.kubernetes.io/instance-type
	endpointslice.kubernetes.io/managed-by service.kubernetes.io/headless service.kubernetes.io/service-proxy-name
	app.kubernetes.io/name app.kubernetes.io/instance app.kubernetes.io/component app.kubernetes.io/part-of app.kubernetes.io/version
	app.kubernetes.io/managed-by pod-template-hash statefulset.kubernetes.io/pod-name projectcalico.org/name projectcalico.org/namespace
	projectcalico.org/orchestrator projectcalico.org/serviceaccount node-role.kubernetes.io/control-plane node-role.kubernetes.io/master
	eks.amazonaws.com/nodegroup topology.k8s.aws/zone-id vpc.amazonaws.com/has-trunk-attached`)

// knownDomains are the domains of keys that tools give; what stands behind them may be anybody's.
var knownDomains = set(`kubernetes.io k8s.io projectcalico.org node-role.kubernetes.io node.kubernetes.io app.kubernetes.io topology.kubernetes.io eks.amazonaws.com`)

// knownValues are values of labels that are not anybody's.
var knownValues = set(`linux windows amd64 arm64 endpointslice-controller.k8s.io endpointslicemirroring-controller.k8s.io k8s true false`)

var (
	labels    = dict{labelName, labelValue}
	labelName = scalar(func(b *book, s string) (string, bool) {
		if s == "" || knownKeys[s] {
			return s, true
		}
		domain, name, ok := strings.Cut(s, "/")
		switch {
		case !ok:
			return b.name(Label, s), true
		case knownDomains[domain]:
			return domain + "/" + b.name(Label, name), true
		}
		return b.name(Label, domain) + "/" + b.name(Label, name), true
	})
	labelText = scalar(func(b *book, s string) (string, bool) { return labelValue(b, "", s) })
)

// labelValue replaces a label's value; some say what the value is.
func labelValue(b *book, key, s string) (string, bool) {
	k := Label
	switch {
	case s == "" || knownValues[s]:
		return s, true
	case strings.HasSuffix(key, "/zone"):
		k = Zone
	case strings.HasSuffix(key, "/region"):
		k = Region
	case strings.HasSuffix(key, "/instance-type"):
		return machine(b, s)
	case key == "kubernetes.io/hostname":
		k = Node
	case key == "kubernetes.io/service-name":
		k = Service
	case key == "kubernetes.io/metadata.name", key == "projectcalico.org/namespace":
		k = Namespace
	}
	return b.name(k, s), true
}

const (
	balancer   = "service.beta.kubernetes.io/aws-load-balancer-"
	attributes = " load_balancing.cross_zone.enabled=true load_balancing.cross_zone.enabled=false preserve_client_ip.enabled=true preserve_client_ip.enabled=false "
)

// annotations are those that decide something (internal/underlay, internal/cni/calico). All others are left out: they may hold
// anything.
var annotations = dict{
	func(_ *book, k string) (string, bool) { return k, annotationShapes[k] != nil },
	func(b *book, k, v string) (string, bool) { return annotationShapes[k](b, v) },
}

var annotationShapes = map[string]scalar{
	balancer + "type": oneOf("nlb external nlb-ip"), balancer + "nlb-target-type": oneOf("instance ip"), balancer + "scheme": oneOf("internal internet-facing"),
	balancer + "internal": anyBool, balancer + "cross-zone-load-balancing-enabled": anyBool, balancer + "attributes": attributeList, balancer + "target-group-attributes": attributeList,
	"projectcalico.org/IPv4VXLANTunnelAddr": anyAddr, "projectcalico.org/IPv4IPIPTunnelAddr": anyAddr, "projectcalico.org/VXLANTunnelMACAddr": anyMAC,
	"projectcalico.org/IPv4Address": anyAddr,
}

// attributeList keeps the two attributes that are read.
var attributeList = scalar(func(_ *book, s string) (string, bool) {
	var keep []string
	for _, x := range strings.Split(s, ",") {
		if x = strings.TrimSpace(x); x != "" && strings.Contains(attributes, " "+x+" ") {
			keep = append(keep, x)
		}
	}
	return strings.Join(keep, ","), len(keep) > 0
})
