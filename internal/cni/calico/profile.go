package calico

import "github.com/podpath/podpath/internal/cluster"

// profile is what a pod inherits from its namespace, which allows everything, and from its ServiceAccount, which only
// carries labels (NamespaceToProfile and ServiceAccountToProfile, libcalico-go/lib/backend/k8s/conversion/conversion.go).
type profile struct {
	name   string
	allows bool
}

func profilesOf(p *cluster.Pod) []profile {
	return []profile{{name: "kns." + p.Namespace, allows: true}, {name: "ksa." + p.Namespace + "." + p.Account()}}
}

// profiles writes the chains of the profiles that the node's pods have.
func (s *settings) profiles(w *writer, pods []workload) {
	seen := map[string]bool{}
	for _, p := range pods {
		for _, x := range profilesOf(p.Pod) {
			if seen[x.name] {
				continue
			}
			seen[x.name] = true
			for _, d := range []direction{ingress, egress} {
				r := rule{}
				if x.allows {
					r = to(setMark(markAccept))
				}
				word := "ingress"
				if d.egress {
					word = "egress"
				}
				w.chain("filter", chainName(d.profile, x.name), r.saying("Profile "+x.name+" "+word))
			}
		}
	}
}
