package fuzz

import (
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
)

// Kernel builds networks out of real namespaces. It is declared here, by who asks; whoever has root implements it.
type Kernel interface {
	// Build makes a topology's namespaces, links, addresses, routes, rules and rulesets. It must not change the topology.
	//
	// Addresses come before routes and routes before policy rules: the kernel asks for a preferred source's being local and
	// looks a gateway up by the rules that there are (fib_check_nh), and what was legal to make stays when rules change. Of the
	// sysctls ip_forward comes first, for writing it sets every device's forwarding (inet_forward_change).
	Build(t *topology.Topology) (Network, error)
}

// Network is a network that a kernel has built.
type Network interface {
	// Record sends the flow and says what became of it, in the form of a recording of golden/kernel. The recording's
	// topology is the one that the network was built of. before is how often the same flow was sent: who sends it again wants more
	// care taken.
	Record(f lab.Flow, before int) (*lab.Recording, error)
	Close() error
}

// LacksError says that the kernel cannot build a network, for it lacks something, by name: "ipip", "vlan".
type LacksError struct{ What string }

func (e *LacksError) Error() string { return "the kernel lacks " + e.What }
