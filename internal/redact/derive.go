package redact

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
)

// derive notes the names that plugins make of names, of a description and of its replacement: a question may ask for the way
// over KUBE-SEP-…, which is in neither text.
func (b *book) derive(c, d *cluster.Cluster) error {
	if len(c.Pods) != len(d.Pods) || len(c.Services) != len(d.Services) || len(c.Nodes) != len(d.Nodes) || len(c.Subnets()) != len(d.Subnets()) {
		return errors.New("redact: the result has other nodes, subnets, pods or Services")
	}
	prefixes := [][2]string{{"eni", "eni"}, {"cali", "cali"}, {"vlan", "vlan"}}
	if p := c.CNI.Env["AWS_VPC_K8S_CNI_VETHPREFIX"]; p != "" {
		prefixes = append(prefixes, [2]string{p, d.CNI.Env["AWS_VPC_K8S_CNI_VETHPREFIX"]})
	}
	for i, p := range c.Pods {
		q := d.Pods[i]
		b.alias("kns."+p.Namespace, "kns."+q.Namespace) // Calico's profiles
		b.alias("ksa."+p.Namespace+"."+p.Account(), "ksa."+q.Namespace+"."+q.Account())
		for _, x := range prefixes {
			from, to := x[0]+podHash(p.Namespace, p.Name)[:11], x[1]+podHash(q.Namespace, q.Name)[:11]
			b.alias(from, to)
			for _, dir := range []string{"cali-fw-", "cali-tw-"} {
				b.alias(dir+from, dir+to)
			}
		}
	}
	for i, n := range c.Nodes { // what podpath itself calls by others' names
		b.alias("pods-"+n.Name, "pods-"+d.Nodes[i].Name)
	}
	for i, s := range c.Subnets() {
		b.alias("switch-"+s.Name, "switch-"+d.Subnets()[i].Name)
	}
	was, is := endpoints(c), endpoints(d)
	for i, s := range c.Services {
		t := d.Services[i]
		b.alias("nlb-"+s.Namespace+"-"+s.Name, "nlb-"+t.Namespace+"-"+t.Name)
		if len(s.Spec.Ports) != len(t.Spec.Ports) {
			return errors.New("redact: the result has other ports")
		}
		for j, p := range s.Spec.Ports {
			x, y := servicePort{s, p}, servicePort{t, t.Spec.Ports[j]}
			for _, prefix := range []string{"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-"} {
				b.alias(prefix+x.suffix(""), prefix+y.suffix(""))
			}
			for _, prefix := range []string{"service-", "local-", "external-", "firewall-"} {
				b.alias(prefix+nftName(x.path()), prefix+nftName(y.path()))
			}
			from, to := was[x.key()], is[y.key()]
			for k := range min(len(from), len(to)) {
				b.alias("KUBE-SEP-"+x.suffix(from[k]), "KUBE-SEP-"+y.suffix(to[k]))
				for _, prefix := range []string{"endpoint-", "affinity-"} {
					b.alias(prefix+nftName(x.endpoint(from[k])), prefix+nftName(y.endpoint(to[k])))
				}
			}
		}
	}
	return nil
}

// servicePort is a port of a Service.
type servicePort struct {
	s *corev1.Service
	p corev1.ServicePort
}

func (x servicePort) protocol() string {
	return strings.ToLower(string(cmp.Or(x.p.Protocol, corev1.ProtocolTCP)))
}

// suffix is what the names of the port's chains end with; endpoint is "10.0.1.5:80" for one's own chain (portProtoHash in
// kube-proxy's pkg/proxy/iptables/proxier.go).
func (x servicePort) suffix(endpoint string) string {
	name := x.s.Namespace + "/" + x.s.Name
	if x.p.Name != "" {
		name += ":" + x.p.Name
	}
	sum := sha256.Sum256([]byte(name + x.protocol() + endpoint))
	return base32.StdEncoding.EncodeToString(sum[:])[:16]
}

// path is how the nftables mode calls the port (servicePortChainNameBase, pkg/proxy/nftables/proxier.go).
func (x servicePort) path() string {
	return x.s.Namespace + "/" + x.s.Name + "/" + x.protocol() + "/" + x.p.Name
}

func (x servicePort) endpoint(text string) string {
	at := strings.LastIndexByte(text, ':')
	return x.path() + "__" + text[:at] + "/" + text[at+1:]
}

// nftName is a name of that mode behind its prefix (hashAndTruncate, in the same file).
func nftName(name string) string {
	sum := sha256.Sum256([]byte(name))
	name = base32.StdEncoding.EncodeToString(sum[:])[:8] + "-" + name
	if len(name) > 240 {
		name = name[:237] + "..."
	}
	return name
}

type portKey struct{ namespace, service, port, protocol string }

func (x servicePort) key() portKey {
	return portKey{x.s.Namespace, x.s.Name, x.p.Name, x.protocol()}
}

// endpoints are the endpoints of all Services' ports as their chains are named by: "10.0.1.5:80".
func endpoints(c *cluster.Cluster) map[portKey][]string {
	out := map[portKey][]string{}
	for _, s := range c.Slices() {
		for _, p := range s.Ports {
			if p.Port == nil || p.Name == nil || p.Protocol == nil {
				continue
			}
			key := portKey{s.Namespace, s.Labels[discoveryv1.LabelServiceName], *p.Name, strings.ToLower(string(*p.Protocol))}
			for _, e := range s.Endpoints {
				if len(e.Addresses) == 0 {
					continue
				}
				if a, err := netip.ParseAddr(e.Addresses[0]); err == nil {
					out[key] = append(out[key], net.JoinHostPort(a.String(), strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	return out
}
