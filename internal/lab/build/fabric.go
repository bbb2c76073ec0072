package build

import (
	"fmt"

	"github.com/podpath/podpath/internal/topology"
)

type fabric struct{ spaces []*topology.Namespace }

const outsideSpace = "internet-gateway"

func fabricSpace(f *topology.Fabric) string { return f.Name }
func cardPort(c *topology.ENICard) string   { return c.ID }
func hostPort(f *topology.Fabric, at topology.Port) string {
	return at.Namespace
}

func imitate(t *topology.Topology) (*fabric, error) { return nil, fmt.Errorf("not yet") }
