package fuzz

import (
	"errors"
	"fmt"

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
	// topology is the one that the network was built of.
	Record(f lab.Flow) (*lab.Recording, error)
	Close() error
}

// ErrLacks says that the kernel cannot build a network. What it lacks is behind it, by name; see [Lacks].
var ErrLacks = errors.New("the kernel lacks")

// Lacks is the error of a kernel that lacks something, which the driver counts by that name: "ipip", "iptables-legacy".
func Lacks(name string) error { return &lackError{name} }

type lackError struct{ name string }

func (e *lackError) Error() string { return fmt.Sprintf("%v %s", ErrLacks, e.name) }
func (e *lackError) Unwrap() error { return ErrLacks }

// lacking is the name of what the kernel lacks.
func lacking(err error) string {
	var l *lackError
	if errors.As(err, &l) {
		return l.name
	}
	return err.Error()
}
