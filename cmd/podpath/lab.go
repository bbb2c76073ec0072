package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/record"
	"github.com/podpath/podpath/internal/lab/space"
)

// labName is the lab that the commands mean where none is named.
const labName = "lab"

func labCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lab",
		Short: "The same cluster out of real network namespaces, for your own hands (needs root)",
		Long: `Build a cluster's network out of real Linux network namespaces: the same links, addresses, routes, rules and rulesets. Send
packets through it, watch them with your own tools, and compare what the kernel does with what the trace says.

Everything that a lab makes is in namespaces called podpath-<lab>-<place>; nothing else on the machine is touched, and
"podpath lab down" removes it, also after a crash. A cloud's fabric is no Linux: what a VPC does between the cards is
imitated by namespaces of the lab's own, and not compared.`,
	}
	c.AddCommand(labUpCommand(), labDownCommand(), labShellCommand(), labRecordCommand(), labVerifyCommand(), labPresetsCommand(), labFuzzCommand(), labMeasureCommand(), labBenchCommand())
	return c
}

// labFlag names the lab.
func labFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "lab", labName, "the lab's name: several may be up at the same time")
}

// typed is a command of the lab as the user has to type it: with the lab's name where it is not the one that is meant without.
func typed(lab string, words ...string) string {
	if lab != labName {
		words = slices.Insert(words, 1, "--lab", lab) // before what "shell" takes for the place's own command
	}
	return "sudo podpath lab " + strings.Join(words, " ")
}

func checkLab(name string) error {
	if name == "" || strings.ContainsAny(name, "/-. ") {
		return fmt.Errorf("--lab %q: want a word without spaces, dots, slashes and hyphens", name)
	}
	return nil
}

func labUpCommand() *cobra.Command {
	var s source
	var lab string
	c := &cobra.Command{
		Use:   "up",
		Short: "Build a cluster out of network namespaces, and leave it there",
		Example: `  sudo podpath lab up --preset eks-study
  sudo podpath lab shell pod/default/netshoot-1
  sudo podpath lab shell node/node-a tcpdump -ni any
  sudo podpath lab down`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := build.Needs(); err != nil {
				return err
			}
			if err := checkLab(lab); err != nil {
				return err
			}
			n, err := s.open()
			if err != nil {
				return err
			}
			net, err := build.Build(lab, n.topology)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, name := range n.topology.Names() {
				ns, err := n.topology.Namespace(name)
				if err != nil {
					return err
				}
				place := ns.Place.Name
				if place == "" {
					place = name
				}
				fmt.Fprintf(w, "%s\t%s\t%v\n", place, net.Space(name).Name, ns.PrimaryAddress())
			}
			for _, name := range net.Made {
				fmt.Fprintf(w, "(%s)\t%s\timitates the fabric\n", name, net.Space(name).Name)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\n%d namespaces are up. Go in: %s. Take them down: %s\n", len(net.Names()), typed(lab, "shell", "PLACE", "[COMMAND…]"), typed(lab, "down"))
			return nil
		},
	}
	s.flags(c)
	labFlag(c, &lab)
	return c
}

func labDownCommand() *cobra.Command {
	var lab string
	var all bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Remove a lab's namespaces, with all that is in them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Geteuid() != 0 {
				return space.ErrRoot
			}
			if err := checkLab(lab); err != nil {
				return err
			}
			if all {
				lab = ""
			}
			gone, err := space.Down(lab)
			record.ForgetDrops()
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d namespaces removed\n", len(gone))
			return nil
		},
	}
	labFlag(c, &lab)
	c.Flags().BoolVar(&all, "all", false, "every lab on this machine")
	return c
}

func labShellCommand() *cobra.Command {
	var lab string
	c := &cobra.Command{
		Use:   "shell PLACE [COMMAND…]",
		Short: "Run a shell, or a command, inside a place of a lab that is up",
		Example: `  sudo podpath lab shell pod/default/netshoot-1
  sudo podpath lab shell node/node-a -- iptables-save -t nat
  sudo podpath lab shell pod/default/web-1 -- python3 -m http.server 8080`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if os.Geteuid() != 0 {
				return space.ErrRoot
			}
			s, err := inLab(lab, args[0])
			if err != nil {
				return err
			}
			command := args[1:]
			if len(command) > 0 && command[0] == "--" {
				command = command[1:]
			}
			if len(command) == 0 {
				shell := os.Getenv("SHELL")
				if shell == "" {
					shell = "/bin/sh"
				}
				command = []string{shell}
			}
			path, err := exec.LookPath(command[0])
			if err != nil {
				return err
			}
			// The command takes this process's place, so that keys and signals are its own.
			return s.Do(func() error { return unix.Exec(path, command, append(os.Environ(), "PODPATH_PLACE="+args[0])) })
		},
	}
	c.Flags().SetInterspersed(false)
	labFlag(c, &lab)
	return c
}

// inLab finds the namespace of a place.
func inLab(lab, place string) (*space.Space, error) {
	have, err := space.List(lab)
	if err != nil {
		return nil, err
	}
	if len(have) == 0 {
		return nil, fmt.Errorf("lab %s is not up: %s", lab, typed(lab, "up"))
	}
	prefix := space.Name(lab, "")
	var places []string
	for _, name := range have {
		if name == space.Name(lab, place) || name == space.Name(lab, strings.TrimPrefix(place, "node/")) {
			return space.Open(name)
		}
		places = append(places, strings.TrimPrefix(name, prefix))
	}
	return nil, fmt.Errorf("%s: no such place in lab %s; there are %s", place, lab, strings.Join(places, ", "))
}
