package build

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ForgetConnections empties conntrack in every namespace, those that imitate a fabric too: the next packet is the first of its
// flow wherever it comes. ENOENT is no error: there was none to forget.
func (n *Net) ForgetConnections() error {
	for _, name := range n.order {
		if err := n.spaces[name].Netlink().ConntrackTableFlush(netlink.ConntrackTable); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("namespace %s: conntrack: %w", name, err)
		}
	}
	return nil
}
