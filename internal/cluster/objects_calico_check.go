package cluster

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// check checks the objects of network plugins.
func (o *NetworkObjects) check(k *objectChecker) {
	each(k, "Namespaces", o.Namespaces, func(n *corev1.Namespace) { k.subject(n, "Namespace", "", n.Name) })
	each(k, "ServiceAccounts", o.ServiceAccounts, func(a *corev1.ServiceAccount) { k.subject(a, "ServiceAccount", a.Namespace, a.Name) })
	each(k, "NetworkPolicies", o.NetworkPolicies, k.policy)
	each(k, "IPPools", o.IPPools, k.pool)
	overlaps(k, "IPPool", o.IPPools, func(p *IPPool) (string, netip.Prefix) { return p.Name, p.Prefix() })
	each(k, "IPAMBlocks", o.IPAMBlocks, k.block)
	overlaps(k, "IPAMBlock", o.IPAMBlocks, func(b *IPAMBlock) (string, netip.Prefix) { return b.Name, b.Prefix() })
	if o.Felix != nil {
		k.felix(o.Felix)
	}
	if o.BGP != nil {
		k.bgp(o.BGP)
	}
}

// overlaps reports ranges that lie in others. Sorted by address, the widest first, one that does has the last that does not
// before it.
func overlaps[T any](k *objectChecker, kind string, list []*T, of func(*T) (string, netip.Prefix)) {
	type entry struct {
		object *T
		name   string
		prefix netip.Prefix
	}
	var all []entry
	for _, x := range list {
		if x == nil {
			continue
		}
		if name, p := of(x); p.IsValid() {
			all = append(all, entry{x, name, p.Masked()})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	last := 0
	for i := 1; i < len(all); i++ {
		x, wide := all[i], all[last]
		if !x.prefix.Overlaps(wide.prefix) {
			last = i
			continue
		}
		k.bad(x.object, kind+" "+x.name, "spec.cidr", "%v overlaps %s %s (%v)", x.prefix, kind, wide.name, wide.prefix)
	}
}

// each checks the objects of a list, which may have empty places where it was not read from a file.
func each[T any](k *objectChecker, name string, list []*T, check func(*T)) {
	for i, x := range list {
		if x == nil {
			k.bad(nil, fmt.Sprintf("%s[%d]", name, i), "", "nil")
			continue
		}
		check(x)
	}
}

func (k *objectChecker) pool(p *IPPool) {
	s, ok := k.subject(p, "IPPool", "", p.Name)
	if !ok {
		return
	}
	q, ok := s.prefix("spec.cidr", p.Spec.CIDR)
	if ok && q != q.Masked() {
		s.bad("spec.cidr", "%v has host bits set (want %v)", q, q.Masked())
	}
	modes := []string{"", ModeNever, ModeAlways, ModeCrossSubnet}
	oneOf(s, "spec.vxlanMode", p.Spec.VXLANMode, modes...)
	oneOf(s, "spec.ipipMode", p.Spec.IPIPMode, modes...)
	oneOf(s, "spec.assignmentMode", p.Spec.AssignmentMode, "", "Automatic", "Manual")
	for i, u := range p.Spec.AllowedUses {
		oneOf(s, fmt.Sprintf("spec.allowedUses[%d]", i), u, "Workload", "Tunnel", "LoadBalancer")
	}
	if p.VXLAN() && p.IPIP() {
		s.bad("spec.ipipMode", "%s beside vxlanMode %s (want Never in one of them: a pool has one encapsulation)", p.Spec.IPIPMode, p.Spec.VXLANMode)
	}
	if p.For("LoadBalancer") && (p.VXLAN() || p.IPIP() || p.For("Workload") || p.For("Tunnel")) {
		s.bad("spec.allowedUses", "LoadBalancer beside another use or an encapsulation (want it alone, without encapsulation)")
	}
	if ok && q.Addr().Is4() {
		if b := p.BlockBits(); b < 20 || b > 32 || b < q.Bits() {
			s.bad("spec.blockSize", "%d (want %d to 32)", b, max(20, q.Bits()))
		}
	} else if ok && p.IPIP() {
		s.bad("spec.ipipMode", "%s, but IP-in-IP is for IPv4 pools only (want Never)", p.Spec.IPIPMode)
	}
	for _, x := range []struct{ field, value string }{{"spec.nodeSelector", p.Spec.NodeSelector}, {"spec.namespaceSelector", p.Spec.NamespaceSelector}} {
		if strings.TrimSpace(x.value) != "" && x.value != "all()" {
			s.bad(x.field, "%q cannot be acted on (want all() or nothing: which pool a pod's address is from, the address says)", x.value)
		}
	}
}

func (k *objectChecker) block(b *IPAMBlock) {
	s, ok := k.subject(b, "IPAMBlock", "", b.Name)
	if !ok {
		return
	}
	q, ok := s.prefix("spec.cidr", b.Spec.CIDR)
	if ok && q != q.Masked() {
		s.bad("spec.cidr", "%v has host bits set (want %v)", q, q.Masked())
	}
	if b.Spec.Affinity == nil || b.Spec.Deleted {
		return
	}
	node, isHost := strings.CutPrefix(*b.Spec.Affinity, "host:")
	if _, described := slices.BinarySearch(k.described, node); !isHost || len(k.described) > 0 && !described {
		s.bad("spec.affinity", "%q (want host:<node>, one of %s)", *b.Spec.Affinity, some(k.described))
	}
}

func (k *objectChecker) bgp(b *BGPConfiguration) {
	s, ok := k.subject(b, "BGPConfiguration", "", b.Name)
	if !ok {
		return
	}
	s.named(b.Name)
	oneOf(s, "spec.programClusterRoutes", b.Spec.ProgramClusterRoutes, "", "Enabled", "Disabled")
	if b.Spec.NodeToNodeMeshEnabled != nil && !*b.Spec.NodeToNodeMeshEnabled {
		s.bad("spec.nodeToNodeMeshEnabled", "false cannot be acted on (want true: which routes other peers would give is not known)")
	}
	for _, x := range []struct {
		field string
		list  []any
	}{{"serviceClusterIPs", b.Spec.ServiceClusterIPs}, {"serviceExternalIPs", b.Spec.ServiceExternalIPs}, {"serviceLoadBalancerIPs", b.Spec.ServiceLoadBalancerIPs}} {
		if len(x.list) > 0 {
			s.bad("spec."+x.field, "cannot be acted on (want none: Services are not advertised, and cali-cidr-block stays empty)")
		}
	}
	s.priority(b.Spec.IPv4NormalRoutePriority)
	if o := k.o.Felix; o != nil && o.Spec.ProgramClusterRoutes == "Enabled" && b.Spec.ProgramClusterRoutes == "Enabled" {
		s.bad("spec.programClusterRoutes", "Enabled, and in FelixConfiguration too (want it in one: either BIRD or Felix writes the routes)")
	}
}

func (s subject) named(name string) {
	if name != "default" {
		s.bad("metadata.name", "%q cannot be acted on (want default)", name)
	}
}

func (s subject) priority(p *int) {
	if p != nil && (*p < 1 || *p > 2147483646) {
		s.bad("spec.ipv4NormalRoutePriority", "%d (want 1 to 2147483646)", *p)
	}
}

// felix checks a FelixConfiguration: values that Felix takes, and of those the ones that are acted on.
func (k *objectChecker) felix(f *FelixConfiguration) {
	s, ok := k.subject(f, "FelixConfiguration", "", f.Name)
	if !ok {
		return
	}
	s.named(f.Name)
	x := &f.Spec
	word := func(field, value string, want ...string) { // Felix reads these in any case
		if value != "" && !slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, value) }) {
			s.bad("spec."+field, "%q (want %s)", value, strings.Join(want, ", "))
		}
	}
	word("defaultEndpointToHostAction", x.DefaultEndpointToHostAction, "Drop", "Accept", "Return")
	word("iptablesFilterAllowAction", x.IptablesFilterAllowAction, "Accept", "Return")
	word("iptablesMangleAllowAction", x.IptablesMangleAllowAction, "Accept", "Return")
	word("natOutgoingExclusions", x.NATOutgoingExclusions, "IPPoolsOnly", "IPPoolsAndHostIPs")
	word("programClusterRoutes", x.ProgramClusterRoutes, "Enabled", "Disabled")
	word("ipForwarding", x.IPForwarding, "Enabled", "Disabled")
	word("awsSrcDstCheck", x.AWSSrcDstCheck, "DoNothing", "Enable", "Disable")
	s.priority(x.IPv4NormalRoutePriority)
	s.within("vxlanPort", x.VXLANPort, 1, 65535)
	s.within("vxlanVNI", x.VXLANVNI, 0, 1<<24-1)
	s.within("vxlanMTU", x.VXLANMTU, 0, 65535)
	s.within("ipipMTU", x.IPIPMTU, 0, 65535)
	if x.NATOutgoingAddress != "" {
		if a, err := netip.ParseAddr(x.NATOutgoingAddress); err != nil || !a.Is4() {
			s.bad("spec.natOutgoingAddress", "%q is no IPv4 address", x.NATOutgoingAddress)
		}
	}
	if !ifaceName.MatchString(x.NATOutgoingInterfaceFilter) {
		s.bad("spec.iptablesNATOutgoingInterfaceFilter", "%q is no interface (want up to 15 letters, digits, '.', '_', '-', and '+' at the end for a prefix)", x.NATOutgoingInterfaceFilter)
	}
	for i, p := range x.ExternalNodes {
		if _, err := netip.ParseAddr(p); err != nil {
			s.prefix(fmt.Sprintf("spec.externalNodesList[%d]", i), p)
		}
	}
	if _, err := regexp.Compile(x.MTUPattern); err != nil {
		s.bad("spec.mtuIfacePattern", "%q is no regular expression", x.MTUPattern)
	}
	s.refused(&x.felixRefused)
}

