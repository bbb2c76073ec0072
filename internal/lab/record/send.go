package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/space"
)

// sent is what came of a flow.
type sent struct {
	frames []frame
	events [][]map[uint16][]byte // of the traced namespaces, in their order
	drops  []lab.Drop
	conns  []string
	client string   // what the client application saw
	server []string // the namespaces whose server got something
}

// conversation is one flow under way.
type conversation struct {
	f    *lab.Flow
	over atomic.Bool  // nobody waits any longer
	busy atomic.Int32 // servers that have got something and are not done with it
	wg   sync.WaitGroup

	mu     sync.Mutex
	server []string
}

// Timeout is what a client saw that nothing answered.
const Timeout = "timeout"

// settled is how long nothing may move when both sides are done: what is under way then needs no application any more.
const settled = 25 * time.Millisecond

// longest is how long a flow may take: a TCP that hears nothing sends its SYN again after a second (TCP_TIMEOUT_INIT).
const longest = 900 * time.Millisecond

// slice is how long a socket sleeps before it looks whether anybody still waits.
const slice = 10

// exchange runs a flow to its end: the servers listen, the client sends, and all is over when nothing moves any more.
func (r *Recorder) exchange(f lab.Flow) (*sent, error) {
	c := &conversation{f: &f}
	defer func() {
		c.over.Store(true)
		c.wg.Wait()
	}()
	if f.Protocol != "icmp" {
		for _, name := range f.Servers {
			for _, l := range f.Sockets() {
				if l.Protocol != f.Protocol {
					continue
				}
				fd, err := listen(r.net.Space(name), l.Protocol, l.Address, l.Port)
				if err != nil {
					return nil, fmt.Errorf("%s: listening on %s port %d: %w", name, l.Protocol, l.Port, err)
				}
				c.wg.Add(1)
				go c.serve(name, fd)
			}
		}
	}
	done := make(chan string, 1)
	fail := make(chan error, 1)
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		saw, err := c.send(r.net.Space(f.From))
		if err != nil {
			fail <- err
		}
		done <- saw
	}()
	out := &sent{}
	client, pending := "", true
	begun, quiet := time.Now(), time.Now()
	for {
		frames := await(r.taps, slice*time.Millisecond)
		out.frames = append(out.frames, frames...)
		if len(frames) > 0 {
			quiet = time.Now()
		}
		if pending {
			select {
			case client = <-done:
				pending, quiet = false, time.Now()
			default:
			}
		}
		patience := r.Patience
		if !pending && c.busy.Load() == 0 {
			patience = settled
		}
		if time.Since(quiet) > patience || time.Since(begun) > longest {
			break
		}
	}
	if err := r.note(out); err != nil { // before the sockets close: that is no part of the flow
		return nil, err
	}
	c.over.Store(true)
	if pending {
		client = <-done
	}
	c.wg.Wait()
	select {
	case err := <-fail:
		return nil, err
	default:
	}
	out.client, out.server = client, c.server
	return out, nil
}

// note takes what the kernel has said beside the frames.
func (r *Recorder) note(s *sent) (err error) {
	for _, t := range r.rules {
		e, err := t.events()
		if err != nil {
			return err
		}
		s.events = append(s.events, e)
	}
	if r.drops != nil {
		s.drops = r.drops.take()
	}
	s.conns, err = r.conntrack()
	return err
}

func kind(protocol string) int {
	if protocol == "tcp" {
		return unix.SOCK_STREAM
	}
	return unix.SOCK_DGRAM
}

// listen makes a server's socket in a namespace.
func listen(s *space.Space, protocol string, at netip.Addr, port uint16) (fd int, err error) {
	err = s.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, kind(protocol)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1),
		unix.Bind(fd, address(at, port)))
	if err == nil && protocol == "tcp" {
		err = unix.Listen(fd, 4)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func address(a netip.Addr, port uint16) *unix.SockaddrInet4 {
	out := &unix.SockaddrInet4{Port: int(port)}
	if a.Is4() {
		out.Addr = a.As4()
	}
	return out
}

// ready waits for a socket; false where nobody waits any longer.
func (c *conversation) ready(fd int, events int16) bool {
	for !c.over.Load() {
		p := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(p, slice)
		if err != nil && err != unix.EINTR {
			return false
		}
		if n > 0 {
			return true
		}
	}
	return false
}

func (c *conversation) got(ns string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = append(c.server, ns)
}

// serve answers once. A datagram is answered from the address that it was sent to, as a well-kept server does
// (IP_PKTINFO, ip(7)): else the route to the client would choose, which on a node with two cards may be the wrong one.
func (c *conversation) serve(ns string, fd int) {
	defer c.wg.Done()
	defer unix.Close(fd)
	answer := []byte(lab.Answer(ns))
	buf, oob := make([]byte, 1<<16), make([]byte, 256)
	if !c.ready(fd, unix.POLLIN) {
		return
	}
	c.busy.Add(1)
	defer c.busy.Add(-1)
	if c.f.Protocol == "udp" {
		n, noob, _, peer, err := unix.Recvmsg(fd, buf, oob, 0)
		if err != nil {
			return
		}
		c.got(ns)
		if n == 0 {
			answer = nil // as a trace has it: who says nothing hears nothing
		}
		_ = unix.Sendmsg(fd, answer, pktinfo(oob[:noob]), peer, 0) // the client sees whether it came
		return
	}
	conn, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return
	}
	defer unix.Close(conn)
	if !c.ready(conn, unix.POLLIN) {
		return
	}
	if n, err := unix.Read(conn, buf); err != nil || n == 0 {
		return
	}
	c.got(ns)
	if _, err := unix.Write(conn, answer); err != nil {
		return
	}
	if c.ready(conn, unix.POLLIN) { // the client's FIN
		_, _ = unix.Read(conn, buf)
	}
}

