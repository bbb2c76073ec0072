// Package space makes, enters and takes down the network namespaces of labs. Everything a lab leaves on a machine is in
// namespaces whose names begin with Prefix, so that whoever takes them down takes down all of it, also after a crash: links,
// addresses, routes, rules and sockets go with their namespace (network_namespaces(7)).
package space

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Prefix begins the name of every namespace that podpath makes: podpath-<lab>-<namespace>.
const Prefix = "podpath-"

// Dir is where named namespaces are mounted, as ip-netns(8) has it.
const Dir = "/run/netns"

// ErrRoot is why nothing of a lab works for an ordinary user.
var ErrRoot = errors.New("network namespaces need root: run it with sudo")

// Root says whether this process may make network namespaces; nil if it may.
func Root() error {
	if os.Geteuid() != 0 {
		return ErrRoot
	}
	done := make(chan error)
	go func() { // the thread is thrown away with the namespace: it is never unlocked
		runtime.LockOSThread()
		done <- unix.Unshare(unix.CLONE_NEWNET)
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("network namespaces cannot be made here, though this is root: %w", err)
	}
	return nil
}

// Space is one named network namespace.
type Space struct {
	Name string // as `ip netns` lists it, where it has one

	ns netns.NsHandle
	nl *netlink.Handle
}

// Name is the namespace of a lab that stands for one of a topology. A topology's names have slashes, a file's cannot.
func Name(lab, of string) string { return Prefix + lab + "-" + strings.ReplaceAll(of, "/", ".") }

// Create makes a namespace. It fails where the name is taken.
func Create(name string) (*Space, error) {
	if err := os.MkdirAll(Dir, 0o755); err != nil {
		return nil, err
	}
	done := make(chan error)
	go func() { // on a thread of its own, which ends with the goroutine: it is left in the new namespace
		runtime.LockOSThread()
		h, err := netns.NewNamed(name)
		if err == nil {
			h.Close()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return Open(name)
}

// Unnamed makes a namespace that nobody else finds. It ends when it is closed, or with this process.
func Unnamed() (*Space, error) {
	const name = "(unnamed)"
	var ns netns.NsHandle
	done := make(chan error)
	go func() { // as in Create
		runtime.LockOSThread()
		var err error
		ns, err = netns.New()
		done <- err
	}()
	if err := <-done; err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return hold(name, ns)
}

// Open takes hold of a namespace that is there.
func Open(name string) (*Space, error) {
	ns, err := netns.GetFromName(name)
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return hold(name, ns)
}

func hold(name string, ns netns.NsHandle) (*Space, error) {
	nl, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER)
	if err != nil {
		ns.Close()
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return &Space{name, ns, nl}, nil
}

// Close lets go of the namespace. One with a name stays where it is.
func (s *Space) Close() {
	s.nl.Close()
	s.ns.Close()
}

// Netlink is a handle to the namespace's routing and netfilter sockets.
func (s *Space) Netlink() *netlink.Handle { return s.nl }

// FD is the namespace's file descriptor, as IFLA_NET_NS_FD wants it.
func (s *Space) FD() int { return int(s.ns) }

// Do runs f on a thread that is in the namespace; sockets made and programs started there stay in it.
func (s *Space) Do(f func() error) error {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	if err := netns.Set(s.ns); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("namespace %s: %w", s.Name, err)
	}
	ferr := f()
	if err := netns.Set(home); err != nil {
		// A thread that cannot go home must not run anything else: it stays locked and ends with its goroutine.
		return errors.Join(ferr, fmt.Errorf("leaving namespace %s: %w", s.Name, err))
	}
	runtime.UnlockOSThread()
	return ferr
}

// Sysctl writes a switch of the namespace. A name is as sysctl(8) has it; a dot within an interface's name is a slash.
func (s *Space) Sysctl(name, value string) error {
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "/", ".")
	}
	path := filepath.Join(append([]string{"/proc/sys"}, parts...)...)
	return s.Do(func() error { // /proc/sys/net shows the namespace of the thread that looks
		if err := os.WriteFile(path, []byte(value+"\n"), 0); err != nil {
			if have, rerr := os.ReadFile(path); rerr == nil && strings.TrimSpace(string(have)) == value {
				return nil // some can only be read, and stand as they should
			}
			return fmt.Errorf("namespace %s: sysctl %s=%s: %w", s.Name, name, value, err)
		}
		return nil
	})
}
