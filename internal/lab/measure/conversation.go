package measure

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab/space"
)

// Conversation is a UDP client and those that may answer it, all on one CPU, so that a round trip is the kernel's work and
// two switches from thread to thread, and no waiting for another CPU to wake up.
type Conversation struct {
	CPU     int
	Client  *space.Space
	From    netip.Addr // the client's own address
	To      netip.AddrPort
	Servers []Server
}

// Server answers every datagram with the same.
type Server struct {
	Space *space.Space
	At    netip.AddrPort
}

const (
	size = 64 // bytes of a datagram's payload (underlay.md, section 5a)

	// warmUp are round trips that do not count: they find the neighbours, and fill the caches.
	warmUp = 200

	// A first packet's client ports: every packet has another, until all have been used.
	firstPort, lastPort = 20_000, 60_000

	patience = time.Second           // of a client: in a lab, nothing takes that long that comes at all
	rest     = 20 * time.Millisecond // of a server, before it looks whether it is over
)

// Established times n round trips of one flow: conntrack knows it, and no nat chain is asked.
func (c *Conversation) Established(n int) ([]time.Duration, error) {
	out := make([]time.Duration, 0, n)
	err := c.run(func() error {
		s, err := c.open(firstPort)
		if err != nil {
			return err
		}
		defer s.close()
		if err := s.warm(warmUp); err != nil {
			return err
		}
		last := time.Now()
		for range n {
			if err := s.exchange(); err != nil {
				return err
			}
			now := time.Now()
			out = append(out, now.Sub(last))
			last = now
		}
		return nil
	})
	return out, err
}

// MaxFresh is how many first packets one call can time: each needs a port of its own.
const MaxFresh = lastPort - firstPort - warmUp

// Fresh times n round trips of a new flow each: nat chains are asked, and a conntrack entry is made. Making the socket, with the
// route that connect(2) looks up, is not within the time. Whoever calls twice has conntrack forget in between.
func (c *Conversation) Fresh(n int) ([]time.Duration, error) {
	if n > MaxFresh {
		return nil, fmt.Errorf("%d first packets: there are ports for %d", n, MaxFresh)
	}
	out := make([]time.Duration, 0, n)
	err := c.run(func() error {
		for i := range n + warmUp {
			s, err := c.open(uint16(firstPort + i))
			if err != nil {
				return err
			}
			if i == 0 {
				err = s.warm(1)
			} else {
				start := time.Now()
				err = s.exchange()
				if i >= warmUp {
					out = append(out, time.Since(start))
				}
			}
			s.close()
			if err != nil {
				return fmt.Errorf("client port %d: %w", firstPort+i, err)
			}
		}
		return nil
	})
	return out, err
}

// run has the servers up while f runs, in the client's namespace and on the CPU.
func (c *Conversation) run(f func() error) error {
	// Each thread keeps a processor of Go's while it waits (see recv), and the rest of the program needs some too. A
	// collection would have to wait for all of them, so there is none meanwhile; little is allocated.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1 + len(c.Servers)))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var over atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer over.Store(true)
	for _, s := range c.Servers {
		up := make(chan error, 2) // it may fail again when it ends
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := onCPU(c.CPU, s.Space, func() error { return serve(s.At, up, &over) }); err != nil {
				up <- err
			}
		}()
		if err := <-up; err != nil {
			return fmt.Errorf("server at %v: %w", s.At, err)
		}
	}
	done := make(chan error)
	go func() { done <- onCPU(c.CPU, c.Client, f) }()
	return <-done
}

// onCPU runs f on a thread of its own, in a namespace and on one CPU. The thread ends with the goroutine that calls, since it
// is never unlocked: nothing else may inherit its CPU.
func onCPU(cpu int, s *space.Space, f func() error) error {
	runtime.LockOSThread()
	if err := pin(cpu); err != nil {
		return err
	}
	return s.Do(f)
}

// pin binds the calling thread to a CPU.
func pin(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("CPU %d: %w", cpu, err)
	}
	return nil
}

// OnCPU runs f on a thread that is bound to a CPU, as the ends of a conversation are.
func OnCPU(cpu int, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := pin(cpu)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// CPU is the last CPU that this process may run on: interrupts and whatever else the machine does prefer the first.
func CPU() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, fmt.Errorf("CPUs of this process: %w", err)
	}
	for cpu := len(set)*64 - 1; cpu >= 0; cpu-- {
		if set.IsSet(cpu) {
			return cpu, nil
		}
	}
	return 0, errors.New("this process may run on no CPU")
}

// serve answers until it is over. It says through up when it listens.
func serve(at netip.AddrPort, up chan<- error, over *atomic.Bool) error {
	fd, err := socket(at, rest)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	up <- nil
	b := &buffers{fd: fd}
	for !over.Load() {
		n, e := b.recvFrom()
		if e == 0 {
			// An answer that cannot be sent is missed by the client, which says so.
			_ = b.sendTo(n)
		}
	}
	return nil
}

// socket is a UDP socket at an address, which waits so long for a datagram.
func socket(at netip.AddrPort, wait time.Duration) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	tv := unix.NsecToTimeval(int64(wait))
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv), unix.Bind(fd, sockaddr(at)))
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("socket at %v: %w", at, err)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// client is a connected socket.
type client struct {
	buffers
	number uint64
}

func (c *Conversation) open(port uint16) (*client, error) {
	fd, err := socket(netip.AddrPortFrom(c.From, port), patience)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, sockaddr(c.To)); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("connecting to %v: %w", c.To, err)
	}
	return &client{buffers: buffers{fd: fd}}, nil
}

func (s *client) close() { unix.Close(s.fd) }

// warm makes round trips that do not count. The first may get lost while a neighbour is looked for.
func (s *client) warm(n int) error {
	var err error
	for range 3 {
		if err = s.exchange(); err == nil {
			break
		}
	}
	for i := 1; i < n && err == nil; i++ {
		err = s.exchange()
	}
	return err
}

// exchange is one round trip.
func (s *client) exchange() error {
	s.number++
	s.mark(s.number)
	if e := s.send(); e != 0 {
		return fmt.Errorf("sending: %w", e)
	}
	for {
		switch n, e := s.recv(); {
		case e == unix.EAGAIN:
			return errors.New("nothing answered")
		case e != 0:
			return fmt.Errorf("receiving: %w", e)
		case n == size && s.marked() == s.number: // else an answer to what was given up before
			return nil
		}
	}
}
