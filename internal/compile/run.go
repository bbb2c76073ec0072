package compile

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// Compiled is a cluster with its topology: it never changes, so any number of traces may use it.
type Compiled struct {
	Cluster  *cluster.Cluster
	Topology *topology.Topology
	Places   []Place
}

// Compile compiles a cluster with options. Addresses on the Internet that a query names become hosts there: podpath does
// not know what answers at them, and takes it that something does.
func Compile(c *cluster.Cluster, options map[string]string, named ...string) (*Compiled, error) {
	if err := Apply(c, options); err != nil {
		return nil, err
	}
	for _, n := range named {
		if a, err := netip.ParseAddr(n); err == nil && onInternet(c, a) {
			c.Hosts = append(c.Hosts, &cluster.Host{Name: a.String(), Address: a})
		}
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	endpointSlices := c.Slices()
	t, err := topologyOf(c, endpointSlices)
	if err != nil {
		return nil, err
	}
	return &Compiled{c, t, places(c, t.Fabric, endpointSlices)}, nil
}

// onInternet says whether an address is a public one that nothing in the description has.
func onInternet(c *cluster.Cluster, a netip.Addr) bool {
	if !a.Is4() || topology.PrivateUse(a) || !a.IsGlobalUnicast() || !wayOut(c) || c.Taken()[a] {
		return false
	}
	for _, p := range c.VPC.CIDRs {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// wayOut says whether the network that the nodes stand on leads to the Internet at all.
func wayOut(c *cluster.Cluster) bool {
	if c.Site != nil {
		return c.Site.Router.Public.IsValid()
	}
	return c.VPC.InternetGateway != ""
}

// Cache keeps compiled presets. It is for many goroutines at once.
type Cache struct {
	mu    sync.Mutex
	kept  map[string]*Compiled
	plain map[string]*cluster.Cluster // presets as they are read, to ask and not to change
}

// cacheSize bounds the memory that queries with free-text options can take: a compiled preset has some 200 KB.
const cacheSize = 64

// Preset gives a compiled preset with options.
func (k *Cache) Preset(id string, options map[string]string, named ...string) (*Compiled, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	plain := k.plain[id]
	if plain == nil {
		var err error
		if plain, err = Preset(id); err != nil {
			return nil, err
		}
		if k.plain == nil {
			k.plain = map[string]*cluster.Cluster{}
		}
		k.plain[id] = plain
	}
	var key strings.Builder
	key.WriteString(id)
	for _, o := range slices.Sorted(maps.Keys(options)) {
		fmt.Fprintf(&key, "\x00%s=%s", o, options[o])
	}
	for _, n := range named {
		if a, err := netip.ParseAddr(n); err == nil && onInternet(plain, a) {
			key.WriteString("\x00" + a.String())
		}
	}
	if have := k.kept[key.String()]; have != nil {
		return have, nil
	}
	c, err := Preset(id) // compiling with options changes it
	if err != nil {
		return nil, err
	}
	made, err := Compile(c, options, named...)
	if err != nil {
		return nil, err
	}
	if k.kept == nil || len(k.kept) >= cacheSize {
		k.kept = map[string]*Compiled{}
	}
	k.kept[key.String()] = made
	return made, nil
}