// ifaceName is what an interface match may say; anything else could break out of the rule.
var ifaceName = regexp.MustCompile(`^[A-Za-z0-9._-]{0,15}\+?$`)

func (s subject) within(field string, value *int, from, to int) {
	if value != nil && (*value < from || *value > to) {
		s.bad("spec."+field, "%d (want %d to %d)", *value, from, to)
	}
}

// refused reports the settings that are not at the value which is understood.
func (s subject) refused(r *felixRefused) {
	const mask, boot = 0xffff0000, 3
	for _, x := range []struct {
		field string
		other bool
		want  string
	}{
		{"nodeSelector", r.NodeSelector != "", "nothing: one configuration for all nodes"},
		{"useInternalDataplaneDriver", r.InternalDataplane != nil && !*r.InternalDataplane, "true"},
		{"featureDetectOverride", r.FeatureDetectOverride != "", "nothing: kernel and iptables are today's"},
		{"openstackRegion", r.OpenstackRegion != "", "nothing"},
		{"interfacePrefix", r.InterfacePrefix != "" && r.InterfacePrefix != "cali", "cali"},
		{"chainInsertMode", r.ChainInsertMode != "" && !strings.EqualFold(r.ChainInsertMode, "insert"), "Insert"},
		{"iptablesFilterDenyAction", r.FilterDenyAction != "" && !strings.EqualFold(r.FilterDenyAction, "Drop"), "Drop: v3.32 writes REJECT into table raw too, which the kernel refuses"},
		{"iptablesMarkMask", r.IptablesMarkMask != nil && *r.IptablesMarkMask != mask, "0xffff0000"},
		{"natPortRange", r.NATPortRange != nil, "nothing"},
		{"deviceRouteSourceAddress", r.DeviceRouteSourceAddress != "", "nothing"},
		{"deviceRouteProtocol", r.DeviceRouteProtocol != nil && *r.DeviceRouteProtocol != boot, "3"},
		{"nftablesMode", r.NFTablesMode != "" && !strings.EqualFold(r.NFTablesMode, "Auto") && !strings.EqualFold(r.NFTablesMode, "Disabled"), "Auto or Disabled: rules are iptables'"},
		{"bpfEnabled", r.BPFEnabled != nil && *r.BPFEnabled, "false: rules are iptables'"},
		{"istioAmbientMode", r.IstioAmbientMode != "" && !strings.EqualFold(r.IstioAmbientMode, "Disabled"), "Disabled"},
		{"routeSource", r.RouteSource != "" && !strings.EqualFold(r.RouteSource, "CalicoIPAM"), "CalicoIPAM"},
		{"routeSyncDisabled", r.RouteSyncDisabled != nil && *r.RouteSyncDisabled, "false"},
		{"wireguardEnabled", r.WireguardEnabled != nil && *r.WireguardEnabled, "false"},
	} {
		if x.other {
			s.bad("spec."+x.field, "cannot be acted on (want %s)", x.want)
		}
	}
}
