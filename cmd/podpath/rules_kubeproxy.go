package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/kubeproxy"
)

// Annotations by which a Node among the objects says more about its host than the API knows.
const (
	annotationKubeletFirst  = "golden/kubelet-rules-first"
	annotationHostAddresses = "golden/extra-host-addresses"
)

func rulesKubeProxyCommand() *cobra.Command {
	var file, host, family, node string
	c := &cobra.Command{
		Use:   "kube-proxy -f OBJECTS|-",
		Short: "Print the iptables rules that kube-proxy writes on a node for Kubernetes objects",
		Long: `Print the rules that kube-proxy v1.37 writes on a node: in iptables mode as iptables-save would, in nftables mode its own
table as nft list table would.

OBJECTS holds Nodes, Services and EndpointSlices, as "kubectl get nodes,services,endpointslices -A -o yaml" gives them,
and, if kube-proxy is configured, a KubeProxyConfiguration. Its hostnameOverride, or --node, says which node. Objects of
other kinds are passed over; standard error names them.

The addresses of the node's interfaces matter with nodePortAddresses. --host names a file of them as "ip -brief address"
prints; without it they are the Node's InternalIPs, loopback, and what the Node's annotation ` + annotationHostAddresses + `
lists ("eth1=192.0.2.5/24 …").`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := familyOf(family)
			if err != nil {
				return err
			}
			in, err := kubeProxyInput(cmd.InOrStdin(), cmd.ErrOrStderr(), file, host, node)
			if err == nil {
				if err = printRules(cmd.OutOrStdout(), in, f); err == nil {
					return nil
				}
			}
			for _, line := range strings.Split(err.Error(), "\n") {
				fmt.Fprintln(cmd.ErrOrStderr(), "podpath:", line)
			}
			return errDiffers
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "file of Kubernetes objects, YAML or JSON; - is standard input")
	c.Flags().StringVar(&host, "host", "", "file of the host's addresses, as ip -brief address prints them")
	c.Flags().StringVar(&family, "family", "ipv4", "ipv4 or ipv6")
	c.Flags().StringVar(&node, "node", "", "the node; kube-proxy's hostnameOverride, or the only Node, where not given")
	if err := c.MarkFlagRequired("file"); err != nil {
		panic(err) // the flag is right above
	}
	return c
}

// printRules prints what kube-proxy writes in its mode.
func printRules(out io.Writer, in *kubeproxy.Input, f kubeproxy.Family) error {
	if in.Mode() == kubeproxy.ModeNFTables {
		t, err := kubeproxy.Table(in, f)
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, t.String())
		return err
	}
	rs, err := kubeproxy.Rules(in, f)
	if err != nil {
		return err
	}
	_, err = rs.WriteTo(out)
	return err
}

func familyOf(name string) (kubeproxy.Family, error) {
	switch name {
	case "ipv4":
		return kubeproxy.IPv4, nil
	case "ipv6":
		return kubeproxy.IPv6, nil
	}
	return 0, fmt.Errorf("--family %q (want ipv4 or ipv6)", name)
}

// kubeProxyInput reads the objects and what is known of the node's host. It names on stderr the objects that it passes over,
// among which a kind may be misspelt.
func kubeProxyInput(stdin io.Reader, stderr io.Writer, file, host, node string) (*kubeproxy.Input, error) {
	data, name, err := readAll(stdin, file)
	if err != nil {
		return nil, err
	}
	o, err := cluster.ReadObjects(data, name)
	if o != nil {
		for _, x := range o.Ignored {
			fmt.Fprintln(stderr, "passed over:", x)
		}
	}
	if err != nil {
		return nil, err
	}
	in := &kubeproxy.Input{Config: o.KubeProxy, Services: o.Services, EndpointSlices: o.EndpointSlices}
	if in.Node, err = nodeOf(o, node); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	in.KubeletFirst = in.Node.Annotations[annotationKubeletFirst] == "true"
	if host == "" {
		in.HostAddresses, err = extraAddresses(in.Node)
		return in, err
	}
	text, err := os.ReadFile(host)
	if err != nil {
		return nil, err
	}
	if in.HostAddresses, err = kubeproxy.ParseHostAddresses(string(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", host, err)
	}
	return in, nil
}

// readAll reads a file, or standard input, up to one byte more than is allowed, so that too much is told from enough.
func readAll(stdin io.Reader, file string) (data []byte, name string, err error) {
	r, name := stdin, "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, file, err
		}
		defer f.Close()
		r, name = f, file
	}
	data, err = io.ReadAll(io.LimitReader(r, cluster.MaxSize+1))
	return data, name, err
}

// nodeOf is the node that rules are asked for.
func nodeOf(o *cluster.Objects, name string) (*corev1.Node, error) {
	if name == "" && o.KubeProxy != nil {
		name = o.KubeProxy.HostnameOverride
	}
	names := make([]string, 0, len(o.Nodes))
	for _, n := range o.Nodes {
		if n.Name == name || name == "" && len(o.Nodes) == 1 {
			return n, nil
		}
		names = append(names, n.Name)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no Node (want the one that kube-proxy runs on)")
	case name == "":
		return nil, fmt.Errorf("%d Nodes (want --node, one of %s)", len(names), strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("no Node %s (want one of %s)", name, strings.Join(names, ", "))
}

// extraAddresses adds the addresses that an annotation lists ("eth1=192.0.2.5/24 …") to those every node has.
func extraAddresses(n *corev1.Node) ([]netip.Addr, error) {
	addrs := kubeproxy.DefaultHostAddresses(n)
	for _, word := range strings.Fields(n.Annotations[annotationHostAddresses]) {
		_, text, ok := strings.Cut(word, "=")
		p, err := netip.ParsePrefix(text)
		if !ok || err != nil {
			return nil, fmt.Errorf("node %s: annotation %s: %q (want interface=address/length)", n.Name, annotationHostAddresses, word)
		}
		if !slices.Contains(addrs, p.Addr()) {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs, nil
}
