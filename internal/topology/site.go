package topology

// Site is a network on premises for a reader of the diagram. The walk knows only the namespaces that it names.
type Site struct {
	Name    string
	Subnets []*Subnet // RouterMAC and RouteTable are not set: the router is a namespace
	Nodes   []string  // the namespaces of the nodes, in the description's order
	// Switches are the namespaces of the subnets' switches, by the subnet's ID; Router and Provider are namespaces too. Provider
	// is "" where there is no way out.
	Switches         map[string]string
	Router, Provider string
}
