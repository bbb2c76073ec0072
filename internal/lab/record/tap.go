package record

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/space"
)

// tap is a packet socket that sees every frame on every device of a namespace, in and out: what tcpdump -i any sees, with the
// direction and the kernel's time stamp (packet(7)).
type tap struct {
	ns string
	fd int
	// names are the devices by index, as they were when the tap was opened.
	names map[int]string
	buf   []byte
	oob   []byte
}

// frame is one sight of a packet.
type frame struct {
	time      int64 // ns
	ns, dev   string
	out       bool
	otherHost bool // a device saw it that it is not for
	hardware  uint16
	data      []byte
}

const (
	allProtocols = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	tapBuffer    = 16 << 20
)

func openTap(s *space.Space, ns string) (*tap, error) {
	t := &tap{ns: ns, fd: -1, names: map[int]string{}, buf: make([]byte, 1<<16), oob: make([]byte, 256)}
	links, err := s.Netlink().LinkList()
	if err != nil {
		return nil, fmt.Errorf("namespace %s: links: %w", ns, err)
	}
	for _, l := range links {
		t.names[l.Attrs().Index] = l.Attrs().Name
	}
	err = s.Do(func() (err error) {
		t.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, allProtocols)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("namespace %s: packet socket: %w", ns, err)
	}
	for _, o := range [][3]int{{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tapBuffer}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1}} {
		if err := unix.SetsockoptInt(t.fd, o[0], o[1], o[2]); err != nil {
			unix.Close(t.fd)
			return nil, fmt.Errorf("namespace %s: packet socket: %w", ns, err)
		}
	}
	return t, nil
}

// read takes what has arrived.
func (t *tap) read() []frame {
	var out []frame
	for {
		n, noob, _, from, err := unix.Recvmsg(t.fd, t.buf, t.oob, 0)
		if err != nil {
			return out
		}
		at, ok := from.(*unix.SockaddrLinklayer)
		if !ok {
			continue
		}
		f := frame{ns: t.ns, dev: t.names[at.Ifindex], out: at.Pkttype == unix.PACKET_OUTGOING, otherHost: at.Pkttype == unix.PACKET_OTHERHOST,
			hardware: at.Hatype, data: append([]byte(nil), t.buf[:n]...)}
		f.time = stamp(t.oob[:noob])
		out = append(out, f)
	}
}

// stamp is the time in a control message.
func stamp(oob []byte) int64 {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return ts.Nano()
		}
	}
	return 0
}

func (t *tap) discard() { t.read() }

// await polls the taps until a frame arrives or the time is over, and gives all frames that are there.
func await(taps []*tap, d time.Duration) []frame {
	fds := make([]unix.PollFd, len(taps))
	for i, t := range taps {
		fds[i] = unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN}
	}
	until := time.Now().Add(d)
	for {
		left := time.Until(until)
		if left < 0 {
			return nil
		}
		n, err := unix.Poll(fds, int(left.Milliseconds())+1)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return nil
		}
		var out []frame
		for i, t := range taps {
			if fds[i].Revents != 0 {
				out = append(out, t.read()...)
			}
		}
		return out
	}
}

// captured are a flow's frames as a recording keeps them.
func (s *sent) captured() []lab.Frame {
	out := make([]lab.Frame, len(s.frames))
	for i, f := range s.frames {
		out[i] = lab.Frame{Time: f.time, NS: f.ns, Dev: f.dev, Raw: !link(f.hardware), Data: f.data}
	}
	return out
}
