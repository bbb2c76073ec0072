package measure

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// buffers is a socket with what it sends and receives.
//
// The system calls are raw: Go's ordinary ones tell its scheduler before and after, and it may give the thread's processor away in
// between and have the thread wait to get one back. That would be timed with the kernel, and a program in C would not have it.
type buffers struct {
	fd   int
	data [size]byte
	from unix.RawSockaddrInet4
	len  uint32
}

// mark numbers what is sent.
func (b *buffers) mark(n uint64) { binary.NativeEndian.PutUint64(b.data[:], n) }

// marked is the number of what was received.
func (b *buffers) marked() uint64 { return binary.NativeEndian.Uint64(b.data[:]) }

// send sends on a connected socket; 0 where it did.
func (b *buffers) send() unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(b.fd), uintptr(unsafe.Pointer(&b.data)), size, 0, 0, 0)
	return e
}

// recv waits for a datagram. Go's scheduler interrupts a thread that runs long (SIGURG), which ends no wait.
func (b *buffers) recv() (int, unix.Errno) {
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(b.fd), uintptr(unsafe.Pointer(&b.data)), size, 0, 0, 0)
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

// recvFrom waits for a datagram and keeps whose it is.
func (b *buffers) recvFrom() (int, unix.Errno) {
	b.len = unix.SizeofSockaddrInet4
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(b.fd), uintptr(unsafe.Pointer(&b.data)), size, 0,
		uintptr(unsafe.Pointer(&b.from)), uintptr(unsafe.Pointer(&b.len)))
	return int(n), e
}

// sendTo sends the first n bytes back to whom they are from.
func (b *buffers) sendTo(n int) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(b.fd), uintptr(unsafe.Pointer(&b.data)), uintptr(n), 0,
		uintptr(unsafe.Pointer(&b.from)), unix.SizeofSockaddrInet4)
	return e
}
