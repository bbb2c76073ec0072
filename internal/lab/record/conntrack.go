package record

import (
	"sort"
	"strings"

	"github.com/podpath/podpath/internal/lab"
)

// conntrack lists the connections of every namespace, as a recording has them.
func (r *Recorder) conntrack() ([]string, error) {
	var out []string
	for _, name := range r.net.Topology.Names() {
		ns, err := r.net.Topology.Namespace(name)
		if err != nil {
			return nil, err
		}
		if ns.Netfilter.Rules == nil && ns.Netfilter.Native == nil {
			continue // nothing there asks for connections
		}
		text, err := r.net.Space(name).Run("", "conntrack", "-L", "-o", "extended")
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimSpace(text), "\n")
		sort.Strings(lines)
		for _, l := range lines {
			if l != "" && !strings.Contains(l, "dst=224.") {
				out = append(out, lab.ConntrackLine(name+": "+l))
			}
		}
	}
	return out, nil
}