// pktinfo turns what a datagram came with into what its answer is to go with: the same address.
func pktinfo(oob []byte) []byte {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range msgs {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo {
			return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[8:12])}) // ipi_addr: the header's destination
		}
	}
	return nil
}

// send is the client: it sends from its port, and says what it saw.
func (c *conversation) send(s *space.Space) (string, error) {
	f := c.f
	if f.Protocol == "icmp" {
		return c.ping(s)
	}
	source, err := f.Bound()
	if err != nil {
		return "", err
	}
	var fd int
	err = s.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, kind(f.Protocol)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), c.header(fd), unix.Bind(fd, address(source, f.ClientPort)))
	if err != nil {
		return "", fmt.Errorf("client port %d: %w", f.ClientPort, err)
	}
	to, err := netip.ParseAddr(f.To)
	if err != nil {
		return "", err
	}
	err = unix.Connect(fd, address(to, f.Port))
	if err == unix.EINPROGRESS {
		if !c.ready(fd, unix.POLLOUT) {
			return Timeout, nil
		}
		var n int
		if n, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && n != 0 {
			err = unix.Errno(n)
		}
	}
	if err != nil {
		return said(err), nil
	}
	if _, err := unix.Write(fd, payload(f.Payload)); err != nil {
		return said(err), nil
	}
	if !c.ready(fd, unix.POLLIN) {
		return Timeout, nil
	}
	buf := make([]byte, 1<<16)
	n, err := unix.Read(fd, buf)
	switch {
	case err != nil:
		return said(err), nil
	case n == 0 && f.Protocol == "udp":
		return lab.EmptyAnswer, nil
	}
	return string(buf[:n]), nil
}

// header sets the TTL and DF that the flow is to have. Without DF the kernel may cut the packet up; with it, it neither does nor
// heeds what it knows of the path (IP_PMTUDISC_DO fails on what does not fit the device, ip(7)).
func (c *conversation) header(fd int) error {
	df := unix.IP_PMTUDISC_DONT
	if c.f.DF {
		df = unix.IP_PMTUDISC_WANT
	}
	return errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, int(c.f.TTL)), unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, df))
}

// payload is what a client sends: "ping", filled up.
func payload(size int) []byte {
	b := []byte(strings.Repeat(".", size))
	copy(b, "ping")
	return b
}

// said is an error by the name that errno(3) has for it.
func said(err error) string {
	var e unix.Errno
	if errors.As(err, &e) {
		return unix.ErrnoName(e)
	}
	return err.Error()
}

// ping sends one echo request with the flow's client port as its identifier, as ping(8) run once.
func (c *conversation) ping(s *space.Space) (string, error) {
	f := c.f
	source, err := f.Bound()
	if err != nil {
		return "", err
	}
	var fd int
	err = s.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		return err
	})
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	if err := errors.Join(c.header(fd), unix.Bind(fd, address(source, 0))); err != nil {
		return "", err
	}
	to, err := netip.ParseAddr(f.To)
	if err != nil {
		return "", err
	}
	if err := unix.Connect(fd, address(to, 0)); err != nil {
		return said(err), nil
	}
	msg := append([]byte{8, 0, 0, 0, 0, 0, 0, 1}, payload(f.Payload)...)
	binary.BigEndian.PutUint16(msg[4:], f.ClientPort)
	binary.BigEndian.PutUint16(msg[2:], checksum(msg))
	if _, err := unix.Write(fd, msg); err != nil {
		return said(err), nil
	}
	buf := make([]byte, 1<<16)
	for c.ready(fd, unix.POLLIN) {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return said(err), nil
		}
		if p, ok := parseIP(buf[:n]); ok && len(p.body) >= 8 && p.body[0] == 0 && binary.BigEndian.Uint16(p.body[4:]) == f.ClientPort {
			return lab.EchoReply, nil
		}
	}
	return Timeout, nil
}

// checksum is the Internet's (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		sum += w
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
