package calico

// direction is one of the two ways that policies and profiles are for.
type direction struct {
	name                             string // in a group's hash
	policy, group, profile, endpoint string // prefixes of chains
	egress                           bool
}

var (
	ingress = direction{name: "inbound", policy: "cali-pi-", group: "cali-gi-", profile: "cali-pri-", endpoint: "cali-tw-"}
	egress  = direction{name: "outbound", policy: "cali-po-", group: "cali-go-", profile: "cali-pro-", endpoint: "cali-fw-", egress: true}
)

// tier is the only tier that Kubernetes NetworkPolicies are in.
const tier = "default"

// endpoint is the chain of a pod in one direction (endpointIptablesChain, felix/rules/endpoints.go): connections that are
// there already, then policy if any is for this direction, else the profiles. Policy that accepts or drops leaves nothing
// to the profiles, whose rules stand there all the same.
func (s *settings) endpoint(w *writer, p workload, d direction, groups []*group) {
	var rules []rule
	if s.filterAllow != accept {
		rules = append(rules, to(setMark(markAccept), ctState("RELATED,ESTABLISHED")))
	}
	rules = append(rules, to(s.filterAllow, ctState("RELATED,ESTABLISHED")))
	if !s.keepInvalid {
		rules = append(rules, to(drop, ctState("INVALID")))
	}
	rules = append(rules, to(clearMark(markAccept|markPass)))
	if d.egress && !s.vxlanFromPods {
		rules = append(rules, to(drop, protoUDP, destination.ports(one(s.port))).saying("Drop VXLAN encapped packets originating in workloads"))
	}
	if d.egress && !s.ipipFromPods {
		rules = append(rules, to(drop, protoIPIP).saying("Drop IPinIP encapped packets originating in workloads"))
	}
	if len(groups) > 0 {
		rules = append(rules, to(clearMark(markPass)).saying("Start of tier "+tier))
		for _, g := range groups {
			rules = append(rules,
				to(jump(g.chain(d)), markClear(markPass)),
				to(returning, markSet(markAccept)).saying("Return if policy accepted"))
		}
		rules = append(rules, to(drop, markClear(markPass)).saying("End of tier "+tier+". Drop if no policies passed packet"))
	}
	for _, profile := range profilesOf(p.Pod) {
		rules = append(rules,
			to(jump(chainName(d.profile, profile.name))),
			to(returning, markSet(markAccept)).saying("Return if profile accepted"))
	}
	w.chain("filter", chainName(d.endpoint, p.veth), append(rules, to(drop).saying("Drop if no profiles matched"))...)
}
