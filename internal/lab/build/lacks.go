package build

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/topology"
)

// lacks says what of a topology this kernel cannot have; nil where it has all.
func lacks(all []*topology.Namespace) error {
	need := map[string]bool{}
	for _, ns := range all {
		for _, i := range ns.Interfaces {
			if i.Kind == topology.VLAN || i.Kind == topology.VXLAN || i.Kind == topology.IPIP || i.Kind == topology.Bridge || i.Kind == topology.MACVLAN {
				need[string(i.Kind)] = true
			}
		}
		if ns.Sysctl[bridgeNF] == "1" {
			need["br_netfilter"] = true
		}
		if len(ns.Netfilter.Sets) > 0 {
			need["ipset"] = true
		}
	}
	var out []string
	for what := range need {
		if !Has(what) {
			out = append(out, what)
		}
	}
	if len(out) == 0 {
		return nil
	}
	sort.Strings(out)
	return &LacksError{out}
}

// bridgeNF is the sysctl that has bridges show their frames to iptables; it is there with the module br_netfilter.
const bridgeNF = "net.bridge.bridge-nf-call-iptables"

var has sync.Map

// LegacyRestore is the program that loads rules the older way; not every machine has it.
const LegacyRestore = "iptables-legacy-restore"

// Has says whether the running kernel has a kind of device (by `ip link`'s name for it), br_netfilter, ipset or x_tables. It tries in a
// namespace of its own, which ends with the answer.
func Has(what string) bool {
	if v, ok := has.Load(what); ok {
		return v.(bool)
	}
	answer := probe(what)
	has.Store(what, answer)
	return answer
}

// probe tries a kind out. A kind of device that is a module the kernel loads by itself (rtnl-link-*); br_netfilter it does not,
// and neither does podpath: it would change what the machine's own bridges do.
func probe(what string) bool {
	s, err := space.Unnamed() // nothing is left of it, whatever becomes of this process
	if err != nil {
		return false
	}
	defer s.Close()
	switch what {
	case "br_netfilter":
		return s.Do(func() error { _, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables"); return err }) == nil
	case "x_tables": // newer kernels can be built without the older iptables (CONFIG_NETFILTER_XTABLES_LEGACY)
		_, err := s.Run("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 198.18.0.1/32 -j DROP\nCOMMIT\n", LegacyRestore)
		return err == nil
	case "ipset":
		_, err := s.Run("create probe hash:net\n", "ipset", "restore")
		return err == nil
	}
	nl := s.Netlink()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "probe"
	if what == "vlan" || what == "macvlan" {
		base := netlink.NewLinkAttrs()
		base.Name = "base"
		if err := nl.LinkAdd(netlink.NewVeth(base)); err != nil {
			return false
		}
		parent, err := nl.LinkByName("base")
		if err != nil {
			return false
		}
		attrs.ParentIndex = parent.Attrs().Index
	}
	var link netlink.Link
	switch what {
	case "vlan":
		link = &netlink.Vlan{LinkAttrs: attrs, VlanId: 5}
	case "macvlan":
		link = &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	case "vxlan":
		link = &netlink.Vxlan{LinkAttrs: attrs, VxlanId: 5, Port: 4789}
	case "bridge":
		link = &netlink.Bridge{LinkAttrs: attrs}
	case "ipip":
		link = &netlink.Iptun{LinkAttrs: attrs}
	default:
		return false
	}
	return nl.LinkAdd(link) == nil
}

// tolerated says whether an error only means that what was to be done is done.
func tolerated(err error, errnos ...unix.Errno) bool {
	return err != nil && slices.ContainsFunc(errnos, func(e unix.Errno) bool { return errors.Is(err, e) })
}

// tools are the programs that a lab runs, with the Debian package that each is in.
var tools = map[string]string{"iptables-nft-restore": "iptables", "nft": "nftables", "ipset": "ipset", "conntrack": "conntrack"}

// Needs says in one sentence why no lab can be built here; nil where one can.
func Needs() error {
	if err := space.Root(); err != nil {
		return err
	}
	return missingTools()
}

// missingTools says which programs that a lab needs are not there.
func missingTools() error {
	var missing []string
	for t, pkg := range tools {
		if _, err := exec.LookPath(t); err != nil {
			missing = append(missing, t+" (Debian: "+pkg+")")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sort.Strings(missing)
	return errors.New("programs that a lab needs are not installed: " + strings.Join(missing, ", "))
}
